/** A `ContractHost` over plain maps: for tests of contracts and for machines compared across engines. It keeps what a ledger would. */
import { compareBytes, utf8 } from "../kit/bytes.ts";
import type { Value } from "../protocol/codec.ts";
import type { ContractHost } from "../protocol/contract-machine.ts";
import { Refusal } from "../protocol/refusal.ts";

export class MemoryHost implements ContractHost {
  caller = "did:key:alice";
  readonly self: string = "c0".repeat(32);
  height = 7;
  timeMs = 1_700_000_000_000;
  readonly seed = Uint8Array.from({ length: 32 }, (_, index) => index);
  writable = true;
  state = new Map<string, Value>();
  readonly events: (readonly [topic: string, data: Value])[] = [];
  readonly records: (readonly [about: string, data: Value])[] = [];
  readonly transfers: (readonly [to: string, amount: number])[] = [];
  readonly lines: string[] = [];
  readonly devices = new Map<string, Value>();
  /** Tokens that the contract holds. */
  balance = 0;

  stateGet(key: string): Value | undefined {
    return this.state.get(key);
  }

  stateSet(key: string, value: Value): void {
    this.state.set(key, value);
  }

  stateDelete(key: string): void {
    this.state.delete(key);
  }

  stateList(prefix: string, after: string | undefined, limit: number): readonly (readonly [string, Value])[] {
    const start = after === undefined ? undefined : utf8(after);
    return [...this.state]
      .map(([key, value]) => ({ key, value, bytes: utf8(key) }))
      .filter(({ key, bytes }) => key.startsWith(prefix) && (start === undefined || compareBytes(bytes, start) > 0))
      .sort((a, b) => compareBytes(a.bytes, b.bytes))
      .slice(0, limit)
      .map(({ key, value }) => [key, value] as const);
  }

  emit(topic: string, data: Value): void {
    this.events.push([topic, data]);
  }

  transfer(to: string, amount: number): void {
    if (amount > this.balance) throw new Refusal("balance-too-low", { balance: this.balance, amount });
    this.balance -= amount;
    this.transfers.push([to, amount]);
  }

  record(about: string, data: Value): void {
    this.records.push([about, data]);
  }

  device(id: string): Value {
    return this.devices.get(id) ?? null;
  }

  log(text: string): void {
    this.lines.push(text);
  }
}
