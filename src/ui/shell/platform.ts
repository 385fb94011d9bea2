/** What the app needs of the browser around it, given by whoever starts it. */
export interface Platform {
  readonly version: string;
  /** Whether the page is a secure context; if not, the app says what does not work. */
  readonly secure: boolean;
  /** Whether the relay that gave this page runs on this machine, so that the person can order it about. */
  readonly local: boolean;
  /** What can be done here at all, so that nothing is offered that fails. */
  readonly has: { readonly locks: boolean; readonly serviceWorker: boolean; readonly sensors: boolean; readonly share: boolean };
  /** The address that makes another browser a peer of this BoT. */
  readonly inviteAddress: () => string;
  readonly askPersistence: () => Promise<boolean>;
  /** Puts text on the clipboard, in answer to a click; whether it is there. */
  readonly copy: (content: string) => Promise<boolean>;
  readonly reload: () => void;
  /**
   * Calls back when a new version is downloaded. `apply` lets every tab save and leave, and resolves when the new version takes over;
   * it is refused with `tabs-waiting` while one tab does not, and goes on by itself. Gives a function that ends it.
   */
  readonly onUpdateReady: (handler: (apply: () => Promise<void>) => void) => () => void;
}
