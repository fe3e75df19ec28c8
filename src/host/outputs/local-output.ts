/**
 * Makes outputs that are files of one folder, finds them by id, name or URI, and removes them again. Invariant: no id
 * or name leads out of the folder, and every output is in the index until it is dropped.
 */
import * as is from '../../kernel/shape.ts';
import { randomBytes } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { hostname as machineName, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { check } from '../../kernel/argument-check.ts';
import { messageOf, RunnerError } from '../../kernel/errors.ts';
import type { OutputCreator } from '../../model/output.ts';
import { checkOutputId } from '../../outputs/output-id.ts';
import { LocalOutputFile, type LocalOutput } from './local-output-file.ts';
import { makeFolder } from '../make-folder.ts';

/** Which outputs to keep. Only closed outputs are dropped by age or count. */
export interface OutputRetention {
  /** Outputs created longer ago are dropped. */
  readonly maxAgeMs?: number;
  /** The oldest outputs are dropped until no more than these are left. */
  readonly maxCount?: number;
}

/** Options of {@link createLocalOutputs}. */
export interface LocalOutputsOptions {
  /** The folder. Default: a new one among the machine's temporary files, made with the first output. */
  readonly dir?: string;
  /**
   * The URL at which an output server serves the folder; a function is called for each new output. Default: URIs are
   * `file://` ones.
   */
  readonly httpBaseUrl?: string | (() => string | undefined);
  /** The host name in file URIs. Default: the machine's name. */
  readonly hostname?: string;
  /** Applied whenever an output is created. Default: outputs stay until `drop`, `prune` or `dispose` is called. */
  readonly retention?: OutputRetention;
  /**
   * Called with each failure to write or close an output, which its caller gets too. What it throws is a warning of the
   * process, and changes nothing else.
   */
  readonly onFailure?: (error: RunnerError) => void;
  /** The time in milliseconds, for `maxAgeMs`. Default: the machine's monotonic clock. */
  readonly now?: () => number;
}

const RETENTION = is.objectOf<OutputRetention>(
  'an object with maxAgeMs and maxCount',
  {},
  is.each(['maxAgeMs', 'maxCount'], is.limit()),
);
const LOCAL_OUTPUTS_OPTIONS = is.optionsOf<LocalOutputsOptions>(
  {},
  {
    dir: is.text('a path', /^[^\0]+$/),
    httpBaseUrl: is.anyOf('a URL, or a function that gives one', is.TEXT, is.FUNCTION),
    hostname: is.text('a name'),
    retention: RETENTION,
    onFailure: is.FUNCTION,
    now: is.FUNCTION,
  },
);

const BASE_URL = is.text('a URL');
const TIME_MS = is.satisfying('a number', (value) => typeof value === 'number' && !Number.isNaN(value));

/** A creator of local files (R160–R162, R167). */
export interface LocalOutputs extends OutputCreator {
  /** The folder's absolute path. */
  readonly dir: string;
  /**
   * Creates a new file in the folder, which is made again if it has vanished.
   *
   * @throws RunnerError (rejects) `RUNNER_INVALID_ARGUMENT` for an id that could be a path; `RUNNER_OUTPUT_FAILED` if
   * the file cannot be made.
   */
  create(id: string): Promise<LocalOutput>;
  /** Finds an output by its id (the latest of that id), the name of its file or its URI, such as a ref of a status. */
  find(key: string): LocalOutput | undefined;
  /**
   * Removes the file of the output at that URI and forgets the output; false if it is unknown. For evicted runs. Rejects
   * if the file cannot be removed, and then the output stays; or if it could not be closed, and then nothing is left.
   */
  drop(uri: string): Promise<boolean>;
  /** Drops outputs by age and count; resolves with the number dropped. */
  prune(retention: OutputRetention): Promise<number>;
  /** Closes and drops all outputs, and removes the folder unless it was given. Idempotent. */
  dispose(): Promise<void>;
}

interface Entry {
  readonly output: LocalOutput;
  /** Lowered where a clock that has gone back says an earlier time. */
  createdMs: number;
}

const NAME_ATTEMPTS = 8;

class LocalOutputFolder implements LocalOutputs {
  readonly dir: string;
  readonly #options: LocalOutputsOptions;
  readonly #folderUri: string;
  readonly #now: () => number;
  /** In the order of `createdMs`. */
  readonly #byUri = new Map<string, Entry>();
  readonly #byName = new Map<string, LocalOutput>();
  /** The outputs of each id, the latest last. */
  readonly #byId = new Map<string, LocalOutput[]>();
  /** Outputs that are being dropped: nothing finds them, and they keep their places until their files are removed. */
  readonly #leaving = new Set<LocalOutput>();
  /** No output in the index was created later. */
  #newestMs = -Infinity;

  constructor(options: LocalOutputsOptions) {
    const { dir, hostname = machineName() } = options;
    this.dir = resolve(dir ?? join(tmpdir(), `dryrunner-outputs-${randomBytes(6).toString('hex')}`));
    this.#folderUri = fileUri(hostname, this.dir);
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  async create(id: string): Promise<LocalOutput> {
    checkOutputId(id);
    const { onFailure } = this.#options;
    const baseUrl = this.#baseUrl();
    const createdMs = this.#readClock();
    // From here to the index nothing may throw, or an open file would be lost.
    const { name, file } = await this.#openNew(id);
    const inFolder = `${this.#folderUri}/${encodeURIComponent(name)}`;
    const uri = baseUrl === undefined ? inFolder : httpUri(baseUrl, id, inFolder);
    const output = new LocalOutputFile({ id, name, path: join(this.dir, name), uri, file, onFailure });
    // One that was asked for later may have been opened earlier.
    this.#newestMs = Math.max(this.#newestMs, createdMs);
    this.#byUri.set(output.uri, { output, createdMs: this.#newestMs });
    this.#byName.set(name, output);
    const others = this.#byId.get(id);
    if (others === undefined) this.#byId.set(id, [output]);
    else others.push(output);
    try {
      if (this.#options.retention !== undefined) await this.prune(this.#options.retention);
    } catch {
      // An old output that cannot be dropped stays in the index: the next pruning tries again, and `dispose` reports
      // it.
    }
    return output;
  }

  find(key: string): LocalOutput | undefined {
    const latest = this.#byId.get(key)?.findLast((output) => !this.#leaving.has(output));
    const found = latest ?? this.#byName.get(key) ?? this.#byUri.get(key)?.output;
    return found === undefined || this.#leaving.has(found) ? undefined : found;
  }

  async drop(uri: string): Promise<boolean> {
    const output = this.#byUri.get(uri)?.output;
    if (output === undefined || this.#leaving.has(output)) return false;
    this.#leaving.add(output);
    const [closed] = await Promise.allSettled([output.close()]);
    try {
      await rm(output.path, { force: true });
      this.#byUri.delete(uri);
      this.#byName.delete(output.name);
      this.#forgetId(output);
    } finally {
      this.#leaving.delete(output);
    }
    if (closed.status === 'rejected') throw closed.reason;
    return true;
  }

  async prune(retention: OutputRetention): Promise<number> {
    check('retention', retention, RETENTION);
    const { maxAgeMs = Number.POSITIVE_INFINITY, maxCount = Number.POSITIVE_INFINITY } = retention;
    const oldestMs = this.#readClock() - maxAgeMs;
    let surplus = this.#byUri.size - this.#leaving.size - maxCount;
    const dropped: Promise<boolean>[] = [];
    for (const [uri, { output, createdMs }] of this.#byUri) {
      // All others are younger.
      if (surplus <= 0 && createdMs >= oldestMs) break;
      if (!output.closed || this.#leaving.has(output)) continue;
      surplus -= 1;
      dropped.push(this.drop(uri));
    }
    await allEnded(dropped);
    return dropped.length;
  }

  async dispose(): Promise<void> {
    try {
      await allEnded([...this.#byUri.keys()].map((uri) => this.drop(uri)));
    } finally {
      if (this.#options.dir === undefined) await rm(this.dir, { recursive: true, force: true });
    }
  }

  /** After a step back of the clock, what it called later was created just now at the latest. */
  #readClock(): number {
    const nowMs = this.#now();
    check('now()', nowMs, TIME_MS);
    if (nowMs < this.#newestMs) {
      for (const entry of this.#byUri.values()) entry.createdMs = Math.min(entry.createdMs, nowMs);
      this.#newestMs = nowMs;
    }
    return nowMs;
  }

  #forgetId(output: LocalOutput): void {
    const others = this.#byId.get(output.id) ?? [];
    others.splice(others.indexOf(output), 1);
    if (others.length === 0) this.#byId.delete(output.id);
  }

  #baseUrl(): string | undefined {
    const { httpBaseUrl } = this.#options;
    const baseUrl = typeof httpBaseUrl === 'function' ? httpBaseUrl() : httpBaseUrl;
    if (baseUrl !== undefined) check('httpBaseUrl()', baseUrl, BASE_URL);
    return baseUrl;
  }

  async #openNew(id: string): Promise<{ name: string; file: FileHandle }> {
    let cause: unknown;
    for (let attempt = 0; attempt < NAME_ATTEMPTS; attempt += 1) {
      const name = `${id}-${randomBytes(6).toString('hex')}`;
      try {
        return { name, file: await open(join(this.dir, name), 'wx', 0o600) };
      } catch (error) {
        cause = error;
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENOENT') await this.#makeFolder();
        else if (code !== 'EEXIST') break;
      }
    }
    const message = `output ${id} could not be created in ${this.dir}: ${messageOf(cause)}`;
    throw new RunnerError('RUNNER_OUTPUT_FAILED', message, { cause });
  }

  async #makeFolder(): Promise<void> {
    try {
      await makeFolder(this.dir, 0o700);
    } catch (cause) {
      const message = `folder ${this.dir} could not be made: ${messageOf(cause)}`;
      throw new RunnerError('RUNNER_OUTPUT_FAILED', message, { cause });
    }
  }
}

/**
 * Makes a creator of outputs on the local disk (R160–R162, R167).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for an invalid retention.
 * @example
 * ```ts
 * import { createLocalOutputs } from 'dryrunner/host';
 * const outputs = createLocalOutputs();
 * const output = await outputs.create('stdout');
 * await output.write('hello');
 * await output.close();
 * await outputs.dispose();
 * ```
 */
export function createLocalOutputs(options: LocalOutputsOptions = {}): LocalOutputs {
  check('options', options, LOCAL_OUTPUTS_OPTIONS);
  return new LocalOutputFolder(options);
}

/** Rejects with the first error when all have ended. */
async function allEnded(work: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(work);
  await Promise.all(work);
}

/** A `file://HOST/PATH` URI with the absolute path (R162), percent-encoded so that any name survives. */
function fileUri(hostname: string, path: string): string {
  return `file://${hostname}${path.split('/').map(encodeURIComponent).join('/')}`;
}

/** `BASE/ID?file=` followed by the file URI; a base with or without a trailing slash gives the same result (R162). */
function httpUri(baseUrl: string, id: string, file: string): string {
  return `${baseUrl.replace(/\/+$/, '')}/${encodeURIComponent(id)}?file=${file}`;
}
