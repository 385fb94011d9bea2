/** The `Signatures` port: batches to signature workers where there are any, else checked in this thread. */
import type { SignatureCheck, Signatures } from "../../peer/ports.ts";
import { precheck } from "../../protocol/signature.ts";
import { chooseBackEnd, type BackEnd } from "./back-ends.ts";
import { packChecks, unpackChecks, type VerifyRequest, type VerifyResponse } from "./packing.ts";

/** The part of a `Worker` (or of a `MessagePort` to one) that is used. */
export interface SignatureWorker {
  postMessage(message: VerifyRequest, transfer: ArrayBuffer[]): void;
  onmessage: ((event: MessageEvent<VerifyResponse>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  terminate(): void;
}

export interface SignaturesOptions {
  /** Makes a worker that runs `src/signature.worker.ts`. Without it everything is checked in this thread. */
  readonly createWorker?: () => SignatureWorker;
  /** How many; one by default. */
  readonly workers?: number;
  /** The back end of this thread; the platform's best by default. */
  readonly backEnd?: () => Promise<BackEnd>;
}

export interface ClosableSignatures extends Signatures {
  /** Stops the workers. Checks under way are finished in this thread. */
  close(): void;
}

/** Below this many checks a batch goes to one worker: a message costs about as much as three checks. */
const SPLIT_CHECKS_MIN = 16;

/** One core stays with the peer itself, and two workers check more than a ledger executes. */
export function signatureWorkersFor(cores: number): number {
  return Math.max(1, Math.min(2, cores - 1));
}

/** What a signature worker does with a message. It chooses its back end at once, since the self-test takes as long as a tab needs to find its first peer. */
export function createVerifyServer(backEnd: () => Promise<BackEnd> = chooseBackEnd): (request: VerifyRequest) => Promise<VerifyResponse> {
  const chosen = backEnd();
  chosen.catch(() => undefined);
  return async ({ id, packed }) => {
    const verdicts = await (await chosen).verify(unpackChecks(packed));
    return { id, verdicts: Uint8Array.from(verdicts, Number) };
  };
}

interface Pending {
  readonly checks: readonly SignatureCheck[];
  readonly resolve: (verdicts: readonly boolean[]) => void;
}

interface Member {
  readonly worker: SignatureWorker;
  readonly pending: Map<number, Pending>;
  checks: number;
}

/** Signature checking by the rule of `protocol/signature`, whatever this platform has. Wrong input is `false`, never an error. */
export function createSignatures(options: SignaturesOptions = {}): ClosableSignatures {
  const members: Member[] = [];
  let chosen: Promise<BackEnd> | undefined;
  let nextId = 1;

  const verifyHere = async (checks: readonly SignatureCheck[]): Promise<readonly boolean[]> => {
    chosen ??= (options.backEnd ?? chooseBackEnd)();
    return (await chosen).verify(checks);
  };

  /** A worker that cannot be loaded or crashed leaves the pool; what it had is checked here. */
  const drop = (member: Member): void => {
    const index = members.indexOf(member);
    if (index >= 0) members.splice(index, 1);
    member.worker.terminate();
    for (const { checks, resolve } of member.pending.values()) resolve(verifyHere(checks) as never);
    member.pending.clear();
  };

  const addMember = (worker: SignatureWorker): void => {
    const member: Member = { worker, pending: new Map(), checks: 0 };
    worker.onmessage = ({ data }) => {
      const answered = member.pending.get(data.id);
      if (!answered) return;
      member.pending.delete(data.id);
      member.checks -= answered.checks.length;
      answered.resolve(Array.from(data.verdicts, Boolean));
    };
    worker.onerror = () => drop(member);
    members.push(member);
  };

  const verifyAt = (member: Member, checks: readonly SignatureCheck[]): Promise<readonly boolean[]> =>
    new Promise((resolve) => {
      const id = nextId++;
      const packed = packChecks(checks);
      member.pending.set(id, { checks, resolve });
      member.checks += checks.length;
      member.worker.postMessage({ id, packed }, [packed]);
    });

  const verifyScreened = async (checks: readonly SignatureCheck[]): Promise<readonly boolean[]> => {
    if (members.length === 0) return verifyHere(checks);
    const byLoad = members.toSorted((a, b) => a.checks - b.checks);
    const parts = Math.min(byLoad.length, Math.max(1, Math.floor(checks.length / SPLIT_CHECKS_MIN)));
    const share = Math.ceil(checks.length / parts);
    const verdicts = await Promise.all(
      Array.from({ length: parts }, (_, i) => verifyAt(byLoad[i]!, checks.slice(i * share, (i + 1) * share))),
    );
    return verdicts.flat();
  };

  if (options.createWorker) for (let i = 0; i < (options.workers ?? 1); i++) addMember(options.createWorker());

  return {
    async verify(checks) {
      const screened = checks.filter(({ publicKey, signature }) => precheck(publicKey, signature));
      if (screened.length === 0) return checks.map(() => false);
      const verdictOf = new Map<SignatureCheck, boolean>();
      const verdicts = await verifyScreened(screened);
      screened.forEach((check, index) => verdictOf.set(check, verdicts[index]!));
      return checks.map((check) => verdictOf.get(check) ?? false);
    },
    close() {
      for (const member of [...members]) drop(member);
    },
  };
}
