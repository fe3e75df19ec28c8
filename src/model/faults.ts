/**
 * The kinds of faults, and what happens when one strikes, as a clause in the present tense. Invariant: a kind that is not known here keeps
 * the names that its author gave it.
 */
import { diskCallText, type DiskCall } from './disk.ts';
import { SERVICE_METHODS } from './service.ts';
import type { TraceEvent } from './trace-event.ts';

/** What a trace says of a fault. */
export type FaultEvent = Extract<TraceEvent, { readonly type: 'fault' }>;

/**
 * What can happen to a call.
 *
 * - `before`: it fails and is not applied.
 * - `after`: it is applied, and then fails: the reply is lost.
 * - `duplicated`: it is applied twice, the second time after a delay of its own; the caller gets the first reply. The second one of
 *   a `query` asks without waiting.
 * - `reordered`: it is held back until another call has overtaken it, or until a bound (`reorderHoldMs`).
 * - `stuck`: it is never applied and never answered; a cancel, `release` or `heal` ends it (R204).
 */
export type FaultKind = 'before' | 'after' | 'duplicated' | 'reordered' | 'stuck';

type Word = (what: string, where: string) => string;
type Words = Readonly<Record<string, Word>>;

const OF_NETWORK: Readonly<Record<FaultKind, Word>> = {
  before: (call, where) => `the request ${call} is lost on ${where}`,
  after: (call, where) => `the reply to ${call} is lost on ${where}`,
  duplicated: (call, where) => `the request ${call} is duplicated on ${where}`,
  reordered: (call, where) => `the request ${call} is held back on ${where} until another overtakes it`,
  stuck: (call, where) => `the request ${call} gets stuck on ${where}`,
};

/** All of them. */
export const FAULT_KINDS: readonly FaultKind[] = Object.freeze(Object.keys(OF_NETWORK) as FaultKind[]);

const OF_CALL: Words = {
  ...OF_NETWORK,
  error: (call, where) => `${call} fails on ${where}, as it is set to`,
  hang: (call, where) => `${call} hangs, as nobody answers at ${where}`,
};

/** How a process of a node ends by a fault: with its machine, whose power fails, or alone, as by SIGKILL. */
export type CrashKind = 'crash' | 'kill';

/** Whether a fault of a node ends its process. */
export function isCrashKind(kind: string): kind is CrashKind {
  return kind === 'crash' || kind === 'kill';
}

const OF_NODE: Words = {
  crash: (node) => `${node} crashes`,
  kill: (node) => `the process of ${node} is killed`,
  pause: (node) => `${node} pauses`,
  slow: (node) => `${node} becomes slow`,
};

const OF_FILER: Words = {
  fail: (call) => `${call} fails`,
  hang: (call) => `${call} hangs`,
  deaf: (call) => `${call} ignores cancellation`,
  'slow-cancel': (call) => `${call} is slow to honour cancellation`,
};

const OF_OUTPUT: Words = {
  create: (output) => `${output} cannot be created`,
  error: (output) => `writes to ${output} fail`,
  short: (output) => `a write to ${output} is cut short`,
  delay: (output) => `writes to ${output} are slow`,
  close: (output) => `${output} cannot be closed`,
};

const OF_CLOCK: Words = {
  offset: (machine) => `the clock of ${machine} is off`,
  drift: (machine) => `the clock of ${machine} drifts`,
};

/** Faults of ambient time, of which the operation says what they strike. */
const OF_TIME: Words = {
  stall: () => 'the event loop stalls',
  behind: () => 'Date is a millisecond behind the timer that fires',
  step: () => 'the wall clock is set',
};

/** What can happen to a message between two nodes; `hang`: a call whose node goes down is never answered. */
export type MessageFaultKind = 'lose' | 'duplicate' | 'reorder' | 'delay' | 'hang';

/** Of a call that hangs, `where` is the node that it was for. */
const OF_MESSAGE: Readonly<Record<MessageFaultKind, Word>> = {
  lose: (message) => `${message} is lost`,
  duplicate: (message) => `${message} is duplicated`,
  reorder: (message) => `${message} is held back until another overtakes it`,
  delay: (message) => `${message} is delayed`,
  hang: (call, node) => `${call} hangs, as ${node} went down`,
};

/** What happens between nodes of a network: `a | b, c`, or `from a to b`. */
const OF_PARTS: Words = {
  partition: (parts) => `the network is partitioned: ${parts}`,
  cut: (parts) => `messages ${parts} are lost`,
  hold: (parts) => `messages ${parts} are held back`,
};

/** What can happen to a call on a disk. */
export type DiskFaultKind = 'short' | 'no-space' | 'fail' | 'rot' | 'slow';

/** `append to log on locks`. */
const OF_DISK: Readonly<Record<DiskFaultKind, Word>> = {
  short: (call, disk) => `the ${call} on ${disk} is cut short`,
  'no-space': (call, disk) => `the ${call} finds no space on ${disk}`,
  fail: (call, disk) => `the ${call} on ${disk} fails`,
  rot: (call, disk) => `a bit on ${disk} rots before the ${call}`,
  slow: (call, disk) => `the ${call} on ${disk} is slow`,
};

const CALLS: ReadonlySet<string> = new Set(SERVICE_METHODS.filter((method) => method !== 'release'));
const FILER_NOUNS: Readonly<Record<string, string>> = {
  checkout: 'checkout',
  ingest: 'ingestion',
  update: 'update',
  release: 'release',
};

function worded(words: Words, kind: string, what: string, where = ''): string | undefined {
  return Object.hasOwn(words, kind) ? words[kind]?.(what, where) : undefined;
}

/** A call in words: `run job-1`, `abort of run 3`, `query of all`. */
export function callText(operation: string, subject: string): string {
  if (subject === '') return operation;
  if (operation === 'run') return `run ${subject}`;
  return operation === 'abort' || operation === 'status'
    ? `${operation} of run ${subject}`
    : `${operation} of ${subject}`;
}

/** What a fault of that kind does to a call on its way, such as `the reply to run job-1 is lost on network 1`. */
export function callFaultText(kind: string, call: string, where: string): string {
  return worded(OF_CALL, kind, call, where) ?? namedFaultText(`${call} on ${where}`, kind);
}

/** What a fault of that kind does to a machine. */
export function nodeFaultText(kind: string, node: string): string {
  return worded(OF_NODE, kind, node) ?? namedFaultText(node, kind);
}

/** What a fault of that kind does to an output. */
export function outputFaultText(kind: string, id: string): string {
  return worded(OF_OUTPUT, kind, `output ${id}`) ?? namedFaultText(`output ${id}`, kind);
}

/** A call of a filer in words: `the checkout of abc by filer sim`. */
export function filerCallText(name: string, operation: string, subject = ''): string {
  const what = `the ${FILER_NOUNS[operation] ?? operation}${subject === '' ? '' : ` of ${subject}`}`;
  return `${what} by ${name === 'filer' ? 'the filer' : `filer ${name}`}`;
}

/** What the scenario named itself: `sim.strikes(where, kind)`. */
export function namedFaultText(where: string, kind: string): string {
  return `fault "${kind}" strikes ${where}`;
}

/** What a fault of that kind does to a message, such as `the call acquire(7) from a to locks is lost`; `node` is the one that it strikes at. */
export function messageFaultText(kind: string, message: string, node: string): string {
  return worded(OF_MESSAGE, kind, message, node) ?? namedFaultText(message, kind);
}

function delayedFaultText(kind: string, message: string, node: string, ms?: number): string {
  const text = messageFaultText(kind, message, node);
  return ms === undefined ? text : `${text} by ${ms} ms`;
}

/** What a fault of that kind does between nodes, such as `the network is partitioned: a | b, c, for 300 ms`. */
function partsFaultText(kind: string, parts: string, ms?: number): string {
  const text = worded(OF_PARTS, kind, parts) ?? namedFaultText(parts, kind);
  return ms === undefined ? text : `${text}, for ${ms} ms`;
}

/** What a fault of that kind does to a call on a disk, such as `the sync of log on locks fails`. */
export function diskFaultText(kind: string, disk: string, call: DiskCall, file: string): string {
  const text = diskCallText(call, file);
  return worded(OF_DISK, kind, text, disk) ?? namedFaultText(`${text} on ${disk}`, kind);
}

/** What a fault of ambient time does; undefined if it is none. */
export function timeFaultText(kind: string): string | undefined {
  return worded(OF_TIME, kind, '');
}

/** A fault of a trace. */
export function faultText({
  operation,
  kind,
  runner,
  runId,
  filer,
  afterEvent,
  message,
  parts,
  ms,
  file,
}: FaultEvent): string {
  if (message !== undefined) return delayedFaultText(kind, message, runner, ms);
  if (parts !== undefined) return partsFaultText(kind, parts, ms);
  if (file !== undefined) return diskFaultText(kind, runner, operation as DiskCall, file);
  if (filer !== undefined) {
    const call = filerCallText(filer, operation);
    return worded(OF_FILER, kind, call) ?? namedFaultText(call, kind);
  }
  if (afterEvent !== undefined) return `${kind}, right after event ${afterEvent}`;
  if (operation === 'time') return timeFaultText(kind) ?? namedFaultText('time', kind);
  if (runner === 'scenario') return namedFaultText(operation, kind);
  const where = runner === '' ? 'the runner' : runner;
  if (operation === 'node') return nodeFaultText(kind, where);
  if (CALLS.has(operation)) {
    return callFaultText(kind, callText(operation, runId), where);
  }
  const other =
    operation === 'clock' ? worded(OF_CLOCK, kind, where) : worded(OF_OUTPUT, kind, `output ${operation}`);
  return other ?? namedFaultText(`${operation} of ${where}`, kind);
}
