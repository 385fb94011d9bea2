import {
  createTheme,
  defaultVariantColorsResolver,
  parseThemeColor,
  type CSSVariablesResolver,
  type MantineColorsTuple,
  type VariantColorsResolver,
} from "@mantine/core";

/** Neutrals lean warm in light (limewash) and green-black in dark (a hill at night); never pure black or blue-grey. */
const gray: MantineColorsTuple = [
  "#f6f5f0",
  "#efede6",
  "#e5e2d9",
  "#d6d3c8",
  "#bcb8ac",
  "#949186",
  "#716f67",
  "#565650",
  "#393c38",
  "#1d2421",
];
const dark: MantineColorsTuple = [
  "#e7eae5",
  "#c6ccc5",
  "#a7afa8",
  "#7d8680",
  "#3b4441",
  "#2d3532",
  "#212826",
  "#121615",
  "#0d1110",
  "#080b0a",
];
/** The house colour: what one may press, and what is settled. */
const pine: MantineColorsTuple = [
  "#ecf4ef",
  "#d6e7dd",
  "#b1d1bf",
  "#8fc0a6",
  "#63a484",
  "#44886a",
  "#2e7056",
  "#1f5b44",
  "#174a37",
  "#0f3727",
];
const ochre: MantineColorsTuple = [
  "#fdf5e2",
  "#f9e9c4",
  "#f0d493",
  "#e6b95c",
  "#d5a03a",
  "#b98321",
  "#966812",
  "#7a5200",
  "#614100",
  "#463000",
];
const heather: MantineColorsTuple = [
  "#f6eff9",
  "#eadcf2",
  "#dcc3ea",
  "#cfa8e6",
  "#b27fd0",
  "#955fb6",
  "#7d4b9c",
  "#6a3f87",
  "#54316b",
  "#3d2450",
];
const rowan: MantineColorsTuple = [
  "#fcefec",
  "#f8dad5",
  "#f5bdb4",
  "#f29b90",
  "#e07164",
  "#c94c3f",
  "#b4352a",
  "#a3261f",
  "#821b16",
  "#5f130f",
];
const loch: MantineColorsTuple = [
  "#ecf4f8",
  "#d5e7f0",
  "#b4d6e7",
  "#8fc4e2",
  "#5fa3c8",
  "#3c84ab",
  "#286b90",
  "#1c5878",
  "#144660",
  "#0d3347",
];

const rem = (px: number) => `${px / 16}rem`;

/** Mantine picks contrast for one scheme only: the two variants we use most take their colours from the tokens instead. */
const variantColorResolver: VariantColorsResolver = (input) => {
  const color = parseThemeColor({ color: input.color || input.theme.primaryColor, theme: input.theme }).color;
  const tone = color === "pine" ? "house" : color === "rowan" ? "refused" : undefined;
  if (tone && input.variant === "filled")
    return {
      background: `var(--b-${tone})`,
      hover: `color-mix(in srgb, var(--b-${tone}) 88%, var(--b-ink))`,
      color: "var(--b-on-house)",
      border: "none",
    };
  if (tone && input.variant === "subtle")
    return { background: "transparent", hover: `var(--b-${tone}-bg)`, color: `var(--b-${tone})`, border: "none" };
  return defaultVariantColorsResolver(input);
};

/** The head of a dialog is a `header` element, but not the banner of the page. */
const DIALOG = { header: { role: "presentation" } };

export const theme = createTheme({
  variantColorResolver,
  colors: { gray, dark, pine, ochre, heather, rowan, loch },
  primaryColor: "pine",
  primaryShade: { light: 7, dark: 3 },
  autoContrast: true,
  luminanceThreshold: 0.35,
  white: "#ffffff",
  black: "#1d2421",
  fontFamily: '"Atkinson Hyperlegible Next Variable", system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
  fontFamilyMonospace: '"Atkinson Hyperlegible Mono Variable", ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, monospace',
  fontSizes: { xs: rem(13), sm: rem(14.5), md: rem(16), lg: rem(18), xl: rem(22) },
  lineHeights: { xs: "1.4", sm: "1.45", md: "1.5", lg: "1.4", xl: "1.3" },
  headings: {
    fontWeight: "640",
    sizes: {
      h1: { fontSize: rem(27), lineHeight: "1.2" },
      h2: { fontSize: rem(18), lineHeight: "1.3" },
      h3: { fontSize: rem(16), lineHeight: "1.35" },
    },
  },
  spacing: { xs: rem(8), sm: rem(12), md: rem(16), lg: rem(24), xl: rem(32) },
  radius: { xs: rem(6), sm: rem(8), md: rem(12), lg: rem(20), xl: rem(32) },
  defaultRadius: "sm",
  shadows: {
    /** Only what floats has a shadow: sheet, palette, menu, toast. Cards have a line. */
    sm: "0 1px 2px rgb(20 26 23 / .06)",
    md: "0 4px 16px rgb(20 26 23 / .10), 0 1px 2px rgb(20 26 23 / .08)",
    xl: "0 16px 48px rgb(10 14 12 / .22), 0 2px 8px rgb(10 14 12 / .12)",
  },
  respectReducedMotion: true,
  cursorType: "pointer",
  focusRing: "auto",
  components: {
    Button: {
      defaultProps: { size: "md" },
      styles: { root: { fontWeight: 600, height: rem(44), paddingInline: rem(18), fontSize: rem(15.5) } },
    },
    ActionIcon: { defaultProps: { size: 44, variant: "subtle", color: "gray" } },
    TextInput: { defaultProps: { size: "md" } },
    NativeSelect: { defaultProps: { size: "md" } },
    PasswordInput: { defaultProps: { size: "md" } },
    Textarea: { defaultProps: { size: "md" } },
    FileInput: { defaultProps: { size: "md" } },
    Checkbox: { defaultProps: { size: "md" } },
    Switch: { defaultProps: { size: "md" } },
    Select: { defaultProps: { size: "md", checkIconPosition: "right" } },
    NumberInput: { defaultProps: { size: "md" } },
    // In place, where a landmark is around it, and without an element that is no item of a menu.
    Menu: { defaultProps: { withinPortal: false, withInitialFocusPlaceholder: false } },
    Drawer: {
      defaultProps: {
        attributes: DIALOG,
        radius: "lg",
        shadow: "xl",
        overlayProps: { backgroundOpacity: 0.4, blur: 0 },
        transitionProps: { duration: 200 },
      },
    },
    Modal: {
      defaultProps: {
        attributes: DIALOG,
        radius: "lg",
        shadow: "xl",
        centered: true,
        overlayProps: { backgroundOpacity: 0.4, blur: 0 },
        transitionProps: { duration: 160, transition: "fade-up" },
      },
    },
    ModalRoot: { defaultProps: { shadow: "xl", centered: true, transitionProps: { duration: 160, transition: "fade-up" } } },
    ModalOverlay: { defaultProps: { backgroundOpacity: 0.4 } },
    DrawerRoot: { defaultProps: { shadow: "xl", transitionProps: { duration: 200 } } },
    DrawerOverlay: { defaultProps: { backgroundOpacity: 0.4 } },
    Notification: { defaultProps: { radius: "md", withBorder: true } },
    Tooltip: { defaultProps: { openDelay: 300, radius: "sm" } },
    SegmentedControl: { defaultProps: { radius: "sm" } },
    Progress: { defaultProps: { radius: "xl", size: 8 } },
  },
});

const SHARED = {
  "--b-ease": "cubic-bezier(.2,.8,.2,1)",
  "--b-fast": "120ms",
  "--b-slow": "220ms",
  "--b-tap": "44px",
  "--b-radius-card": rem(14),
};

/** Every text pair here is at least 4.5:1 on page, surface and sunken; every line that carries meaning at least 3:1. */
const LIGHT = {
  "--mantine-color-body": "#f6f5f0",
  "--mantine-color-text": "#1d2421",
  "--mantine-color-dimmed": "#5b5f59",
  "--mantine-color-placeholder": "#6b6e67",
  "--mantine-color-error": "#a3261f",
  "--mantine-color-default-border": "#cfccc0",
  "--mantine-color-anchor": "#1f5b44",
  "--mantine-color-gray-light": "#efede6",
  "--mantine-color-gray-light-hover": "#e5e2d9",
  "--mantine-color-gray-light-color": "#393c38",
  "--b-page": "#f6f5f0",
  "--b-surface": "#ffffff",
  "--b-sunken": "#f1efe8",
  "--b-raised": "#ffffff",
  "--b-skeleton": "#e9e6dd",
  "--b-line": "#e2dfd5",
  "--b-line-strong": "#85837a",
  "--b-ink": "#1d2421",
  "--b-ink-2": "#5b5f59",
  "--b-house": "#1f5b44",
  "--b-house-bg": "#e4efe8",
  "--b-on-house": "#ffffff",
  "--b-lamp": "#f2b632",
  "--b-mark": "#1f5b44",
  "--b-stroke": "#2e7056",
  "--b-final": "#1f5b44",
  "--b-final-bg": "#e4efe8",
  "--b-tentative": "#754e00",
  "--b-tentative-bg": "#fbf1d9",
  "--b-tentative-line": "#ad7a1c",
  "--b-recovered": "#6a3f87",
  "--b-recovered-bg": "#f3eaf8",
  "--b-refused": "#a3261f",
  "--b-refused-bg": "#fbeae7",
  "--b-offline": "#565a54",
  "--b-offline-bg": "#ebe9e1",
  "--b-live": "#1c5878",
  "--b-live-bg": "#e5f0f6",
  "--b-live-line": "#286b90",
};

const DARK = {
  "--mantine-color-body": "#121615",
  "--mantine-color-text": "#e7eae5",
  "--mantine-color-dimmed": "#a7afa8",
  "--mantine-color-placeholder": "#939c95",
  "--mantine-color-error": "#f29b90",
  "--mantine-color-default-border": "#3b4441",
  "--mantine-color-anchor": "#8fc0a6",
  "--mantine-color-gray-light": "#262d2b",
  "--mantine-color-gray-light-hover": "#2d3532",
  "--mantine-color-gray-light-color": "#d5dad4",
  "--mantine-color-default": "#1b2120",
  "--mantine-color-default-hover": "#242b29",
  "--b-page": "#121615",
  "--b-surface": "#1b2120",
  "--b-sunken": "#161b1a",
  "--b-raised": "#242b29",
  "--b-skeleton": "#2a3230",
  "--b-line": "#2d3532",
  "--b-line-strong": "#78827b",
  "--b-ink": "#e7eae5",
  "--b-ink-2": "#a7afa8",
  "--b-house": "#8fc0a6",
  "--b-house-bg": "#1f302a",
  "--b-on-house": "#0c1a14",
  "--b-lamp": "#ffc94d",
  "--b-mark": "#2f7358",
  "--b-stroke": "#8fc0a6",
  "--b-final": "#93c6ab",
  "--b-final-bg": "#1d2f28",
  "--b-tentative": "#e8bf6a",
  "--b-tentative-bg": "#30270f",
  "--b-tentative-line": "#c8963a",
  "--b-recovered": "#d2afe8",
  "--b-recovered-bg": "#2d2336",
  "--b-refused": "#f3a297",
  "--b-refused-bg": "#3a211d",
  "--b-offline": "#abb3ac",
  "--b-offline-bg": "#272e2c",
  "--b-live": "#93c7e3",
  "--b-live-bg": "#17303d",
  "--b-live-line": "#5fa3c8",
};

export const cssVariablesResolver: CSSVariablesResolver = () => ({ variables: SHARED, light: LIGHT, dark: DARK });
