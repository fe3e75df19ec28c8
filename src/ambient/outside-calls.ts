/**
 * The functions by which code reads time and randomness, or does I/O, at once: no resource is made that the machine would tell of.
 * Invariant: each is named by the object that has it when it is called, so that a replacement is seen by whoever calls it by name.
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

/** All of them, as they are on this Node. `new Date()` is not a method; see `patched-calls.ts`. */
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
