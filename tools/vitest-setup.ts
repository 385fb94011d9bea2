/** libp2p calls `Promise.withResolvers`, which Node 20 does not have yet. Browsers we support do. */
if (!("withResolvers" in Promise)) {
  Object.defineProperty(Promise, "withResolvers", {
    configurable: true,
    writable: true,
    value: function withResolvers(this: PromiseConstructor) {
      let resolve: unknown;
      let reject: unknown;
      const promise = new this((onValue, onError) => {
        resolve = onValue;
        reject = onError;
      });
      return { promise, resolve, reject };
    },
  });
}
