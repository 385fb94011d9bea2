/** `account`: transfers between accounts, and what an account says of itself. */
import type { Value } from "../../protocol/codec.ts";
import { asAccountId, type AccountId } from "../../protocol/identifiers.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { requireThat } from "../../protocol/refusal.ts";
import { readBytes, readInteger, readMap } from "../../protocol/schema.ts";
import { accountKey, credit, debit, readAccount, writeAccount, type Profile } from "../accounts.ts";
import { operation, type CallContext } from "../operation.ts";
import { readShortText } from "../texts.ts";

interface Transfer {
  readonly to: AccountId;
  readonly toKey: string;
  readonly amount: number;
}

/** Moves tokens and says so. @throws {Refusal} `balance-too-low`. */
export function moveTokens(
  context: Pick<CallContext, "state" | "emit">,
  move: { readonly from: Uint8Array; readonly to: Uint8Array; readonly amount: number },
  [fromKey, toKey] = [accountKey(move.from), accountKey(move.to)],
): void {
  debit(context.state, fromKey, move.amount);
  credit(context.state, toKey, move.amount);
  context.emit("account.transferred", { from: move.from, to: move.to, amount: move.amount });
}

export const accountOperations = {
  "account.transfer": operation<Transfer>({
    read(value: Value) {
      const map = readMap(value, "transfer", ["to", "amount"]);
      const to = asAccountId(map["to"]);
      return { to, toKey: accountKey(to), amount: readInteger(map["amount"], "amount", 1) };
    },
    check({ state, senderKey }, { amount }) {
      const { balance } = readAccount(state, senderKey);
      requireThat(balance >= amount, "balance-too-low", { balance, amount });
    },
    apply(context, { to, toKey, amount }) {
      moveTokens(context, { from: context.sender, to, amount }, [context.senderKey, toKey]);
      return null;
    },
  }),

  "account.setProfile": operation<Profile>({
    read(value: Value) {
      const map = readMap(value, "profile", ["name", "encryptionKey"]);
      return {
        name: readShortText(map["name"], "name", LIMITS.nameBytesMax),
        encryptionKey: map["encryptionKey"] === null ? null : readBytes(map["encryptionKey"], "encryptionKey", 32, 32),
      };
    },
    check() {},
    apply({ state, senderKey, sender, emit }, profile) {
      writeAccount(state, senderKey, { ...readAccount(state, senderKey), profile });
      emit("account.profileSet", { account: sender, name: profile.name });
      return null;
    },
  }),
};
