/** What every implementation of the keys does. */
import { expect, it } from "vitest";
import { bytesToHex, utf8 } from "../../kit/bytes.ts";
import { asHash } from "../../protocol/identifiers.ts";
import { verifyStrict } from "../../protocol/signature.ts";
import type { PeerKeys } from "./keys.ts";

const hex = (keys: readonly Uint8Array[]): string[] => keys.map(bytesToHex);

/** `open` gives the keys of the name, which are there again if they are durable. */
export function keysSuite(open: (name: string) => Promise<PeerKeys>): void {
  it("makes keys of both kinds, fresh each time, and lists them in order", async () => {
    const keys = await open("kinds");
    const account = await keys.create("account");
    const seats = [await keys.create("voting"), await keys.create("voting")];
    expect(hex(await keys.list("account"))).toEqual([bytesToHex(account)]);
    expect(hex(await keys.list("voting"))).toEqual(hex(seats));
    expect(new Set(hex([account, ...seats])).size).toBe(3);
  });

  it("[R20][C3] signs deterministically, by the one rule, and only with its own keys", async () => {
    const keys = await open("signs");
    for (const kind of ["account", "voting"] as const) {
      const publicKey = await keys.create(kind);
      const message = utf8(`message of ${kind}`);
      const signature = await keys.sign(publicKey, message);
      expect(verifyStrict(publicKey, message, signature)).toBe(true);
      expect(await keys.sign(publicKey, message)).toEqual(signature);
    }
    await expect(keys.sign(new Uint8Array(32), utf8("x"))).rejects.toMatchObject({ code: "key-missing" });
  });

  it("destroys a voting key for ever, and never an account's", async () => {
    const keys = await open("destroys");
    const account = await keys.create("account");
    const seat = await keys.create("voting");
    await keys.destroy(seat);
    expect(await keys.list("voting")).toEqual([]);
    await expect(keys.sign(seat, utf8("x"))).rejects.toMatchObject({ code: "key-missing" });
    await expect(keys.destroy(seat)).rejects.toMatchObject({ code: "key-missing" });
    await expect(keys.destroy(account)).rejects.toMatchObject({ code: "key-missing" });
    expect(await keys.list("account")).toHaveLength(1);
  });

  it("gives an account's 24 words, and the account for them, on another peer too", async () => {
    const keys = await open("words");
    const account = await keys.create("account");
    const words = await keys.accountWords(account);
    expect(words.split(" ")).toHaveLength(24);
    const other = await open("words elsewhere");
    expect(await other.restoreAccount(`  ${words.toUpperCase().replaceAll(" ", "\n ")} `)).toEqual(account);
    expect(await other.sign(account, utf8("x"))).toEqual(await keys.sign(account, utf8("x")));
    expect(await keys.restoreAccount(words)).toEqual(account);
    expect(await keys.list("account")).toHaveLength(1);
    for (const wrong of ["", "abandon ".repeat(24), words.replace(/\S+$/, "bothy"), words.split(" ").slice(0, 12).join(" ")]) {
      await expect(other.restoreAccount(wrong)).rejects.toMatchObject({ code: "export-invalid" });
    }
  });

  it("an account that is brought back is the newest again, as often as one likes", async () => {
    const keys = await open("brought back");
    const first = await keys.create("account");
    const words = await keys.accountWords(first);
    const file = await keys.exportAccount(first, "p");
    const second = await keys.create("account");
    const secondWords = await keys.accountWords(second);
    expect(hex(await keys.list("account"))).toEqual(hex([first, second]));
    await keys.restoreAccount(words);
    expect(hex(await keys.list("account"))).toEqual(hex([second, first]));
    await keys.restoreAccount(secondWords);
    await (await keys.openAccount(file, "p")).keep();
    expect(hex(await keys.list("account"))).toEqual(hex([second, first]));
    keys.close();
    const again = hex(await (await open("brought back")).list("account"));
    expect(again).toEqual(keys.durable ? hex([second, first]) : []);
  });

  it("[R20][C3] exports an account under a password, and imports it with that one only", async () => {
    const keys = await open("export");
    const account = await keys.create("account");
    const file = await keys.exportAccount(account, "pässword ﬁne");
    expect(await keys.exportAccount(account, "pässword ﬁne")).not.toEqual(file);
    const other = await open("import");
    await expect(other.openAccount(file, "password fine")).rejects.toMatchObject({ code: "wrong-password" });
    await expect(other.openAccount(file.subarray(1), "pässword ﬁne")).rejects.toMatchObject({ code: "export-invalid" });
    await expect(other.openAccount(new Uint8Array(4000), "")).rejects.toMatchObject({ code: "export-invalid" });
    expect(await (await other.openAccount(file, "pässword fine")).keep()).toEqual(account);
    expect(await other.list("account")).toEqual([account]);
  });

  it("never exports a voting key", async () => {
    const keys = await open("voting export");
    const seat = await keys.create("voting");
    await expect(keys.accountWords(seat)).rejects.toMatchObject({ code: "key-missing" });
    await expect(keys.exportAccount(seat, "p")).rejects.toMatchObject({ code: "key-missing" });
  });

  it("has one network identity, apart from the other keys", async () => {
    const keys = await open("identity");
    const seed = await keys.identitySeed();
    expect(seed).toHaveLength(32);
    expect(await keys.identitySeed()).toEqual(seed);
    expect([...(await keys.list("account")), ...(await keys.list("voting"))]).toEqual([]);
  });

  it("is as durable as it says", async () => {
    const keys = await open("durable");
    const account = await keys.create("account");
    const seat = await keys.create("voting");
    const gone = await keys.create("voting");
    await keys.destroy(gone);
    const seed = await keys.identitySeed();
    const signature = await keys.sign(seat, utf8("vote"));
    keys.close();
    await expect(keys.sign(seat, utf8("vote"))).rejects.toMatchObject({ code: "key-missing" });
    const again = await open("durable");
    expect(hex(await again.list("account"))).toEqual(keys.durable ? [bytesToHex(account)] : []);
    expect(hex(await again.list("voting"))).toEqual(keys.durable ? [bytesToHex(seat)] : []);
    const signedAgain = await again.sign(seat, utf8("vote")).catch((error: { code: string }) => error.code);
    expect(signedAgain).toEqual(keys.durable ? signature : "key-missing");
    expect(bytesToHex(await again.identitySeed()) === bytesToHex(seed)).toBe(keys.durable);
    await again.destroyAll();
    const empty = await open("durable");
    expect([...(await empty.list("account")), ...(await empty.list("voting"))]).toEqual([]);
  });
}

/** Of those, what concerns the voting keys of several BoTs and the pages that use a slot one after another. */
export function keysOfBotsSuite(open: (name: string) => Promise<PeerKeys>): void {
  it("the seats of one BoT are none of another's: what ends here leaves those there alone", async () => {
    const [here, there] = [asHash(new Uint8Array(32).fill(1)), asHash(new Uint8Array(32).fill(2))];
    const keys = await open("chains");
    const account = await keys.create("account");
    const founding = await keys.create("voting");
    const first = keys.forChain(here, founding);
    const second = keys.forChain(there, new Uint8Array(32));
    expect([hex(await first.list("voting")), await second.list("voting")]).toEqual([hex([founding]), []]);
    const [own, other] = [await first.create("voting"), await second.create("voting")];
    expect(hex(await first.list("voting"))).toEqual(hex([founding, own]));
    expect(hex(await second.list("voting"))).toEqual(hex([other]));
    for (const view of [first, second]) expect(hex(await view.list("account"))).toEqual([bytesToHex(account)]);
    for (const key of await second.list("voting")) await second.destroy(key);
    expect(hex(await first.list("voting"))).toEqual(hex([founding, own]));
    keys.close();
    const again = await open("chains");
    expect(hex(await again.forChain(here, founding).list("voting"))).toEqual(keys.durable ? hex([founding, own]) : []);
    expect(await again.forChain(there, new Uint8Array(32)).list("voting")).toEqual([]);
    again.close();
  });

  it("the key of a founding is of the BoT that it founds from the first moment, and of no other", async () => {
    const [here, there] = [asHash(new Uint8Array(32).fill(3)), asHash(new Uint8Array(32).fill(4))];
    const keys = await open("founding");
    let founding = new Uint8Array(0);
    await keys.createFounding(async (publicKey) => {
      expect(await keys.list("voting"), "nothing is kept before its BoT is known").toEqual([]);
      founding = publicKey.slice();
      return here;
    });
    const ofHere = keys.forChain(here, new Uint8Array(32));
    expect(hex(await ofHere.list("voting"))).toEqual([bytesToHex(founding)]);
    expect(await keys.forChain(there, new Uint8Array(32)).list("voting")).toEqual([]);
    expect(verifyStrict(founding, utf8("vote"), await ofHere.sign(founding, utf8("vote")))).toBe(true);
    await expect(keys.createFounding(() => Promise.reject(new Error("no room")))).rejects.toThrow("no room");
    expect(await keys.list("voting")).toHaveLength(1);
  });

  it("reads anew what another page made and destroyed", async () => {
    const old = await open("refreshed");
    const [kept, destroyed] = [await old.create("voting"), await old.create("voting")];
    const keys = await open("refreshed");
    await old.destroy(destroyed);
    const [made, account] = [await old.create("voting"), await old.create("account")];
    await keys.refresh();
    expect(hex(await keys.list("voting"))).toEqual(keys.durable ? hex([kept, made]) : []);
    expect(hex(await keys.list("account"))).toEqual(keys.durable ? [bytesToHex(account)] : []);
    await expect(keys.sign(destroyed, utf8("vote"))).rejects.toMatchObject({ code: "key-missing" });
    const codes = await Promise.all(
      [kept, made].map((key) =>
        keys.sign(key, utf8("vote")).then(
          () => "signed",
          ({ code }) => code,
        ),
      ),
    );
    expect(codes).toEqual(Array.from({ length: 2 }, () => (keys.durable ? "signed" : "key-missing")));
    await old.refresh();
    expect(hex(await old.list("voting"))).toEqual(hex([kept, made]));
  });
}
