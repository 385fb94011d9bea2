/** What the browser around the app can do. */

/** Where a person is asked for nothing, `persist` may still be granted, as it is to an installed app. */
async function askPersistence(): Promise<boolean> {
  return (await navigator.storage?.persist?.()) ?? false;
}

/** The way of browsers that give no clipboard, as on an address that is not secure: what is selected is copied. */
function copySelected(content: string): boolean {
  const focused = document.activeElement;
  const field = document.createElement("textarea");
  field.value = content;
  // No keyboard slides up on a phone, and nothing scrolls to the field.
  field.readOnly = true;
  field.style.cssText = "position: fixed; top: 0; opacity: 0";
  // A dialog takes the focus back from whatever is outside of it.
  (focused?.closest("[role=dialog]") ?? document.body).append(field);
  try {
    field.focus({ preventScroll: true });
    field.setSelectionRange(0, content.length);
    return document.execCommand("copy");
  } finally {
    field.remove();
    if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  }
}

function copy(content: string): Promise<boolean> {
  const clipboard = navigator.clipboard as Clipboard | undefined;
  // A click allows the older way at once only: nothing is awaited before it.
  if (clipboard === undefined) return Promise.resolve(copySelected(content));
  return clipboard.writeText(content).then(
    () => true,
    () => copySelected(content),
  );
}

export interface BrowserPlatform {
  readonly version: string;
  readonly secure: boolean;
  readonly local: boolean;
  readonly has: { readonly locks: boolean; readonly serviceWorker: boolean; readonly sensors: boolean; readonly share: boolean };
  readonly inviteAddress: () => string;
  readonly askPersistence: () => Promise<boolean>;
  readonly copy: (content: string) => Promise<boolean>;
  readonly reload: () => void;
  readonly onUpdateReady: (handler: (apply: () => Promise<void>) => void) => () => void;
}

export function createPlatform(version: string, onUpdateReady: BrowserPlatform["onUpdateReady"]): BrowserPlatform {
  return {
    version,
    secure: globalThis.isSecureContext,
    local: /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(globalThis.location.hostname),
    has: {
      locks: "locks" in navigator,
      serviceWorker: "serviceWorker" in navigator,
      // The names are there on every origin; readings come to secure ones only.
      sensors: globalThis.isSecureContext && ("DeviceMotionEvent" in globalThis || "geolocation" in navigator),
      share: "share" in navigator,
    },
    inviteAddress: () => new URL("./", document.baseURI).href,
    askPersistence,
    copy,
    reload: () => location.reload(),
    onUpdateReady,
  };
}
