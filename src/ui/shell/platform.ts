/** What the app needs of the browser around it, given by whoever starts it. */
export interface Platform {
  readonly version: string;
  /** Whether the page is a secure context; if not, the app says what does not work. */
  readonly secure: boolean;
  /** What can be done here at all, so that nothing is offered that fails. */
  readonly has: { readonly locks: boolean; readonly serviceWorker: boolean; readonly sensors: boolean; readonly share: boolean };
  /** The address that makes another browser a peer of this BoT. */
  readonly inviteAddress: () => string;
  readonly askPersistence: () => Promise<boolean>;
  readonly reload: () => void;
  /**
   * Calls back when a new version is downloaded. `apply` must be called after this tab has saved; it resolves when every tab has
   * said so and the new version takes over. Gives a function that ends it.
   */
  readonly onUpdateReady: (handler: (apply: () => Promise<void>) => void) => () => void;
}
