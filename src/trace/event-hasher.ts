/**
 * Feeds trace events to a rolling hash as numbers and strings, without building text. Invariant: the encoding is
 * unambiguous, so two lists of events feed the same sequence only if they are equal as data. Absent and undefined
 * optional fields are equal, and so are maps with the same entries in a different order.
 *
 * Most events repeat the runner, run, tags and refs of the event before; flags mark those that change.
 */
import { textWords, type TextWords } from '../kernel/text-words.ts';
import { unreachable } from '../kernel/invariant.ts';
import type { Command } from '../model/command.ts';
import { runStateCode } from '../model/run-state.ts';
import type { RunStatus } from '../model/run-status.ts';
import type { ServiceStatus } from '../model/service-status.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import type { RunTracer } from '../model/run-tracer.ts';
import { LOG_NAMES, TEMP_DIR_NAME } from '../model/undisturbed-run.ts';
import { canonicalJson, sortedKeys } from './canonical-json.ts';

/**
 * The rolling hash that an event hasher needs. Strings are separate: adding `'ab'` and `''` differs from adding `'a'`
 * and `'b'`. The digest may be read at any time, and does not end the hash.
 */
export interface EventHash {
  addNumber(value: number): void;
  /** `isRare` means that the value will hardly occur again, so that caching it does not pay; the digest is the same. */
  addString(value: string, isRare?: boolean): void;
  /** As `addString` with the text of these words; if absent, `addString` is called. */
  addWords?(words: TextWords): void;
  /** 16 hexadecimal characters. */
  digest(): string;
}

/** A text of a row, with its words precomputed. */
interface KnownText {
  readonly text: string;
  readonly words: TextWords;
}

const known = (text: string): KnownText => ({ text, words: textWords(text) });
const TEMP_DIR = known(TEMP_DIR_NAME);
const CHECKOUT = known('checkout');
const CLOSE = known('close');
const OUTPUTS = known('outputs');
const OUTPUT = known('output');
const LOGS = LOG_NAMES.map(known);
const EXEC = known('exec');
const PROCESS = known('process');
const WAIT = known('wait');
const RELEASE = known('release');
const END = known('end');

/** Codes of the event types. They are part of the hash, so a code is never reused for another type. */
const CODES = {
  accepted: 1,
  rejected: 2,
  status: 3,
  dropped: 4,
  evicted: 5,
  service: 6,
  abort: 7,
  released: 8,
  phase: 9,
  acquired: 10,
  freed: 11,
  abandoned: 12,
  recorded: 13,
  wrote: 14,
  metric: 15,
  fault: 16,
  note: 17,
  message: 18,
  disk: 19,
  node: 20,
} as const satisfies Readonly<Record<TraceEvent['type'], number>>;

/** Flags above the codes: fields that follow the head because they differ from the event before. */
const NEW_RUNNER = 1 << 5;
const NEW_RUN = 1 << 6;
/** Flags for optional fields of a resource event. */
const HAS_OWNER = 1 << 7;
const HAS_FROM = 1 << 8;

/**
 * For a name this short, reading it is as fast as looking its words up, and much faster once 10,000 names fill the
 * table.
 */
const SHORT_NAME_MAX = 16;

/** Flags of a status. */
const NEW_TAGS = 1 << 3;
const NEW_REFS = 1 << 4;
const HAS_SNAPSHOT = 1 << 5;
const HAS_ERROR = 1 << 6;
const HAS_RESULT = 1 << 7;

type SeldomEvent = Extract<
  TraceEvent,
  { readonly type: 'abort' | 'dropped' | 'wrote' | 'recorded' | 'fault' }
>;
type HeldEvent = Extract<TraceEvent, { readonly type: 'acquired' | 'freed' | 'abandoned' }>;
type RunnerEvent = Extract<
  TraceEvent,
  { readonly type: 'metric' | 'rejected' | 'service' | 'note' | 'released' | 'message' | 'disk' | 'node' }
>;

/** What the hash covers of an event: all but what is for people alone. */
export function hashedPart(event: TraceEvent): object {
  if (event.type === 'message') return { ...event, detail: undefined };
  if (event.type !== 'fault') return event;
  return { ...event, client: undefined, clientRunId: undefined, detail: undefined };
}

/** Hashes one list of events. */
export class EventHasher implements RunTracer {
  readonly #hash: EventHash;
  #runner = '';
  #runId = '';
  #jobId = '';
  #taskId = '';
  #tag = '';
  #stdoutRef = '';
  #stderrRef = '';

  constructor(hash: EventHash) {
    this.#hash = hash;
  }

  phase(at: number, runner: string, runId: string, phase: string): void {
    this.#head(at, CODES.phase, runner, runId);
    this.#hash.addString(phase);
  }

  acquired(at: number, runner: string, runId: string, resource: string, name: string): void {
    this.#head(at, CODES.acquired, runner, runId);
    this.#resource(resource, name);
  }

  freed(at: number, runner: string, runId: string, resource: string, name: string): void {
    this.#head(at, CODES.freed, runner, runId);
    this.#resource(resource, name);
  }

  status(at: number, runner: string, status: RunStatus): void {
    this.#head(at, CODES.status, runner, status.runId);
    this.#status(status);
  }

  accepted(at: number, runner: string, runId: string, command: Command): void {
    this.#head(at, CODES.accepted, runner, runId);
    this.#command(command);
  }

  evicted(at: number, runner: string, runId: string): void {
    this.#head(at, CODES.evicted, runner, runId);
  }

  /** Equivalent to the events of `STARTED_ROW` one by one, written out for speed. */
  started(at: number, runner: string, runId: string, checkout: string, status: RunStatus): void {
    this.#head(at, CODES.phase, runner, runId);
    this.#text(CHECKOUT);
    this.#again(at, CODES.acquired, CHECKOUT);
    this.#checkout(checkout);
    this.#again(at, CODES.phase, OUTPUTS);
    for (const log of LOGS) {
      this.#again(at, CODES.acquired, OUTPUT);
      this.#text(log);
    }
    this.#again(at, CODES.phase, EXEC);
    this.#again(at, CODES.acquired, PROCESS);
    this.#text(PROCESS);
    this.#hash.addNumber(at);
    this.#hash.addNumber(CODES.status);
    this.#status(status);
    this.#again(at, CODES.phase, WAIT);
  }

  /** Equivalent to the events of `ENDED_ROW` one by one, written out for speed. */
  ended(at: number, runner: string, runId: string, checkout: string, status: RunStatus): void {
    this.#head(at, CODES.phase, runner, runId);
    this.#text(CLOSE);
    for (const log of LOGS) {
      this.#again(at, CODES.freed, OUTPUT);
      this.#text(log);
    }
    this.#again(at, CODES.phase, RELEASE);
    this.#again(at, CODES.freed, CHECKOUT);
    this.#checkout(checkout);
    this.#again(at, CODES.phase, END);
    this.#hash.addNumber(at);
    this.#hash.addNumber(CODES.status);
    this.#status(status);
  }

  /**
   * Adds any event, like the matching call. Each case reads its own shape of event, which costs a third of reading a
   * general one.
   */
  record(event: TraceEvent): void {
    switch (event.type) {
      case 'phase':
        this.phase(event.at, event.runner, event.runId, event.phase);
        return;
      case 'acquired':
        if (event.owner !== undefined || event.from !== undefined) this.#owned(event);
        else this.acquired(event.at, event.runner, event.runId, event.resource, event.name);
        return;
      case 'freed':
        if (event.owner !== undefined || event.from !== undefined) this.#owned(event);
        else this.freed(event.at, event.runner, event.runId, event.resource, event.name);
        return;
      case 'status':
        this.status(event.at, event.runner, event.status);
        return;
      case 'accepted':
        this.accepted(event.at, event.runner, event.runId, event.command);
        return;
      case 'evicted':
        this.evicted(event.at, event.runner, event.runId);
        return;
      case 'abandoned':
        this.#owned(event);
        return;
      case 'abort':
      case 'dropped':
      case 'wrote':
      case 'recorded':
      case 'fault':
        this.#seldomOfRun(event);
        return;
      case 'metric':
      case 'rejected':
      case 'service':
      case 'note':
      case 'released':
      case 'message':
      case 'disk':
      case 'node':
        this.#ofRunner(event);
        return;
    }
    unreachable(event);
  }

  #seldomOfRun(event: SeldomEvent): void {
    const hash = this.#hash;
    const runId = event.type === 'dropped' ? event.status.runId : event.runId;
    this.#head(event.at, CODES[event.type], event.runner, runId);
    switch (event.type) {
      case 'abort':
        return;
      case 'dropped':
        this.#status(event.status);
        return;
      case 'wrote':
        hash.addString(event.output);
        hash.addNumber(event.bytes);
        hash.addString(event.digest, true);
        return;
      case 'recorded':
        hash.addString(event.what);
        hash.addString(event.error);
        hash.addNumber(event.exitCode);
        if (event.isRepeated !== undefined) hash.addString(event.isRepeated ? 'repeated' : 'not repeated');
        return;
      case 'fault':
        hash.addString(event.operation);
        hash.addString(event.kind);
        this.#optional(event.filer);
        this.#optional(event.message, true);
        this.#optional(event.parts);
        this.#optional(event.file);
        this.#optionalNumber(event.afterEvent);
        this.#optionalNumber(event.ms);
        return;
    }
  }

  /** For an event without owner and source, equivalent to the matching call. */
  #owned({ type, at, runner, runId, resource, name, owner, from }: HeldEvent): void {
    const flags = (owner === undefined ? 0 : HAS_OWNER) | (from === undefined ? 0 : HAS_FROM);
    this.#head(at, CODES[type] | flags, runner, runId);
    this.#resource(resource, name);
    if (owner !== undefined) this.#hash.addString(owner);
    if (from !== undefined) this.#hash.addString(from);
  }

  #ofRunner(event: RunnerEvent): void {
    const hash = this.#hash;
    this.#head(event.at, CODES[event.type], event.runner, this.#runId);
    switch (event.type) {
      case 'metric':
        hash.addString(event.name);
        hash.addNumber(event.value);
        return;
      case 'rejected':
        hash.addString(event.code);
        return;
      case 'service':
        this.#service(event.service);
        return;
      case 'note':
        hash.addString(event.text);
        return;
      case 'released':
        return;
      case 'message':
        hash.addString(event.to);
        hash.addString(event.step);
        hash.addString(event.kind);
        hash.addString(event.name);
        hash.addNumber(event.id);
        if (event.reason !== undefined) hash.addString(event.reason);
        return;
      case 'disk':
        hash.addString(event.step);
        hash.addString(event.file);
        this.#optionalNumber(event.bytes);
        this.#optionalNumber(event.writes);
        this.#optionalNumber(event.writtenBytes);
        this.#optionalNumber(event.unsyncedBytes);
        this.#optionalNumber(event.wasUnderWay === undefined ? undefined : Number(event.wasUnderWay));
        this.#optional(event.from);
        this.#optional(event.change);
        return;
      case 'node':
        hash.addString(event.step);
        hash.addNumber(event.incarnation);
        this.#optional(event.error);
        return;
    }
  }

  /** An event with the runner and run of the event before, and its first text. */
  #again(at: number, code: number, text: KnownText): void {
    this.#hash.addNumber(at);
    this.#hash.addNumber(code);
    this.#text(text);
  }

  #checkout(name: string): void {
    if (name === TEMP_DIR_NAME) this.#text(TEMP_DIR);
    else this.#hash.addString(name);
  }

  #text({ text, words }: KnownText): void {
    if (this.#hash.addWords === undefined) this.#hash.addString(text);
    else this.#hash.addWords(words);
  }

  #head(at: number, code: number, runner: string, runId: string): void {
    const hash = this.#hash;
    const isNewRunner = runner !== this.#runner;
    const isNewRun = runId !== this.#runId;
    hash.addNumber(at);
    hash.addNumber(code | (isNewRunner ? NEW_RUNNER : 0) | (isNewRun ? NEW_RUN : 0));
    if (isNewRunner) {
      hash.addString(runner, runner.length <= SHORT_NAME_MAX);
      this.#runner = runner;
    }
    if (isNewRun) {
      hash.addString(runId, true);
      this.#runId = runId;
    }
  }

  #resource(resource: string, name: string): void {
    this.#hash.addString(resource);
    this.#hash.addString(name);
  }

  #status(status: RunStatus): void {
    const hash = this.#hash;
    const { jobId, taskId, tag, stdoutRef, stderrRef, snapshotId, error, actionResult } = status;
    const hasNewTags = jobId !== this.#jobId || taskId !== this.#taskId || tag !== this.#tag;
    const hasNewRefs = stdoutRef !== this.#stdoutRef || stderrRef !== this.#stderrRef;
    hash.addNumber(
      runStateCode(status.state) |
        (hasNewTags ? NEW_TAGS : 0) |
        (hasNewRefs ? NEW_REFS : 0) |
        (snapshotId === '' ? 0 : HAS_SNAPSHOT) |
        (error === '' ? 0 : HAS_ERROR) |
        (actionResult === undefined ? 0 : HAS_RESULT),
    );
    hash.addNumber(status.exitCode);
    if (hasNewTags) this.#tags(jobId, taskId, tag);
    if (hasNewRefs) this.#refs(stdoutRef, stderrRef);
    if (snapshotId !== '') hash.addString(snapshotId);
    if (error !== '') hash.addString(error);
    if (actionResult !== undefined) hash.addString(canonicalJson(actionResult), true);
  }

  #tags(jobId: string, taskId: string, tag: string): void {
    this.#hash.addString(jobId);
    this.#hash.addString(taskId);
    this.#hash.addString(tag);
    this.#jobId = jobId;
    this.#taskId = taskId;
    this.#tag = tag;
  }

  #refs(stdoutRef: string, stderrRef: string): void {
    this.#hash.addString(stdoutRef, true);
    this.#hash.addString(stderrRef, true);
    this.#stdoutRef = stdoutRef;
    this.#stderrRef = stderrRef;
  }

  #service({ initialized, isHealthy, error }: ServiceStatus): void {
    this.#hash.addNumber((initialized ? 1 : 0) | (isHealthy ? 2 : 0));
    this.#hash.addString(error);
  }

  #command(command: Command): void {
    const hash = this.#hash;
    const { argv, envVars, timeoutMs, executeRequest } = command;
    hash.addNumber(argv.length);
    // `argv` is frozen, and iterating over a frozen array is slow.
    for (let index = 0; index < argv.length; index += 1) hash.addString(argv[index] as string);
    hash.addNumber((envVars === undefined ? 0 : 1) | (timeoutMs === undefined ? 0 : 2));
    if (envVars !== undefined) this.#envVars(envVars);
    if (timeoutMs !== undefined) hash.addNumber(timeoutMs);
    this.#optional(command.snapshotId);
    this.#optional(command.jobId);
    this.#optional(command.taskId);
    this.#optional(command.tag);
    this.#optional(executeRequest === undefined ? undefined : canonicalJson(executeRequest), true);
  }

  /** For `isRare` see `RollingHash.addString`. */
  #optional(text: string | undefined, isRare = false): void {
    this.#hash.addNumber(text === undefined ? 0 : 1);
    if (text !== undefined) this.#hash.addString(text, isRare);
  }

  #optionalNumber(value: number | undefined): void {
    this.#hash.addNumber(value === undefined ? 0 : 1);
    if (value !== undefined) this.#hash.addNumber(value);
  }

  #envVars(envVars: Readonly<Record<string, string>>): void {
    const keys = sortedKeys(envVars);
    this.#hash.addNumber(keys.length);
    for (const key of keys) {
      this.#hash.addString(key);
      this.#hash.addString(envVars[key] ?? '');
    }
  }
}
