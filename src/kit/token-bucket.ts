/** A rate with room for bursts: holds at most `capacity` tokens and gains `perSecond` of them. Time is an argument, so that it stays pure. */
export class TokenBucket {
  readonly #capacity: number;
  readonly #perSecond: number;
  #tokens: number;
  #atMs: number;

  constructor(options: { readonly capacity: number; readonly perSecond: number; readonly nowMs: number }) {
    this.#capacity = options.capacity;
    this.#perSecond = options.perSecond;
    this.#tokens = options.capacity;
    this.#atMs = options.nowMs;
  }

  /** Takes `amount` if it is there, and says whether. A clock that runs backward gains nothing. */
  take(amount: number, nowMs: number): boolean {
    const gained = (Math.max(0, nowMs - this.#atMs) * this.#perSecond) / 1000;
    this.#tokens = Math.min(this.#capacity, this.#tokens + gained);
    this.#atMs = nowMs;
    if (this.#tokens < amount) return false;
    this.#tokens -= amount;
    return true;
  }
}
