/** Messages between nodes, and what happens to files on their disks, in plain words. */
import type { MessageStep, NameChangeKind, TraceEvent } from './trace-event.ts';

/** What a trace says of a message. */
export type MessageEvent = Extract<TraceEvent, { readonly type: 'message' }>;

/** What a trace says of a file. */
export type DiskEvent = Extract<TraceEvent, { readonly type: 'disk' }>;

/** What a trace says of a node. */
export type NodeEvent = Extract<TraceEvent, { readonly type: 'node' }>;

/** A message without what becomes of it. */
export type Message = Pick<MessageEvent, 'runner' | 'to' | 'kind' | 'name' | 'detail'>;

/** A message as a noun: `the call acquire(7) of a to locks`, `the reply true to acquire of a`. */
export function messageText({ runner: from, to, kind, name, detail }: Message): string {
  switch (kind) {
    case 'call':
      return `the call ${name}(${detail ?? ''}) from ${from} to ${to}`;
    case 'reply':
      return `the reply ${detail === undefined ? '' : `${detail} `}of ${from} to ${name} from ${to}`;
    case 'error':
      return `the error ${detail === undefined ? '' : `"${detail}" `}of ${from} to ${name} from ${to}`;
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

/** One clause: `a calls acquire(7) of locks`, `locks answers acquire of a with true`, `the message beat from a to b is lost`. */
export function messageEventText(event: MessageEvent): string {
  const { runner: from, to, kind, name, detail, step, reason } = event;
  if (step !== 'sent' && step !== 'delivered') {
    return `${messageText(event)} ${BECAME[step]}${reason === undefined ? '' : `: ${reason}`}`;
  }
  const isSent = step === 'sent';
  switch (kind) {
    case 'call': {
      const call = `${name}(${detail ?? ''})`;
      return isSent ? `${from} calls ${call} of ${to}` : `${call} of ${to}, called by ${from}, begins`;
    }
    case 'reply':
    case 'error': {
      const what =
        detail === undefined ? '' : kind === 'reply' ? ` with ${detail}` : ` with error "${detail}"`;
      return isSent
        ? `${from} answers ${name} of ${to}${what}`
        : `${to} gets the ${kind === 'reply' ? 'reply' : 'error'}${detail === undefined ? '' : ` ${kind === 'reply' ? detail : `"${detail}"`}`} to ${name} from ${from}`;
    }
    case 'message':
      return isSent
        ? `${from} sends ${detail ?? name} to ${to}`
        : `${to} gets ${detail ?? name} from ${from}`;
  }
}

function bytesText(bytes: number): string {
  return `${bytes} byte${bytes === 1 ? '' : 's'}`;
}

/** What a crash does to a file: `locks loses the last 12 bytes written to log`. */
export function lostText(disk: string, file: string, bytes: number): string {
  const what = bytes === 0 ? 'last write' : bytes === 1 ? 'last byte written' : `last ${bytes} bytes written`;
  return `${disk} loses the ${what} to ${file}`;
}

/** What a crash does to a file: `the write to log on locks is torn after 8 bytes`. */
export function tornText(disk: string, file: string, bytes: number): string {
  return `the write to ${file} on ${disk} is torn after ${bytesText(bytes)}`;
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

/** One clause: `locks syncs log`, `locks loses the last 12 bytes written to log`. */
export function diskEventText({ runner, step, file, bytes, from, change }: DiskEvent): string {
  const size = bytes === undefined ? '' : ` (${bytesText(bytes)})`;
  switch (step) {
    case 'wrote':
      return `${runner} writes ${file}${size}`;
    case 'appended':
      return `${runner} appends to ${file}${size}`;
    case 'synced':
      return `${runner} syncs ${file === '' ? 'its names' : file}`;
    case 'renamed':
      return `${runner} renames ${from ?? 'a file'} to ${file}`;
    case 'removed':
      return `${runner} removes ${file}`;
    case 'kept':
      return `${file} on ${runner} keeps what was not synced${size}`;
    case 'zeroed':
      return zeroedText(runner, file, bytes ?? 0);
    case 'torn':
      return tornText(runner, file, bytes ?? 0);
    case 'lost':
      return change === undefined
        ? lostText(runner, file, bytes ?? 0)
        : lostChangeText(runner, nameChangeText(change, from ?? file, file));
  }
}

/** One clause: `locks starts again`, `locks ends with an error: no config`. */
export function nodeEventText({ runner, step, error }: NodeEvent): string {
  switch (step) {
    case 'restarted':
      return `${runner} starts again`;
    case 'failed':
      return `${runner} ends with an error${error === undefined ? '' : `: ${error}`}`;
    case 'left':
      return `${runner} has left`;
  }
}
