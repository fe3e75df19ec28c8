/** Describes messages between nodes, and what happens to nodes and to files on their disks. */
import type { MessageFaultKind } from './faults.ts';
import type { MessageKind, MessageStep, NameChangeKind, TraceEvent } from './trace-event.ts';

/** A step of a message as a trace records it. */
export type MessageEvent = Extract<TraceEvent, { readonly type: 'message' }>;

/** A step of a file as a trace records it. */
export type DiskEvent = Extract<TraceEvent, { readonly type: 'disk' }>;

/** A step of a node as a trace records it. */
export type NodeEvent = Extract<TraceEvent, { readonly type: 'node' }>;

/** A message, without what happens to it. */
export type Message = Pick<MessageEvent, 'runner' | 'to' | 'kind' | 'name' | 'detail'>;

/** The other end of each call of a remote client, which does not know which of several servers it is. */
export const REMOTE_SERVER = 'the server';

/** True for a remote call or its end, which no link carries. */
export function isOfRemoteCall({ runner, to }: Pick<MessageEvent, 'runner' | 'to'>): boolean {
  return runner === REMOTE_SERVER || to === REMOTE_SERVER;
}

/** Name of the link between two nodes; it owns the topics of its messages. */
export function linkName(from: string, to: string): string {
  return `${from} to ${to}`;
}

/** Name of a message's events on its link; `limit` stands for the timeout of a call. */
export function stepName(kind: MessageKind | 'limit', name: string): string {
  switch (kind) {
    case 'call':
    case 'message':
      return name;
    case 'reply':
      return `reply to ${name}`;
    case 'error':
      return `error to ${name}`;
    case 'limit':
      return `time limit of ${name}`;
  }
}

/** The possessive of a name: `ann's`, `locks'`. */
function possessive(name: string): string {
  return name.endsWith('s') ? `${name}'` : `${name}'s`;
}

/** The call that a reply belongs to: `call acquire(7)` if its arguments are known, otherwise `call of acquire`. */
function callNoun(name: string, args: string | undefined): string {
  return args === undefined ? `call of ${name}` : `call ${name}(${args})`;
}

/** The content of a reply, after a space: ` true` or ` "busy"`. */
function saidText({ kind, detail }: Pick<Message, 'kind' | 'detail'>): string {
  if (detail === undefined) return '';
  return kind === 'error' ? ` "${detail}"` : ` ${detail}`;
}

/**
 * A message as a noun: `the call acquire(7) from a to locks`, `the answer true of locks to a's call of acquire`.
 *
 * @param args of the answered call, if known.
 */
export function messageText(message: Message, args?: string): string {
  const { runner: from, to, kind, name, detail } = message;
  switch (kind) {
    case 'call':
      return `the call ${name}(${detail ?? ''}) from ${from} to ${to}`;
    case 'reply':
    case 'error': {
      const noun = kind === 'reply' ? 'answer' : 'error';
      return `the ${noun}${saidText(message)} of ${from} to ${possessive(to)} ${callNoun(name, args)}`;
    }
    case 'message':
      return `the message ${detail ?? name} from ${from} to ${to}`;
  }
}

const BECAME: Readonly<Record<Exclude<MessageStep, 'sent' | 'delivered'>, string>> = {
  held: 'is held back',
  duplicated: 'is duplicated',
  lost: 'is lost',
  refused: 'is refused',
};

/**
 * One clause: `a calls acquire(7) of locks`, `locks answers a's call of acquire with true`, `the message beat from a to
 * b is lost`.
 *
 * @param args of the answered call, if known.
 */
export function messageEventText(event: MessageEvent, args?: string): string {
  const { runner: from, to, kind, name, detail, step, reason } = event;
  if (step !== 'sent' && step !== 'delivered') {
    // A message with a description of its own is a noun already.
    const noun =
      kind === 'message' && detail !== undefined
        ? `${detail} from ${from} to ${to}`
        : messageText(event, args);
    return `${noun} ${BECAME[step]}${reason === undefined ? '' : `: ${reason}`}`;
  }
  const isSent = step === 'sent';
  switch (kind) {
    case 'call': {
      const call = `${name}(${detail ?? ''})`;
      return isSent ? `${from} calls ${call} of ${to}` : `${to} gets ${possessive(from)} call ${call}`;
    }
    case 'reply':
      return replyText(event, callNoun(name, args));
    case 'error': {
      const call = callNoun(name, args);
      // The node need not have reported the error itself: if it is down, the network does.
      return isSent
        ? `${possessive(to)} ${call} to ${from} fails${detail === undefined ? '' : `: ${detail}`}`
        : `${to} gets the error${saidText(event)} of its ${call} to ${from}`;
    }
    case 'message':
      return isSent
        ? `${from} sends ${detail ?? name} to ${to}`
        : `${to} gets ${detail ?? name} from ${from}`;
  }
}

function replyText({ runner: from, to, detail, step }: MessageEvent, call: string): string {
  if (step === 'sent') {
    return `${from} answers ${possessive(to)} ${call}${detail === undefined ? '' : ` with ${detail}`}`;
  }
  return detail === undefined
    ? `${to} gets the answer of ${from} to its ${call}`
    : `${to} gets ${detail} from ${from} as the answer to its ${call}`;
}

/** A call and its answer in one clause: `ann gets true from acquire(7) of locks, called at 0 ms`. */
export function exchangeText(call: MessageEvent, answer: MessageEvent): string {
  const { runner: caller, to: callee, name, detail: args = '', at } = call;
  const what = `${name}(${args}) of ${callee}`;
  if (answer.kind === 'error') {
    const why = answer.detail === undefined ? '' : `: ${answer.detail}`;
    return `${what}, called by ${caller} at ${at} ms, fails${why}`;
  }
  return answer.detail === undefined
    ? `${what}, called by ${caller} at ${at} ms, has returned`
    : `${caller} gets ${answer.detail} from ${what}, called at ${at} ms`;
}

/**
 * The timeout of a call as a noun: `the time limit of ann's call acquire(7) to locks`.
 *
 * @param args of the call, if they are known.
 */
export function timeLimitText(
  { runner: from, to, name }: Pick<Message, 'runner' | 'to' | 'name'>,
  args?: string,
): string {
  return `the time limit of ${possessive(from)} ${callNoun(name, args)} to ${to}`;
}

const STRUCK: Readonly<Record<MessageFaultKind, string>> = {
  lose: 'been lost',
  duplicate: 'been duplicated',
  delay: 'been delayed',
  reorder: 'been held back',
  hang: 'hung',
};

/**
 * What would have to be different for a fault not to strike a message: `the call acquire(7) from a to locks had not
 * been lost`.
 */
export function unstruckText(kind: string, message: string): string | undefined {
  return Object.hasOwn(STRUCK, kind) ? `${message} had not ${STRUCK[kind as MessageFaultKind]}` : undefined;
}

/**
 * The arrival of a message as a noun: `the arrival at locks of ann's call acquire(7)`.
 *
 * @param args of the call that it answers, if they are known.
 */
export function arrivalText(message: Message, args?: string): string {
  const { runner: from, to, kind, name, detail } = message;
  const call = args === undefined ? name : `${name}(${args})`;
  switch (kind) {
    case 'call':
      return `the arrival at ${to} of ${possessive(from)} ${callNoun(name, detail)}`;
    case 'reply':
      return `the arrival at ${to} of the answer${saidText(message)} to ${call} from ${from}`;
    case 'error':
      return `the arrival at ${to} of the error${saidText(message)} of ${call}`;
    case 'message':
      return `the arrival at ${to} of ${detail ?? name} from ${from}`;
  }
}

function bytesText(bytes: number): string {
  return `${bytes} byte${bytes === 1 ? '' : 's'}`;
}

/** What a crash does to a file: `locks loses the last 2 writes to log (12 bytes)`. */
export function lostText(disk: string, file: string, { writes, bytes }: LostWrites): string {
  const what = writes === 1 ? 'last write' : `last ${writes} writes`;
  return `${disk} loses the ${what} to ${file} (${bytesText(bytes)})`;
}

/** Writes that a crash discards, and their total size. */
export interface LostWrites {
  readonly writes: number;
  readonly bytes: number;
}

/** What a crash keeps of the first write that it discards. */
export interface TornWrite {
  /** Number of lost writes, the torn one included. */
  readonly writes: number;
  /** Number of bytes kept of the first. */
  readonly bytes: number;
  /** Number of bytes that the first was to write. */
  readonly writtenBytes: number;
}

/** What a crash does to a file: `the first lost write to log on locks is torn: 8 of its 12 bytes are kept`. */
export function tornText(disk: string, file: string, { writes, bytes, writtenBytes }: TornWrite): string {
  const first = writes === 1 ? '' : 'first ';
  const kept = `${bytes === 0 ? 'none' : bytes} of its ${bytesText(writtenBytes)}`;
  return `the ${first}lost write to ${file} on ${disk} is torn: ${kept} ${bytes > 1 ? 'are' : 'is'} kept`;
}

/**
 * What the death of a process does to a pending write: `the write to log under way on locks (12 bytes) is not
 * finished`.
 */
export function unfinishedText(disk: string, file: string, bytes: number): string {
  return `the write to ${file} under way on ${disk} (${bytesText(bytes)}) is not finished`;
}

/** As `unfinishedText`, for a change of names. */
export function unfinishedChangeText(disk: string, change: string): string {
  return `${change} under way on ${disk} is not done`;
}

/** How much of an unfinished write is on the disk: `8 of 12 bytes of the unfinished write to log on locks are kept`. */
export function partText(disk: string, file: string, bytes: number, writtenBytes: number): string {
  const part = `${bytes === 0 ? 'none' : bytes} of ${bytesText(writtenBytes)}`;
  return `${part} of the unfinished write to ${file} on ${disk} ${bytes > 1 ? 'are' : 'is'} kept`;
}

/** What a read finds after a crash: `log on locks has 9 bytes left, of which 3 were not synced`. */
function keptText(disk: string, file: string, bytes: number, unsyncedBytes: number): string {
  const name = `${file} on ${disk}`;
  if (bytes === 0) return `${name} is empty now`;
  const left = `${name} has ${bytesText(bytes)} left`;
  if (unsyncedBytes === 0) return `${left}, all synced`;
  const part = unsyncedBytes === bytes ? 'which' : `of which ${unsyncedBytes}`;
  return `${left}, ${part} ${unsyncedBytes === 1 ? 'was' : 'were'} not synced`;
}

/** What a crash does to a file: `8 bytes of log on locks become zeros`. */
export function zeroedText(disk: string, file: string, bytes: number): string {
  return `${bytesText(bytes)} of ${file} on ${disk} become zeros`;
}

/** A change of names as a noun: `the rename of a to b`. */
export function nameChangeText(change: NameChangeKind, path: string, to: string): string {
  return `the ${change} of ${path}${change === 'rename' ? ` to ${to}` : ''}`;
}

/** What a crash does to names: `locks loses the rename of a to b`. */
export function lostChangeText(disk: string, change: string): string {
  return `${disk} loses ${change}`;
}

/** One clause: `locks syncs log`, `locks loses the last write to log (12 bytes)`. */
export function diskEventText(event: DiskEvent): string {
  const { runner, step, file, bytes = 0, writes = 1, writtenBytes = bytes, unsyncedBytes = 0, from } = event;
  const size = event.bytes === undefined ? '' : ` (${bytesText(bytes)})`;
  const underWay = event.wasUnderWay === true ? ' as its process dies' : '';
  switch (step) {
    case 'wrote':
      return `${runner} writes ${file}${size}${underWay}`;
    case 'appended':
      return `${runner} appends to ${file}${size}${underWay}`;
    case 'read':
      return `${runner} reads ${file}${size}`;
    case 'synced':
      return `${runner} syncs ${file === '' ? 'its names' : file}`;
    case 'renamed':
      return `${runner} renames ${from ?? 'a file'} to ${file}${underWay}`;
    case 'removed':
      return `${runner} removes ${file}${underWay}`;
    case 'kept':
      return keptText(runner, file, bytes, unsyncedBytes);
    case 'zeroed':
      return zeroedText(runner, file, bytes);
    case 'torn':
      return event.wasUnderWay === true
        ? partText(runner, file, bytes, writtenBytes)
        : tornText(runner, file, { writes, bytes, writtenBytes });
    case 'lost':
      return event.change === undefined ? lostWritesText(event) : lostNamesText(event, event.change);
  }
}

function lostWritesText({ runner, file, bytes = 0, writes = 1, wasUnderWay }: DiskEvent): string {
  return wasUnderWay === true
    ? unfinishedText(runner, file, bytes)
    : lostText(runner, file, { writes, bytes });
}

function lostNamesText({ runner, file, from, wasUnderWay }: DiskEvent, change: NameChangeKind): string {
  const what = nameChangeText(change, from ?? file, file);
  return wasUnderWay === true ? unfinishedChangeText(runner, what) : lostChangeText(runner, what);
}

/** One clause: `locks restarts`, `locks ends with an error: no config`. */
export function nodeEventText({ runner, step, error }: NodeEvent): string {
  switch (step) {
    case 'restarted':
      return `${runner} restarts`;
    case 'failed':
      return `${runner} ends with an error${error === undefined ? '' : `: ${error}`}`;
    case 'left':
      return `${runner} has left`;
  }
}
