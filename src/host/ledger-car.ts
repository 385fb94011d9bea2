/**
 * A ledger as a CAR file (content-addressable archive, version 1): every header and every transaction is a block of its own, named by the very digest that
 * names it in the BoT, so that any tool for such files can read and check them. spec/car.md has the layout.
 */
import { CarBufferReader } from "@ipld/car/buffer-reader";
import { blockLength, createWriter, headerLength } from "@ipld/car/buffer-writer";
import { code as DAG_CBOR, decode as decodeNode, encode as encodeNode } from "@ipld/dag-cbor";
import { CID } from "multiformats/cid";
import { create as createMultihash } from "multiformats/hashes/digest";
import { openBlockRow } from "../peer/rows.ts";
import { decode, encode, type Value } from "../protocol/codec.ts";
import { decodeGenesis } from "../protocol/genesis.ts";
import { digest } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal } from "../protocol/refusal.ts";
import { readBytes, readList } from "../protocol/schema.ts";
import { EXPORT_BYTES_MAX } from "./peer-export.ts";

const FORMAT = "bothy-ledger-1";
/** Multicodec of SHA-256. */
const SHA2_256 = 0x12;
/** So that no node passes what tools take for one block, a megabyte as a rule. */
const PAGE_ROWS = 1000;
/** Between as many blocks of a file others have their turn on this thread: hashing them takes some milliseconds. */
const TURN_NODES = 500;

interface Node {
  readonly cid: CID;
  readonly bytes: Uint8Array;
}

export interface LedgerCar {
  readonly genesis: Uint8Array;
  /** Of the last block, as the file says. */
  readonly height: number;
  /** Rows of the table `blocks`, without what follows from them; nothing of it is checked but that it is whole. */
  readonly rows: readonly Uint8Array[];
}

/** Everything the protocol encodes is DAG-CBOR, and what names it is its SHA-256. */
function nodeOf(bytes: Uint8Array): Node {
  return { cid: CID.createV1(DAG_CBOR, createMultihash(SHA2_256, digest(bytes))), bytes };
}

/**
 * @param rows of the table `blocks`, oldest first, as `readLedgerRows` gives them.
 * @throws {Refusal} `too-large`.
 */
export async function encodeLedgerCar(genesis: Uint8Array, rows: readonly Uint8Array[], pause: () => Promise<void>): Promise<Uint8Array> {
  const nodes: Node[] = [];
  const add = (bytes: Uint8Array): CID => {
    const node = nodeOf(bytes);
    nodes.push(node);
    return node.cid;
  };
  const genesisCid = add(genesis);
  const pages: CID[] = [];
  let page: CID[] = [];
  let nextTurn = 0;
  for (const [index, row] of rows.entries()) {
    if (nodes.length > nextTurn) {
      nextTurn += TURN_NODES;
      await pause();
    }
    page.push(add(encodeNode(rowNode(row, add))));
    if (page.length < PAGE_ROWS && index + 1 < rows.length) continue;
    pages.push(add(encodeNode(page)));
    page = [];
  }
  const last = rows.at(-1);
  const height = last === undefined ? 0 : openBlockRow(last).info.height;
  const root = add(encodeNode({ format: FORMAT, genesis: genesisCid, height, pages }));
  // The root comes first: whoever reads from the start knows at once what it is.
  nodes.unshift(nodes.pop()!);
  return write(root, nodes);
}

function rowNode(row: Uint8Array, add: (bytes: Uint8Array) => CID): unknown {
  const [info, block, recovery, , certificates] = readList(decode(row, LIMITS.rowBytesMax), "row", 5);
  if (block === null) return { info, header: null, transactions: [], recovery, certificates };
  const [header, transactions] = readList(decode(readBytes(block, "block", LIMITS.rowBytesMax), LIMITS.messageBytesMax), "block", 2);
  return {
    info,
    header: add(readBytes(header, "header", LIMITS.messageBytesMax)),
    transactions: readList(transactions, "transactions").map((bytes) => add(readBytes(bytes, "transaction", LIMITS.transactionBytesMax))),
    recovery,
    certificates,
  };
}

function write(root: CID, nodes: readonly Node[]): Uint8Array {
  const roots = [root];
  const bytes = nodes.reduce((sum, node) => sum + blockLength(node), headerLength({ roots }));
  if (bytes > EXPORT_BYTES_MAX) throw new Refusal("too-large", { bytes });
  const writer = createWriter(new ArrayBuffer(bytes), { roots });
  for (const node of nodes) writer.write(node);
  return writer.close();
}

/** @throws {Refusal} `export-invalid`, with the `reason`. */
export async function decodeLedgerCar(bytes: Uint8Array, pause: () => Promise<void>): Promise<LedgerCar> {
  try {
    return readNodes(await checkedNodes(bytes, pause));
  } catch (error) {
    throw error instanceof Refusal && error.code === "export-invalid"
      ? error
      : invalid(error instanceof Error ? error.message : "no CAR file");
  }
}

function invalid(reason: string): Refusal {
  return new Refusal("export-invalid", { reason });
}

/** Blocks of an archive by their names, which are true. */
interface Nodes {
  readonly root: unknown;
  readonly byName: ReadonlyMap<string, Uint8Array>;
}

async function checkedNodes(bytes: Uint8Array, pause: () => Promise<void>): Promise<Nodes> {
  if (bytes.length > EXPORT_BYTES_MAX) throw invalid("too large");
  const reader = CarBufferReader.fromBytes(bytes);
  const byName = new Map<string, Uint8Array>();
  for (const [index, node] of reader.blocks().entries()) {
    if (index % TURN_NODES === 0) await pause();
    const name = node.cid.toString();
    if (nodeOf(node.bytes).cid.toString() !== name) throw invalid(`block ${name} has other bytes than its name says`);
    byName.set(name, node.bytes);
  }
  return { root: reader.getRoots()[0], byName };
}

function readNodes(nodes: Nodes): LedgerCar {
  const follow = (link: unknown): Uint8Array => {
    const cid = CID.asCID(link);
    const found = cid === null ? undefined : nodes.byName.get(cid.toString());
    if (found === undefined) throw invalid(cid === null ? "no link where one belongs" : `block ${cid.toString()} is missing`);
    return found;
  };
  const root = mapOf(decodeNode(follow(nodes.root)));
  if (root["format"] !== FORMAT) throw invalid("no ledger");
  const genesis = follow(root["genesis"]);
  decodeGenesis(genesis);
  const rows: Uint8Array[] = [];
  for (const page of listOf(root["pages"])) {
    for (const row of listOf(decodeNode(follow(page)))) {
      // A few bytes could name one row a million times.
      if (rows.length >= nodes.byName.size) throw invalid("a row twice");
      rows.push(rowOf(mapOf(decodeNode(follow(row))), follow));
    }
  }
  const height = root["height"];
  if (!Number.isSafeInteger(height)) throw invalid("no height");
  return { genesis, height: height as number, rows };
}

/** The row as a peer stores it; what was executed is to be calculated anew, so it has no receipts. */
function rowOf(node: Readonly<Record<string, unknown>>, follow: (link: unknown) => Uint8Array): Uint8Array {
  const block = node["header"] === null ? null : blockOf(follow(node["header"]), listOf(node["transactions"]), follow);
  return encode([node["info"], block, node["recovery"], new Uint8Array(0), node["certificates"]] as Value);
}

function blockOf(header: Uint8Array, links: readonly unknown[], follow: (link: unknown) => Uint8Array): Uint8Array {
  const transactions: Uint8Array[] = [];
  let bytes = header.length;
  for (const link of links) {
    const transaction = follow(link);
    // As above; a block may have no more than this.
    if ((bytes += transaction.length) > LIMITS.messageBytesMax) throw invalid("a block too large");
    transactions.push(transaction);
  }
  return encode([header, transactions]);
}

function mapOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid("no map where one belongs");
  return value as Readonly<Record<string, unknown>>;
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid("no list where one belongs");
  return value;
}
