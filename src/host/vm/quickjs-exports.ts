/** The exports of the metered binary that the machine uses: the C interface of `quickjs-wasi` and the globals of the metering pass. */

/** Addresses are offsets into the machine's memory. A *handle* is the address of a boxed value; a *raw* value is its 64 bits. */
export interface QuickJsExports {
  readonly memory: WebAssembly.Memory;
  readonly gas: WebAssembly.Global<"i64">;
  readonly depth: WebAssembly.Global<"i32">;
  readonly pages: WebAssembly.Global<"i32">;
  readonly stackLow: WebAssembly.Global<"i32">;
  readonly __stack_pointer: WebAssembly.Global<"i32">;
  _initialize(): void;
  wasm_malloc(bytes: number): number;
  wasm_free(address: number): void;
  qjs_init2(intrinsics: number): number;
  qjs_set_memory_limit(bytes: number): void;
  qjs_set_max_stack_size(bytes: number): void;
  qjs_get_context_ptr(): number;
  qjs_eval(source: number, bytes: number, fileName: number, flags: number): number;
  qjs_call(callee: number, self: number, count: number, handles: number): number;
  qjs_throw(handle: number): void;
  qjs_get_exception(): number;
  qjs_is_exception(handle: number): number;
  qjs_is_undefined(handle: number): number;
  qjs_is_promise(handle: number): number;
  qjs_promise_state(handle: number): number;
  qjs_promise_result(handle: number): number;
  qjs_is_job_pending(): number;
  qjs_execute_pending_job(): number;
  qjs_get_undefined(): number;
  qjs_get_null(): number;
  qjs_get_true(): number;
  qjs_get_false(): number;
  qjs_new_number(value: number): number;
  qjs_new_string(text: number, bytes: number): number;
  qjs_get_float64(handle: number): number;
  qjs_get_string_len(handle: number, length: number): number;
  qjs_free_cstring(text: number): void;
  qjs_free_value(handle: number): void;
  qjs_get_global(): number;
  qjs_set_prop_string(object: number, name: number, value: number): number;
  qjs_get_prop_uint32(object: number, index: number): number;
  qjs_new_host_function(name: number, nameBytes: number, length: number): number;
  JS_WriteObject(context: number, size: number, raw: bigint, flags: number): number;
  JS_ReadObject(context: number, bytes: number, count: number, flags: number): bigint;
  js_free(context: number, address: number): void;
}

/** Intrinsics of a context: no Date, no WeakRef, no performance, no DOMException, no atob. */
export const INTRINSICS =
  (1 << 1) | // eval and Function: metered like all else
  (1 << 2) | // RegExp
  (1 << 3) | // JSON
  (1 << 4) | // Proxy and Reflect
  (1 << 5) | // Map, Set
  (1 << 6) | // typed arrays
  (1 << 7) | // Promise
  (1 << 8); // BigInt

export const EVAL_MODULE = 1;

export const PROMISE = { pending: 0, fulfilled: 1, rejected: 2 } as const;
