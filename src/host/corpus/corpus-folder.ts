/**
 * Logs that are tried before anything else: first those that failed in an earlier campaign, then those that reached the
 * most. Invariants: a file appears complete or not at all; a file that cannot be read or written is reported, and
 * affects nothing else.
 *
 * `FOLDER/SCENARIO/HASH.jsonl` holds a decision log in the format of `docs/trace-format.md`, named by the hash of its
 * scenario's location and its failure's key. Beside it, `fixed/` holds logs that no longer fail, `changed/` logs that
 * fail differently now and are kept under that other failure too, `seeds/` logs that passed and reached something new,
 * and `cut-off/` logs of executions that were cut off. Of these folders, only `seeds/` is retried automatically. The
 * last two are bounded: their logs are called `OWNER-HASH.jsonl`, by the hashes of the scenario's location and of the
 * log, so that scenarios of one name in several files have room each.
 */
import { readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import type { CorpusEntry } from '../../explore/campaign-report.ts';
import { eventBound, type FailingExecution } from '../../explore/failing-execution.ts';
import { CUT_OFF_KEY } from '../../explore/failure-key.ts';
import type { Decision } from '../../kernel/decisions.ts';
import { messageOf } from '../../kernel/errors.ts';
import { hashText } from '../../kernel/text-hash.ts';
import { formatCount } from '../../model/plural.ts';
import { canonicalReference } from './campaign-state.ts';
import { makeFolder } from '../make-folder.ts';
import { readKeptFile, replaceTraceFile } from '../trace-file.ts';

const SUFFIX = '.jsonl';
const SEEDS = 'seeds';
const SEEDS_MAX = 64;
const CUT_OFF = 'cut-off';
const CUT_OFF_MAX = 16;
/**
 * More than any execution within the default budget takes. The bound is needed because a packed file may unpack to any
 * size.
 */
const BYTES_MAX = 256 * 1024 * 1024;
/** Per folder. A campaign that kept so many different failures has other problems. */
const FILES_MAX = 10_000;
const OTHER_BASIS = 0x51ed270b;
/** The owner in a file name. A name without one counts for everybody. */
const OWNER = /^[0-9a-f]{16}-/;

/** A log in the corpus. */
export interface KeptLog extends CorpusEntry {
  /** The seed of `world.random`; absent if it is the one that an exploration uses. */
  readonly seed?: string;
}

/** Whose logs a {@link CorpusFolder} keeps, and where. */
export interface CorpusOptions {
  /** The folder of all corpora; it and its parents are made when there is something to keep. */
  readonly root: string;
  /** The scenario's name. */
  readonly scenario: string;
  /** What is typed to run it, so that `dryrunner replay FILE` finds it. */
  readonly reference: string;
  /** The file of the scenario's test. It identifies the test in any working directory; the reference does not. */
  readonly testFile?: string | undefined;
  /** Name of the Vitest project that the test runs in. Logs of other projects are left alone; default: none. */
  readonly project?: string | undefined;
  /** Receives a sentence for each file that could not be read, and for write errors one per error code. */
  readonly onTrouble: (text: string) => void;
}

/** The path of a test file relative to the folder of its logs, the same on every machine. */
function pathOfTestFile(folder: string, testFile: string): string {
  return relative(folder, testFile).replaceAll(sep, '/');
}

/** The corpus of one scenario. */
export class CorpusFolder {
  readonly #folder: string;
  readonly #scenario: string;
  readonly #reference: string;
  /** Relative to the folder of the logs. */
  readonly #testFile: string | undefined;
  readonly #project: string;
  /** Where the scenario is, the same on every machine: the file, and the project if there are several. */
  readonly #place: string;
  readonly #onTrouble: (text: string) => void;
  /** Logs of executions that were cut off and that were written here: each is kept as it happens, and at the end. */
  readonly #cutOff = new Set<string>();
  /** Error codes already reported: on a full disk every file fails with the same one. */
  readonly #reported = new Set<string>();

  constructor({ root, scenario, reference, testFile, project = '', onTrouble }: CorpusOptions) {
    this.#folder = join(root, scenario);
    if (testFile !== undefined) this.#testFile = pathOfTestFile(this.#folder, testFile);
    this.#scenario = scenario;
    this.#reference = reference;
    this.#project = project;
    const place = this.#testFile ?? canonicalReference(reference);
    this.#place = project === '' ? place : `${place} ${project}`;
    this.#onTrouble = onTrouble;
  }

  /** All kept logs: failures, then seeds, each in order of file names. */
  async load(): Promise<KeptLog[]> {
    const failures = await this.#loadFrom(this.#folder);
    // The metadata of a seed file is ignored: a log kept for its reach must not be retired as fixed.
    const seeds = (await this.#loadFrom(join(this.#folder, SEEDS))).map(({ id, decisions }) => ({
      id,
      decisions,
    }));
    return [...failures, ...seeds];
  }

  /**
   * Keeps a failure, shrunk as far as it is, in place of the log kept for the same key. Of logs that were cut off, the
   * oldest make room. Resolves with the path, or undefined if it could not be written.
   */
  async keep(failing: FailingExecution): Promise<string | undefined> {
    const { key, seed, shrunk = failing } = failing;
    const { message, decisions } = shrunk;
    const { maxEvents } = eventBound(failing);
    const isCutOff = key === CUT_OFF_KEY;
    const folder = isCutOff ? join(this.#folder, CUT_OFF) : this.#folder;
    const name = isCutOff ? this.#nameOf(decisions) : `${nameOf(`${this.#place} ${key}`)}${SUFFIX}`;
    const path = join(folder, name);
    const bound = maxEvents === undefined ? {} : { maxEvents: String(maxEvents) };
    const meta = { failureKey: key, message, ...this.#location, ...bound };
    return this.#write(async () => {
      if (this.#cutOff.has(path) && (await isThere(path))) return path;
      await this.#writeLog(path, decisions, meta, seed);
      if (!isCutOff) return path;
      this.#cutOff.add(path);
      await this.#removeOldest(folder, CUT_OFF_MAX);
      return path;
    });
  }

  /** Keeps logs that reached something new; the oldest make room. */
  async keepSeeds(logs: readonly (readonly Decision[])[]): Promise<void> {
    if (logs.length === 0) return;
    const folder = join(this.#folder, SEEDS);
    const meta = this.#location;
    for (const log of logs) {
      await this.#write(async () => {
        await this.#writeLog(join(folder, this.#nameOf(log)), log, meta);
      });
    }
    await this.#write(() => this.#removeOldest(folder, SEEDS_MAX));
  }

  /** Moves a log out of the way: it no longer fails, or fails differently and is kept under that other failure. */
  async retire(id: string, why: 'fixed' | 'changed'): Promise<void> {
    await this.#write(async () => {
      const folder = join(this.#folder, why);
      await makeFolder(folder);
      await rename(join(this.#folder, id), join(folder, id)).catch(undefinedIfMissing);
    });
  }

  /** The path of the log with this id. */
  pathOf(id: string): string {
    return join(this.#folder, id);
  }

  /** Removes a log, and the folders that are empty then. */
  async remove(id: string): Promise<void> {
    await this.#write(async () => {
      await rm(this.pathOf(id), { force: true });
      for (const folder of [this.#folder, dirname(this.#folder), dirname(dirname(this.#folder))]) {
        await rmdir(folder);
      }
    }, isNotEmpty);
  }

  async #loadFrom(folder: string): Promise<KeptLog[]> {
    const entries: KeptLog[] = [];
    const names = await this.#namesIn(folder);
    if (names.length === 0) return entries;
    const { readDecisionLog } = await import('../../trace/decision-log-file.ts');
    for (const name of names) {
      const path = join(folder, name);
      try {
        const { header, decisions } = await readDecisionLog(readKeptFile(path, BYTES_MAX));
        const { failureKey: key } = header.meta ?? {};
        if (!this.#isOwn(header.meta)) continue;
        const { seed } = header;
        entries.push({
          id: name,
          decisions,
          ...(key === undefined ? {} : { key }),
          ...(seed === undefined ? {} : { seed }),
        });
      } catch (error) {
        this.#onTrouble(`${path} is left out: ${messageOf(error)}`);
      }
    }
    return entries;
  }

  get #owner(): string {
    return `${nameOf(this.#place)}-`;
  }

  /** The name of a log in a bounded folder. */
  #nameOf(log: readonly Decision[]): string {
    return `${this.#owner}${nameOf(JSON.stringify(log))}${SUFFIX}`;
  }

  async #removeOldest(folder: string, kept: number): Promise<void> {
    const entries = await readdir(folder, { withFileTypes: true });
    const names = entries.flatMap((entry) =>
      entry.isFile() && this.#takesRoom(entry.name) ? [entry.name] : [],
    );
    const files = await Promise.all(
      names.map(async (name) => {
        const path = join(folder, name);
        return { path, at: await stat(path).then(({ mtimeMs }) => mtimeMs, undefinedIfMissing) };
      }),
    );
    const there = files.flatMap(({ path, at }) => (at === undefined ? [] : [{ path, at }]));
    there.sort((a, b) => b.at - a.at);
    for (const { path } of there.slice(kept)) await rm(path, { force: true });
  }

  #takesRoom(name: string): boolean {
    return name.endsWith(SUFFIX) && (name.startsWith(this.#owner) || !OWNER.test(name));
  }

  get #location(): Readonly<Record<string, string>> {
    return {
      reference: this.#reference,
      ...(this.#testFile === undefined ? {} : { testFile: this.#testFile }),
      ...(this.#project === '' ? {} : { project: this.#project }),
    };
  }

  /** Scenarios in two files may share a name, and a file may be in several projects. */
  #isOwn({
    reference = this.#reference,
    testFile,
    project = this.#project,
  }: Readonly<Record<string, string>> = {}): boolean {
    if (project !== this.#project) return false;
    if (testFile !== undefined && this.#testFile !== undefined) return testFile === this.#testFile;
    return canonicalReference(reference) === canonicalReference(this.#reference);
  }

  async #namesIn(folder: string): Promise<string[]> {
    try {
      const all = new Set(await readdir(folder));
      // A log may also be there under a name without its owner, which is how they were called.
      const names = [...all]
        .filter((name) => name.endsWith(SUFFIX) && !all.has(`${this.#owner}${name}`))
        .sort();
      if (names.length > FILES_MAX) {
        this.#onTrouble(
          `${folder} has ${formatCount(names.length)} files; those after the first ${formatCount(FILES_MAX)} are left out`,
        );
      }
      return names.slice(0, FILES_MAX);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#onTrouble(`${folder} cannot be read: ${messageOf(error)}`);
      }
      return [];
    }
  }

  async #writeLog(
    path: string,
    decisions: readonly Decision[],
    meta: Readonly<Record<string, string>>,
    seed?: string,
  ): Promise<void> {
    await makeFolder(dirname(path));
    const { decisionLogLines } = await import('../../trace/decision-log-file.ts');
    const header = { scenario: this.#scenario, ...(seed === undefined ? {} : { seed }), meta };
    // As the state of the campaign, which would outlive it if the machine crashed.
    await replaceTraceFile(path, decisionLogLines(decisions, header), { isSynced: true });
  }

  /** An error with one file affects that file alone. */
  async #write<T>(
    work: () => Promise<T>,
    isExpected: (error: unknown) => boolean = () => false,
  ): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (isExpected(error)) return undefined;
      const { code = '' } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
      if (!this.#reported.has(code)) this.#onTrouble(`not kept: ${messageOf(error)}`);
      this.#reported.add(code);
      return undefined;
    }
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(undefinedIfMissing)) !== undefined;
}

function isNotEmpty(error: unknown): boolean {
  return ['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/** A concurrent campaign may have removed it first. */
function undefinedIfMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}

function nameOf(key: string): string {
  return [hashText(key), hashText(key, OTHER_BASIS)]
    .map((word) => (word >>> 0).toString(16).padStart(8, '0'))
    .join('');
}
