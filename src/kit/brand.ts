declare const brand: unique symbol;

/** A type that is told apart by name although its values look like `Base`. */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };
