/** What the browser around the app can do. */

/** Where a person is asked for nothing, `persist` may still be granted, as it is to an installed app. */
async function askPersistence(): Promise<boolean> {
  return (await navigator.storage?.persist?.()) ?? false;
}

export interface BrowserPlatform {
  readonly version: string;
  readonly secure: boolean;
  readonly has: { readonly locks: boolean; readonly serviceWorker: boolean; readonly sensors: boolean; readonly share: boolean };
  readonly inviteAddress: () => string;
  readonly askPersistence: () => Promise<boolean>;
  readonly reload: () => void;
  readonly onUpdateReady: (handler: (apply: () => Promise<void>) => void) => () => void;
}

export function createPlatform(version: string, onUpdateReady: BrowserPlatform["onUpdateReady"]): BrowserPlatform {
  return {
    version,
    secure: globalThis.isSecureContext,
    has: {
      locks: "locks" in navigator,
      serviceWorker: "serviceWorker" in navigator,
      // The names are there on every origin; readings come to secure ones only.
      sensors: globalThis.isSecureContext && ("DeviceMotionEvent" in globalThis || "geolocation" in navigator),
      share: "share" in navigator,
    },
    inviteAddress: () => new URL("./", document.baseURI).href,
    askPersistence,
    reload: () => location.reload(),
    onUpdateReady,
  };
}
