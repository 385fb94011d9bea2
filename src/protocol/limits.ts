/** Every bound that protects a peer, with its reason. Sizes in bytes, times in milliseconds. A bound that changes what is valid is part of the protocol's version. */
export const LIMITS = {
  /** One transaction: a contract's source (the largest thing people send) and its envelope. */
  transactionBytesMax: 128 * 1024,
  /** Transactions of one block: 1000 transfers of 300 bytes with room for sources. */
  blockBytesMax: 2 * 1024 * 1024,
  blockTransactionsMax: 4000,
  /** Gas of one block: about half a second of contract work on a slow phone, an eighth of the base timeout on a laptop. */
  blockGasMax: 1_000_000_000,
  /** One gossip message or frame of a stream: a block with its envelope. */
  messageBytesMax: 2 * 1024 * 1024 + 256 * 1024,
  /** Source of one contract, in UTF-8: it has to fit into a transaction with its envelope. */
  contractSourceBytesMax: 96 * 1024,
  /** Gas for loading a module and evaluating its top level: some ten milliseconds, since a peer may have to do it again for every call. */
  contractLoadGasMax: 60_000_000,
  contractMethodsMax: 64,
  contractKeyBytesMax: 128,
  /** One entry of a contract's state, and the data of one event or record. */
  contractValueBytesMax: 16 * 1024,
  /** Entries that one `state.list` may give. */
  contractListMax: 100,
  /** A contract error's message and a line of its log, in UTF-16 units: they are shown, and kept in receipts. */
  contractMessageUnitsMax: 200,
  /** Nesting of a decoded value: deeper input would overflow some engine's stack before others'. */
  valueDepthMax: 32,
  /** Nesting of what a contract keeps, tells or gives back: receipts, lists of changes and snapshots wrap it in up to six levels of their own. */
  contractValueDepthMax: 24,
  /** A multi-signature account of a household or a club; each signature costs every peer 70 µs. */
  signaturesMax: 16,
  /** Members of a consortium or a private BoT: what a genesis names in 64 KiB, and what counting the votes of one proposal may cost. */
  membersMax: 256,
  /** Proposals open at once, so that a page shows them all; and of one proposer, so that eight are needed to fill them. */
  proposalsMax: 32,
  proposalsPerAccountMax: 4,
  /** How long one may be open: a month, after which nobody remembers what it was about. */
  proposalMsMax: 30 * 86_400_000,
  /** Why it is proposed, in UTF-8. */
  proposalNoteBytesMax: 512,
  /** Operations that a policy, or the scope of one key, names: every operation there is, and some to come. */
  policyOperationsMax: 64,
  /** Keys with a scope of one account: its devices and gateways. Read with every transaction of the account. */
  authorizedKeysMax: 16,
  /** Calls that are atomic together. */
  callsMax: 16,
  /** Peers of one account that sign in parallel, each in a lane of its own. */
  lanesMax: 16,
  /** How far past block time a transaction may stay valid, and how long its entry must outlive it. */
  validityMsMax: 3_600_000,
  /** Amounts and supply stay exact integers in every engine. */
  amountMax: Number.MAX_SAFE_INTEGER,
  nameBytesMax: 64,
  /** Active seats: each casts two votes a block, which all others check. The next one is refused. */
  seatsMax: 64,
  sleepingSeatsMax: 16,
  /** How far a candidate's time may be ahead of a voter's clock before the voter holds it. */
  clockAheadMsMax: 10_000,
  /** Peers named in one introduction: a class of thirty twice over, and a page of text. */
  introducedPeersMax: 64,
  introductionBytesMax: 12 * 1024,
  /** A genesis with all members that it may name, and addresses. */
  inviteBytesMax: 72 * 1024,
  /** A knock or a pass: a proof, an account and a signature. */
  admissionBytesMax: 256,
  /** One gossiped batch: small enough to travel between two votes, large enough that a batch a tick carries 1000 transfers a second. */
  transactionBatchBytesMax: 64 * 1024,
  transactionBatchMax: 1024,
  /** What is shared again at once while it waits, so that a full mempool does not fill every link. */
  shareAgainBytesMax: 128 * 1024,
  /** Verified envelopes kept for candidates that name them: some seconds of full blocks. */
  verifiedTransactionsMax: 40_000,
  /** The same in bytes, with what a decoded one takes: as many transfers as a full mempool, whose objects they are, or 730 of the largest. */
  verifiedBytesMax: 96 * 1024 * 1024,
  /** What a decoded transaction takes beside its bytes: two dozen small objects, measured in V8. */
  decodedTransactionBytes: 4096,
  /** Envelopes whose signatures are being checked; more are dropped, and shared again by those who hold them. */
  verifyingMax: 8_000,
  /** Own transactions not yet final. */
  ownPendingMax: 10_000,
  /** Own signatures under way at once: what WebCrypto does side by side in Node, and more than it does in a browser. */
  signingMax: 64,
  /** Blocks that wait for a parent, and what sync brings at once: half a minute of blocks under load. */
  waitingBlocksMax: 512,
  /** The same in bytes, decoded: fifteen full blocks of large transactions, or seven of a thousand transfers. Nobody has proven them yet. */
  waitingBlocksBytesMax: 32 * 1024 * 1024,
  /** Answers of peers whose signatures are being checked: as much as waits afterwards. More are dropped; a greeting asks for them again. */
  judgedBytesMax: 32 * 1024 * 1024,
  /** Blocks that wait for the contract machine while it is loaded, some seconds once in a tab's life. */
  machineWaitBytesMax: 32 * 1024 * 1024,
  /** Answers in a row that bring nothing new, from one peer after one greeting: one for each epoch that two branches have in common above what both name. */
  walkedAnswersMax: 256,
  /** Certificates that wait for their turn to be passed on: some per round, and rule 8 repeats what still counts. */
  passingCertificatesMax: 64,
  /** Signatures of seats known to be right, so that a certificate of votes that were heard costs nothing: some rounds of all seats. */
  checkedSignaturesMax: 4096,
  /** Final blocks whose bodies an engine keeps at hand for those who are a little behind; older ones come from storage. */
  recentBlocksMax: 128,
  /** The same in bytes, decoded: ten seconds of 600 transfers each, and more than the largest block, so that the newest is always at hand. */
  recentBlocksBytesMax: 32 * 1024 * 1024,
  /** Final blocks that wait for a slow storage, in bytes; as much as is kept at hand anyway. Beyond it no further block is taken. */
  writingBytesMax: 32 * 1024 * 1024,
  /** Rounds above the last final one whose votes and certificates are kept: hours of timeouts at their cap are far fewer. */
  roundsAheadMax: 256,
  /** Different candidates of one round: an honest leader makes one, two prove an equivocation. */
  candidatesPerRoundMax: 2,
  /** Different complete recoveries of one epoch: each seat offers few, and more only while peers come and go. */
  recoveriesMax: 64,
  /** Incomplete ones that a seat has signed: an honest one waits for its last, and moves on when more seats can be named or it has waited for long. */
  recoveriesPerSeatMax: 4,
  /** Epochs whose seats are remembered, to check what stragglers say. */
  epochsKeptMax: 64,
  /** Votes of one seat in one round: an honest one says at most notarize and then skip or finalize; twice as many are kept, for evidence. */
  votesPerSeatMax: 6,
  /** Late votes in one header: at most two of each seat are worth carrying. */
  lateVotesMax: 128,
  /** Longest pause between two tries for a seat that were refused, each of which costs a fee: a day of them takes a seventh of a grant. */
  seatPauseMsMax: 600_000,
  /** Seats that this peer remembers to have accused: all of an epoch. */
  accusationsMax: 64,
  /** Votes of an epoch on another branch, kept until it is known which branch is better. */
  heldVotesMax: 256,
  /** Blocks that are asked for at a time. */
  asksMax: 256,
  /** Peers whose rate of answers is remembered: more links than a tab can have. */
  answeredPeersMax: 256,
  /** Refusals of neighbours' messages that are remembered as noted: a dozen neighbours with every code. */
  notedRefusalsMax: 512,
  /** One answer to a peer that is behind; it fits a message and does not stall a slow link. */
  giveBytesMax: 1024 * 1024,
  /** What one peer is given from storage, and as much from memory: more than it can verify meanwhile, and a tenth of this peer's time for whoever only wants to cost it that. */
  serveBytesPerSecondMax: 5 * 1024 * 1024,
  /** Between two answers to one peer out of storage, however small: less than it takes the peer to work on one. Who joins greets as often as it is answered. */
  servePauseMs: 20,
  /** Blocks that a hello names, ever more thinly: 2^32 blocks are spanned by as many. */
  knownBlocksMax: 32,
  /** What a peer saw final this long ago it does not leave by itself for another branch (PROTOCOL, recovery). */
  undoMsMax: 3_600_000,
  /** The same as a number of blocks, so that what must stay restorable is bounded: an hour at ten blocks a second. */
  undoBlocksMax: 36_000,
  /** A row of this peer's own storage, before it is decoded: a block with its receipts and all certificates of a step. */
  rowBytesMax: 64 * 1024 * 1024,
  /** The nonce of a claim's proof of work: found by counting, so that eight bytes would do. */
  claimNonceBytesMax: 32,
  /**
   * Claims of one neighbour whose work is tried, in a second and at once: each takes 10 ms of the thread that votes, so that eight neighbours take at most
   * a third of it. At once as many as a neighbour shares of its own pool. Others are dropped, and shared again by those who hold them.
   */
  claimsTriedPerSecondMax: 4,
  claimsTriedMax: 8,
  /** A snapshot of the whole state: a hundred thousand accounts take 10 MiB. */
  stateBytesMax: 1024 * 1024 * 1024,
  /** About what a chunk of a snapshot has: few enough for one message, and enough that its proof is a hundredth of it. */
  snapshotChunkBytes: 256 * 1024,
  /** The most it may have: a transaction, and so an entry, has at most half of what a chunk is cut at. */
  snapshotChunkBytesMax: 512 * 1024,
  /** Headers from a block up to the one whose certificate makes it final: an epoch's empty candidates, or the blocks that sync made final at once. */
  proofHeadersMax: 512,
  /** Snapshots in one offer: the newest and the one before, with room. */
  offeredSnapshotsMax: 4,
  /** Old blocks in one answer: what a newcomer checks between two votes. */
  historyBytesMax: 256 * 1024,
  /** Offers that did not hold and are remembered: more than all neighbours make at a time. */
  leftOffersMax: 64,
  /** Steps from epoch to epoch in one answer, which the bytes of an answer bound further. */
  givenStepsMax: 64,
  /** A state key: a key space, an identifier, and a contract's own key. */
  stateKeyUnitsMax: 512,
  /** Gas of one transaction's calls together: about 50 ms warm, so that a block has room for others. */
  transactionGasMax: 300_000_000,
  /** Certificates in one message: those of the rounds between a parent and its child, while leaders fail one after another. */
  certificatesMax: 256,
  /** Blocks in one answer to a peer that is behind; the bytes of a message bound it further. */
  giveBlocksMax: 512,
  /** Candidates whose bodies are being fetched at once. */
  fetchesMax: 64,
  /**
   * Bodies that came for candidates and are not verified yet, decoded. One half is for the candidates of whose turn it is alone, so that others' never take
   * their place; in either a block of as many small transactions as fit has room.
   */
  fetchedBytesMax: 40 * 1024 * 1024,
  /** How often the bodies of one candidate are asked for, of one peer after another, before somebody else's candidate is more likely to come. */
  fetchAttemptsMax: 6,
  /** Consensus messages kept because their epoch is not known yet. */
  unjudgedMessagesMax: 256,
  /** The same in bytes: nobody has shown yet that they are worth keeping, and each may be as large as a block. */
  unjudgedBytesMax: 8 * 1024 * 1024,
  /** Digests of consensus messages seen, so that the same one is verified once: a minute of votes of 64 seats. */
  seenMessagesMax: 8_192,
  /** A Thing Description of a device with dozens of affordances. */
  descriptionBytesMax: 32 * 1024,
  devicePropertiesMax: 64,
  deviceStreamsMax: 16,
  /** A device that is not heard of for a day is not online. */
  leaseMsMax: 86_400_000,
  /** One SenML pack: a few minutes of a busy device. */
  packBytesMax: 16 * 1024,
  packRecordsMax: 256,
  /** The last moment of a `Date` (ECMA-262, 21.4.1.1): a reading of a later one could be drawn or exported nowhere. */
  readingTimeMsMax: 8_640_000_000_000_000,
  /** Last values that a stream's entry keeps for contracts to read. */
  streamPropertiesMax: 32,
  /** Text of one reading: a state's name, a short message. */
  readingTextBytesMax: 128,
  /** Events of one call, and bytes of one. */
  contractEventsMax: 64,
  contractEventBytesMax: 4 * 1024,
  recordNoteBytesMax: 1024,
  /** Waiting transactions: twenty blocks of them, and the memory of a phone. */
  mempoolTransactionsMax: 20_000,
  mempoolBytesMax: 16 * 1024 * 1024,
  /** Of one sender: a busy gateway's minute, a twentieth of the pool. A number further ahead of its lane than this is refused. */
  mempoolSenderMax: 1024,
  /** What one client of a peer may ask in a second: a gateway's thousand transfers with room, while the worker still votes. */
  portRequestsPerSecondMax: 2000,
  /** Runs of contracts for one client (views, trials, estimates): each may take 50 ms of the thread that votes. */
  portTrialsPerSecondMax: 10,
  /** Answers under way for one client, and its subscriptions: a page has a dozen of each. */
  portQueriesMax: 256,
  portSubscriptionsMax: 64,
  /** Updates of one subscription in a second: more than a page can show. */
  feedUpdatesPerSecondMax: 100,
} as const;
