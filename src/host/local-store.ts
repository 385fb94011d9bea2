/** Small texts of one peer that live as long as this browser's data: what it needs on the window, where no database is open. */
export interface LocalStore {
  get(key: string): Promise<string | null>;
  set(key: string, text: string): Promise<void>;
}

/** Keys of different prefixes do not meet: one for each slot and BoT. */
export function createLocalStore(prefix: string, storage: Pick<Storage, "getItem" | "setItem"> = globalThis.localStorage): LocalStore {
  return {
    get: async (key) => storage.getItem(`${prefix}/${key}`),
    set: async (key, text) => storage.setItem(`${prefix}/${key}`, text),
  };
}
