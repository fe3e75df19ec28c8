/**
 * What counts as outside of a simulation: the functions by which code reads time and randomness, or does I/O, at once, so that no resource is
 * made that the machine would report; and the resources by which it waits for real time, for I/O and for other threads. Invariant: each
 * function is named by the object that has it when it is called, so that a replacement is seen by any caller that calls it by name.
 */
import childProcess from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import { performance } from 'node:perf_hooks';
import { BroadcastChannel, MessagePort } from 'node:worker_threads';
import type { EscapeKind } from '../explore/escape.ts';

/** A method that is to be watched. */
export interface OutsideCall {
  readonly kind: EscapeKind;
  readonly what: string;
  readonly owner: object;
  readonly key: string;
}

const ENTROPY = ['randomBytes', 'randomFillSync', 'randomFill', 'randomInt', 'randomUUID', 'getRandomValues'];

function callsOf(kind: EscapeKind, name: string, owner: object, keys: readonly string[]): OutsideCall[] {
  return keys
    .filter((key) => typeof (owner as Readonly<Record<string, unknown>>)[key] === 'function')
    .map((key) => ({ kind, what: `${name}.${key}`, owner, key }));
}

function syncKeysOf(module: object): string[] {
  return Object.keys(module).filter((key) => key.endsWith('Sync'));
}

/** All of them, as they are on this Node. `new Date()` is not a method; see `escape-watch.ts`. */
export function outsideCalls(): OutsideCall[] {
  return [
    ...callsOf('clock', 'Date', Date, ['now']),
    ...callsOf('clock', 'performance', Object.getPrototypeOf(performance) as object, ['now']),
    ...callsOf('clock', 'process', process, ['hrtime', 'uptime']),
    ...callsOf('clock', 'process.hrtime', process.hrtime, ['bigint']),
    ...callsOf('entropy', 'Math', Math, ['random']),
    ...callsOf('entropy', 'crypto', crypto, ENTROPY),
    ...callsOf('entropy', 'crypto', Object.getPrototypeOf(globalThis.crypto) as object, ENTROPY),
    ...callsOf('io', 'fs', fs, syncKeysOf(fs)),
    ...callsOf('process', 'child_process', childProcess, syncKeysOf(childProcess)),
    ...callsOf('thread', 'MessagePort', MessagePort.prototype, ['postMessage']),
    ...callsOf('thread', 'BroadcastChannel', BroadcastChannel.prototype, ['postMessage']),
    ...callsOf('thread', 'Atomics', Atomics, ['wait']),
  ];
}

/** What the machine calls the resources. */
const KINDS: Readonly<Record<EscapeKind, readonly string[]>> = {
  timer: ['Timeout', 'Immediate'],
  clock: [],
  entropy: [
    ...['RANDOMBYTESREQUEST', 'RANDOMPRIMEREQUEST', 'KEYPAIRGENREQUEST', 'KEYGENREQUEST'],
    ...['PBKDF2REQUEST', 'SCRYPTREQUEST', 'DERIVEBITSREQUEST', 'SIGNREQUEST', 'CIPHERREQUEST', 'HASHREQUEST'],
  ],
  io: [
    ...['FSREQCALLBACK', 'FSREQPROMISE', 'FILEHANDLE', 'FILEHANDLECLOSEREQ', 'FSEVENTWRAP', 'STATWATCHER'],
    ...[
      'GETADDRINFOREQWRAP',
      'GETNAMEINFOREQWRAP',
      'QUERYWRAP',
      'TCPWRAP',
      'TCPSERVERWRAP',
      'TCPCONNECTWRAP',
    ],
    ...['PIPEWRAP', 'PIPESERVERWRAP', 'PIPECONNECTWRAP', 'UDPWRAP', 'UDPSENDWRAP', 'TLSWRAP', 'SHUTDOWNWRAP'],
    ...['HTTPINCOMINGMESSAGE', 'HTTPCLIENTREQUEST', 'HTTP2SESSION', 'WRITEWRAP', 'STREAMPIPE', 'ZLIB'],
  ],
  process: ['PROCESSWRAP', 'SIGNALWRAP'],
  thread: ['WORKER', 'MESSAGEPORT'],
};

/** Kinds by the name of the resource; what is not here (promises, ticks, the user's own) stays inside. */
export const OUTSIDE_RESOURCES: ReadonlyMap<string, EscapeKind> = new Map(
  (Object.keys(KINDS) as EscapeKind[]).flatMap((kind) => KINDS[kind].map((name) => [name, kind] as const)),
);

/** Where the machine's name says little. */
const RESOURCE_NAMES: Readonly<Record<string, string>> = {
  Timeout: 'a real timer',
  Immediate: 'setImmediate',
  PROCESSWRAP: 'a child process',
  WORKER: 'a worker thread',
  MESSAGEPORT: 'a message port',
  FSREQCALLBACK: 'the file system',
  FSREQPROMISE: 'the file system',
  GETADDRINFOREQWRAP: 'a name server',
  TCPWRAP: 'a TCP connection',
  TCPSERVERWRAP: 'a TCP server',
};

/** What to call a resource of this type. */
export function resourceName(type: string): string {
  return RESOURCE_NAMES[type] ?? type;
}
