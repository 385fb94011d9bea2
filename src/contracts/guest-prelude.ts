/**
 * The script that runs in every machine before any contract: it takes the host function out of the global object, takes away what is not
 * deterministic, and builds `ctx`. It is part of the protocol's version, like the machine itself. `spec/contracts.md` describes `ctx`.
 */

/** Operations of the host function, by number; `host-calls.ts` carries them out. */
export const HOST_OPERATION = {
  stateGet: 0,
  stateSet: 1,
  stateDelete: 2,
  stateList: 3,
  emit: 4,
  transfer: 5,
  record: 6,
  device: 7,
  log: 8,
  seed: 9,
} as const;

/** The name under which the prelude finds the host function, and removes it. */
export const HOST_FUNCTION = "bothyHost";

/** What the module of a contract is called in stack traces. */
export const CONTRACT_FILE = "contract.js";

/**
 * Evaluates to `[run, inspect, explain, refusal]`. `run(module, method, argument, caller, self, height, timeMs)` calls a method;
 * `inspect(module)` gives the manifest and the names of exported functions; `explain(error)` its text; `refusal([code, message])` an error to throw.
 */
export const GUEST_PRELUDE = `(function () {
  "use strict";
  const host = globalThis.${HOST_FUNCTION};
  delete globalThis.${HOST_FUNCTION};
  delete globalThis.SharedArrayBuffer;
  delete globalThis.Atomics;
  delete Math.random;
  const { String, Error, Object } = globalThis;
  const slice = Function.prototype.call.bind(String.prototype.slice);
  const toWellFormed = Function.prototype.call.bind(String.prototype.toWellFormed);
  const keys = Object.keys;

  class ContractError extends Error {
    constructor(message, code = message) {
      super(message);
      this.code = code;
    }
    get name() {
      return "ContractError";
    }
  }

  const state = Object.freeze({
    get(key) {
      return host(${HOST_OPERATION.stateGet}, key);
    },
    set(key, value) {
      host(${HOST_OPERATION.stateSet}, key, value);
    },
    delete(key) {
      host(${HOST_OPERATION.stateDelete}, key);
    },
    list(prefix = "", { after = null, limit = 100 } = {}) {
      return host(${HOST_OPERATION.stateList}, prefix, after, limit);
    },
  });

  const abilities = Object.freeze({
    state,
    emit(topic, data = null) {
      host(${HOST_OPERATION.emit}, topic, data);
    },
    transfer(to, amount) {
      host(${HOST_OPERATION.transfer}, to, amount);
    },
    record(about, data = null) {
      host(${HOST_OPERATION.record}, about, data);
    },
    device(id) {
      return host(${HOST_OPERATION.device}, id);
    },
    require(condition, code) {
      if (!condition) throw new ContractError(String(code));
    },
    seed() {
      return host(${HOST_OPERATION.seed});
    },
    log(text) {
      host(${HOST_OPERATION.log}, String(text));
    },
  });

  function run(module, method, argument, caller, self, height, timeMs) {
    const act = module[method];
    return act({ __proto__: abilities, caller, self, block: { height, timeMs } }, argument);
  }

  function inspect(module) {
    return [module.manifest, keys(module).filter((name) => typeof module[name] === "function")];
  }

  function explain(error) {
    let text = error;
    if (error instanceof ContractError) text = error.message;
    else if (error instanceof Error) text = error.name + ": " + error.message;
    return toWellFormed(slice(String(text), 0, 500));
  }

  return [run, inspect, explain, ([code, message]) => new ContractError(message, code)];
})()`;
