/**
 * The kinds of faults, and for each a clause in the present tense that describes what happens. Invariant: an unknown
 * kind keeps the names that its author gave it.
 */
import { diskCallText, type DiskCall } from './disk.ts';
import { SERVICE_METHODS } from './service.ts';
import type { TraceEvent } from './trace-event.ts';

/** A fault as a trace records it. */
export type FaultEvent = Extract<TraceEvent, { readonly type: 'fault' }>;

/**
 * Kinds of faults that can strike a call.
 *
 * - `before`: the call fails and is not applied.
 * - `after`: the call is applied, but its reply is lost, so it fails.
 * - `duplicated`: the call is applied twice, the second time after a delay of its own; the caller gets the first
 *   reply. The duplicate of a `query` does not wait.
 * - `reordered`: the call is held back until another call has overtaken it, at most for `reorderHoldMs`.
 * - `stuck`: the call is never applied and never answered; a cancel, `release` or `heal` ends it (R204).
 */
export type FaultKind = 'before' | 'after' | 'duplicated' | 'reordered' | 'stuck';

/** Ends the message of an error that a fault brings. */
export const INJECTED = '(injected fault)';

type Word = (what: string, where: string) => string;
type Words = Readonly<Record<string, Word>>;

const OF_NETWORK: Readonly<Record<FaultKind, Word>> = {
  before: (call, where) => `the request ${call} is lost on ${where}`,
  after: (call, where) => `the reply to ${call} is lost on ${where}`,
  duplicated: (call, where) => `the request ${call} is duplicated on ${where}`,
  reordered: (call, where) => `the request ${call} is held back on ${where} until another overtakes it`,
  stuck: (call, where) => `the request ${call} gets stuck on ${where}`,
};

/** Every {@link FaultKind}. */
export const FAULT_KINDS: readonly FaultKind[] = Object.freeze(Object.keys(OF_NETWORK) as FaultKind[]);

const OF_CALL: Words = {
  ...OF_NETWORK,
  error: (call, where) => `${call} fails on ${where}, as configured`,
  hang: (call, where) => `${call} hangs, because nothing answers at ${where}`,
};

/**
 * How a fault ends a node's process: `crash` with its machine, as in a power failure, or `kill` alone, as by SIGKILL.
 */
export type CrashKind = 'crash' | 'kill';

/** True if a fault of this kind ends a node's process. */
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

/** Kinds of faults of ambient time, which strike no named target. */
export type TimeFaultKind = 'stall' | 'behind' | 'step';

/** By how many milliseconds is not always known. */
const OF_TIME: Readonly<Record<TimeFaultKind, (ms?: number) => string>> = {
  stall: (ms) => `the event loop stalls${ms === undefined ? '' : ` for ${ms} ms`}`,
  behind: () => 'Date is a millisecond behind the timer that fires',
  step: (ms) =>
    `the wall clock is set${ms === undefined ? '' : ` ${ms < 0 ? 'back' : 'forward'} by ${Math.abs(ms)} ms`}`,
};

/**
 * Kinds of faults that can strike a message between two nodes; `hang`: a call is never answered because its node goes
 * down.
 */
export type MessageFaultKind = 'lose' | 'duplicate' | 'reorder' | 'delay' | 'hang';

/** For `hang`, `where` is the node that was called. */
const OF_MESSAGE: Readonly<Record<MessageFaultKind, Word>> = {
  lose: (message) => `${message} is lost`,
  duplicate: (message) => `${message} is duplicated`,
  reorder: (message) => `${message} is held back until another overtakes it`,
  delay: (message) => `${message} is delayed`,
  hang: (call, node) => `${call} hangs, because ${node} went down`,
};

/** Faults between nodes of a network; the first argument is `a | b, c`, or `from a to b`. */
const OF_PARTS: Words = {
  partition: (parts) => `the network is partitioned: ${parts}`,
  cut: (parts) => `messages ${parts} are lost`,
  hold: (parts) => `messages ${parts} are held back`,
};

/** Kinds of faults that can strike a call on a disk. */
export type DiskFaultKind = 'short' | 'no-space' | 'fail' | 'rot' | 'slow';

/** The call is given as `append to log`, the disk by its name. */
const OF_DISK: Readonly<Record<DiskFaultKind, Word>> = {
  short: (call, disk) => `the ${call} on ${disk} is cut short`,
  'no-space': (call, disk) => `the ${call} runs out of space on ${disk}`,
  fail: (call, disk) => `the ${call} on ${disk} fails`,
  rot: (call, disk) => `a bit on ${disk} flips before the ${call}`,
  slow: (call, disk) => `the ${call} on ${disk} is slow`,
};

/**
 * Kinds of faults that can strike a remote call; `withRemoteFaults` injects them, each with the rate of its name in
 * `rates`.
 *
 * - `refuse`: UNAVAILABLE, and the server has not got the call. Strikes any call.
 * - `loseAnswer`: UNAVAILABLE, but the server has carried the call out. Strikes calls with a single answer, uploads
 *   included.
 * - `deadline`: as `loseAnswer`, with DEADLINE_EXCEEDED.
 * - `cut`: a stream of answers breaks off with UNAVAILABLE after none, one or two of them; a shorter one is spared.
 *   Strikes Execute, WaitExecution, Read and GetTree.
 * - `loseDone`: the stream of Execute or WaitExecution ends without an error, but also without the result.
 * - `loseResult`: GetActionResult answers NOT_FOUND, although the result stays in the cache.
 * - `loseBlob`: Read answers NOT_FOUND, although the blob stays in the store.
 * - `workerDies`: Execute ends with a result whose status is UNAVAILABLE; the worker has carried the action out, and
 *   nobody has its result from this call.
 * - `slow`: the server gets the call late, by up to `slowMsMax`. Strikes any call.
 */
export type RemoteFaultKind =
  | 'refuse'
  | 'loseAnswer'
  | 'cut'
  | 'loseDone'
  | 'deadline'
  | 'loseResult'
  | 'loseBlob'
  | 'workerDies'
  | 'slow';

const OF_REMOTE_CALL: Readonly<Record<RemoteFaultKind, Word>> = {
  refuse: (call) => `${call} is refused`,
  loseAnswer: (call) => `${call} is done, but its answer is lost`,
  cut: (call) => `${call} breaks off`,
  loseDone: (call) => `${call} ends without its result`,
  deadline: (call) => `${call} is done, but past its deadline`,
  loseResult: (call) => `${call} finds no cached result`,
  loseBlob: (call) => `${call} does not find the blob`,
  workerDies: (call) => `${call} loses its worker`,
  slow: (call) => `${call} is slow`,
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

/** Describes a call: `run job-1`, `abort of run 3`, `query of all`. */
export function callText(operation: string, subject: string): string {
  if (subject === '') return operation;
  if (operation === 'run') return `run ${subject}`;
  return operation === 'abort' || operation === 'status'
    ? `${operation} of run ${subject}`
    : `${operation} of ${subject}`;
}

/** Describes a fault of a call on its way: `the reply to run job-1 is lost on network 1`. */
export function callFaultText(kind: string, call: string, where: string): string {
  return worded(OF_CALL, kind, call, where) ?? namedFaultText(`${call} on ${where}`, kind);
}

/** Describes a fault of a machine: `locks crashes`. */
export function nodeFaultText(kind: string, node: string): string {
  return worded(OF_NODE, kind, node) ?? namedFaultText(node, kind);
}

/** Describes a fault of an output. */
export function outputFaultText(kind: string, id: string): string {
  return worded(OF_OUTPUT, kind, `output ${id}`) ?? namedFaultText(`output ${id}`, kind);
}

/** Describes a call of a filer: `the checkout of abc by filer sim`. */
export function filerCallText(name: string, operation: string, subject = ''): string {
  const what = `the ${FILER_NOUNS[operation] ?? operation}${subject === '' ? '' : ` of ${subject}`}`;
  return `${what} by ${name === 'filer' ? 'the filer' : `filer ${name}`}`;
}

/** Describes a fault that the scenario named itself, with `sim.strikes(where, kind)`. */
export function namedFaultText(where: string, kind: string): string {
  return `fault "${kind}" strikes ${where}`;
}

/**
 * Describes a fault of a message: `the call acquire(7) from a to locks is lost`; `node` is the node that the fault
 * strikes.
 */
export function messageFaultText(kind: string, message: string, node: string): string {
  return worded(OF_MESSAGE, kind, message, node) ?? namedFaultText(message, kind);
}

function delayedFaultText(kind: string, message: string, node: string, ms?: number): string {
  const text = messageFaultText(kind, message, node);
  return ms === undefined ? text : `${text} by ${ms} ms`;
}

/** Describes a fault between nodes: `the network is partitioned: a | b, c, for 300 ms`. */
function partsFaultText(kind: string, parts: string, ms?: number): string {
  const text = worded(OF_PARTS, kind, parts) ?? namedFaultText(parts, kind);
  return ms === undefined ? text : `${text}, for ${ms} ms`;
}

/** Describes a fault of a call on a disk: `the sync of log on locks fails`. */
export function diskFaultText(kind: string, disk: string, call: DiskCall, file: string): string {
  const text = diskCallText(call, file);
  return worded(OF_DISK, kind, text, disk) ?? namedFaultText(`${text} on ${disk}`, kind);
}

/** A remote call, as a fault names it. */
export interface RemoteCall {
  /** Name of the faults. */
  readonly name: string;
  readonly method: string;
  /** What it is about; empty if unknown. */
  readonly detail?: string;
  /** The run that it is made for, if known. */
  readonly caller?: { readonly runner: string; readonly runId: string } | undefined;
}

/** Describes a fault of a remote call: `remote call Execute(run 0 of lane, action 6881981b) breaks off`. */
export function remoteFaultText(kind: RemoteFaultKind, call: RemoteCall): string {
  return OF_REMOTE_CALL[kind](remoteCallText(call), '');
}

function remoteCallText({ name, method, detail = '', caller }: RemoteCall): string {
  const run = caller === undefined ? '' : `run ${caller.runId} of ${caller.runner}`;
  const about = [run, detail].filter((part) => part !== '').join(', ');
  return `${name} call ${method}${about === '' ? '' : `(${about})`}`;
}

/** Describes a fault of ambient time; undefined for a kind that is not one. */
export function timeFaultText(kind: TimeFaultKind, ms: number): string;
export function timeFaultText(kind: string): string | undefined;
export function timeFaultText(kind: string, ms?: number): string | undefined {
  return Object.hasOwn(OF_TIME, kind) ? OF_TIME[kind as TimeFaultKind](ms) : undefined;
}

/** Describes a fault of a trace. */
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
  ...remote
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
  return otherFaultText(kind, operation, where, remote);
}

/** Describes a fault of a clock, an output or a remote call, or one that the scenario named itself. */
function otherFaultText(
  kind: string,
  operation: string,
  where: string,
  { client, clientRunId: runId, detail = '' }: Pick<FaultEvent, 'client' | 'clientRunId' | 'detail'>,
): string {
  const caller = client === undefined || runId === undefined ? undefined : { runner: client, runId };
  const text =
    operation === 'clock'
      ? worded(OF_CLOCK, kind, where)
      : (worded(OF_OUTPUT, kind, `output ${operation}`) ??
        worded(OF_REMOTE_CALL, kind, remoteCallText({ name: where, method: operation, detail, caller })));
  return text ?? namedFaultText(`${operation} of ${where}`, kind);
}
