/** Address of the metered QuickJS, built by `tools/vite-metered-wasm.ts`. */
declare module "virtual:metered-quickjs" {
  const address: string;
  export default address;
}

/** Version of the app, from package.json. */
declare const __BOTHY_VERSION__: string;
