/** `account`: transfers between accounts, what an account says of itself, and who may act for it. */
import { equalBytes } from "../../kit/bytes.ts";
import type { Value } from "../../protocol/codec.ts";
import { asAccountId, type AccountId } from "../../protocol/identifiers.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { requireThat } from "../../protocol/refusal.ts";
import { readBytes, readInteger, readMap } from "../../protocol/schema.ts";
import { accountKey, credit, debit, readAccount, writeAccount, type Profile } from "../accounts.ts";
import { operation, type CallContext } from "../operation.ts";
import {
  authorityOf,
  neededFor,
  readPolicy,
  readScope,
  readSigningKey,
  signedCount,
  writeAuthority,
  type AuthorizedKey,
  type Policy,
} from "../policies.ts";
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

interface SetPolicy {
  /** Null gives the account back to its own key. */
  readonly policy: Policy | null;
}

const setPolicy = operation<SetPolicy>({
  read(value) {
    const map = readMap(value, "policy", ["policy"]);
    return { policy: map["policy"] === null ? null : readPolicy(map["policy"]) };
  },
  // Whoever will act for the account shows here that it can, so that nobody is locked out by a key that was mistyped or is lost.
  check({ sender, transaction: { signatures } }, { policy }) {
    const needed = policy === null ? 1 : neededFor(policy, "account.setPolicy");
    const own = signatures.some(([publicKey]) => equalBytes(publicKey, sender));
    const signed = policy === null ? Number(own) : signedCount(policy, signatures);
    requireThat(signed >= needed, "signature-missing", { needed, signed });
  },
  apply({ state, sender, emit }, { policy }) {
    writeAuthority(state, sender, { ...authorityOf(state, sender), policy });
    emit("account.policySet", { account: sender, keys: policy?.keys.length ?? 0, threshold: policy?.threshold ?? 0 });
    return null;
  },
});

const authorize = operation<AuthorizedKey>({
  read(value) {
    const map = readMap(value, "authorize", ["key", "scope", "untilMs"]);
    const untilMs = map["untilMs"] === null ? null : readInteger(map["untilMs"], "untilMs");
    return { key: readSigningKey(map["key"]), scope: readScope(map["scope"]), untilMs };
  },
  check({ state, sender, timeMs }, { key, untilMs }) {
    requireThat(untilMs === null || untilMs >= timeMs, "expired", { untilMs, timeMs });
    const others = authorityOf(state, sender).authorized.filter((known) => !equalBytes(known.key, key));
    requireThat(others.length < LIMITS.authorizedKeysMax, "limit-exceeded", { keysMax: LIMITS.authorizedKeysMax });
  },
  apply({ state, sender, emit }, authorized) {
    const authority = authorityOf(state, sender);
    const others = authority.authorized.filter((known) => !equalBytes(known.key, authorized.key));
    writeAuthority(state, sender, { ...authority, authorized: [...others, authorized] });
    emit("account.keyAuthorized", { account: sender, key: authorized.key });
    return null;
  },
});

const deauthorize = operation<{ readonly key: Uint8Array }>({
  read: (value) => ({ key: readBytes(readMap(value, "deauthorize", ["key"])["key"], "key", 32, 32) }),
  check({ state, sender }, { key }) {
    const found = authorityOf(state, sender).authorized.some((known) => equalBytes(known.key, key));
    requireThat(found, "not-found", { key });
  },
  apply({ state, sender, emit }, { key }) {
    const authority = authorityOf(state, sender);
    const authorized = authority.authorized.filter((known) => !equalBytes(known.key, key));
    writeAuthority(state, sender, { ...authority, authorized });
    emit("account.keyDeauthorized", { account: sender, key });
    return null;
  },
});

export const accountOperations = {
  "account.setPolicy": setPolicy,
  "account.authorize": authorize,
  "account.deauthorize": deauthorize,

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
