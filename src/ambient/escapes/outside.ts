/**
 * What counts as outside of a simulation: functions by which code reads time and randomness or does I/O synchronously,
 * so that no async resource is created that hooks could report; and async resources by which code waits for real time,
 * I/O and other threads. Invariant: each function is given with the object on which it is looked up, so that every call
 * by name reaches a replacement.
 */
import childProcess from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import { performance } from 'node:perf_hooks';
import { BroadcastChannel, MessagePort } from 'node:worker_threads';
import type { EscapeKind } from '../../explore/escape.ts';

/** A method to watch. */
export interface OutsideCall {
  readonly kind: EscapeKind;
  readonly what: string;
  readonly owner: object;
  readonly key: string;
}

const ENTROPY = ['randomBytes', 'randomFillSync', 'randomFill', 'randomInt', 'randomUUID', 'getRandomValues'];

/** Absent if Node runs without a compiler. */
const { WebAssembly: assembly = {} } = globalThis as { readonly WebAssembly?: object };
const ASYNC_ASSEMBLY = ['compile', 'instantiate', 'compileStreaming', 'instantiateStreaming'];

function callsOf(kind: EscapeKind, name: string, owner: object, keys: readonly string[]): OutsideCall[] {
  return keys
    .filter((key) => typeof (owner as Readonly<Record<string, unknown>>)[key] === 'function')
    .map((key) => ({ kind, what: `${name}.${key}`, owner, key }));
}

function syncKeysOf(module: object): string[] {
  return Object.keys(module).filter((key) => key.endsWith('Sync'));
}

/** All such methods of this Node version. `new Date()` is not a method; see `patched-calls.ts`. */
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
    ...callsOf('thread', 'WebAssembly', assembly, ASYNC_ASSEMBLY),
  ];
}

/** Type names of async resources, by kind. */
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

/** Kinds by resource type. Types not listed (promises, ticks, the user's own) are inside. */
export const OUTSIDE_RESOURCES: ReadonlyMap<string, EscapeKind> = new Map(
  (Object.keys(KINDS) as EscapeKind[]).flatMap((kind) => KINDS[kind].map((name) => [name, kind] as const)),
);
