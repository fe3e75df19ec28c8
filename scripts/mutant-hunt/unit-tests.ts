// Lets the unit tests judge mutants, one after the other, in a process that is kept. Invariants: a mutant that makes it hang or die is killed,
// as in any mutation test; what was found is kept, and used again while neither the mutant nor what the test runs has changed; a process that
// was ended from outside has judged nothing.
import { fork, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { UnitOrder } from './unit-order.ts';
import { Watchdog } from './watchdog.ts';

/** What is to be tested. */
export interface UnitTask {
  readonly file: string;
  /** Of the mutated file. */
  readonly text: string;
  readonly tests: readonly string[];
}

/** What came of it. */
export type UnitAnswer =
  | { readonly killed: false }
  | { readonly killed: true; readonly test: string; readonly title: string; readonly message: string };

/** Time of the processor that one test may take. */
const HANG_CPU_MS = 60_000;
const PROGRAM = fileURLToPath(new URL('unit-process.ts', import.meta.url));

/** What no process sends to itself: such an end says nothing about a mutant. */
const OUTSIDE_SIGNALS: ReadonlySet<string | null> = new Set([
  ...['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'],
]);

/** The process was ended by another one. */
class EndedFromOutside extends Error {}

/** A process, and what it does for one mutant after the other. */
export class UnitTests {
  readonly #order: Pick<UnitOrder, 'testsOf' | 'digest'>;
  readonly #cache: string;
  readonly #program: string;
  #child: ChildProcess | undefined;
  #isClosed = false;

  /** `cache` is a folder, made when it is needed; `program` is what runs the tests. */
  constructor(order: Pick<UnitOrder, 'testsOf' | 'digest'>, cache: string, program: string = PROGRAM) {
    this.#order = order;
    this.#cache = cache;
    this.#program = program;
  }

  /**
   * Runs the tests that reach the file until one fails; undefined if it was closed meanwhile.
   *
   * @throws Error (rejects) if the process does not start, or is ended from outside twice.
   */
  async judge(file: string, text: string): Promise<UnitAnswer | undefined> {
    const key = createHash('sha256').update(`${file}\n${text}`).digest('hex').slice(0, 24);
    const tests = this.#order.testsOf(file);
    const known = this.#known(key, file, text, tests);
    if (known !== undefined) return known;
    const answer =
      tests.length === 0 ? { killed: false as const } : await this.#askTwice({ file, text, tests });
    if (answer === undefined) return undefined;
    const used = answer.killed ? [answer.test] : tests;
    mkdirSync(this.#cache, { recursive: true });
    const digest = this.#digest(used, file, text);
    writeFileSync(join(this.#cache, `${key}.json`), JSON.stringify({ digest, answer }));
    return answer;
  }

  /** Ends the process, for good. */
  close(): void {
    this.#isClosed = true;
    this.#end();
  }

  #end(): void {
    const { pid } = this.#child ?? {};
    this.#child = undefined;
    if (pid === undefined) return;
    try {
      // With the workers of Vitest, which an endless loop keeps from ending with it.
      process.kill(-pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  #digest(tests: readonly string[], file: string, text: string): string {
    const hash = createHash('sha256');
    for (const test of tests) hash.update(this.#order.digest(test, new Map([[file, text]])));
    return hash.digest('hex');
  }

  #known(key: string, file: string, text: string, tests: readonly string[]): UnitAnswer | undefined {
    const path = join(this.#cache, `${key}.json`);
    try {
      const { digest, answer } = JSON.parse(readFileSync(path, 'utf8')) as {
        readonly digest: string;
        readonly answer: UnitAnswer;
      };
      if (digest === this.#digest(answer.killed ? [answer.test] : tests, file, text)) return answer;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      if (!(error instanceof SyntaxError)) throw error;
    }
    rmSync(path, { force: true });
    return undefined;
  }

  /** Once more if the process was ended from outside. */
  async #askTwice(task: UnitTask): Promise<UnitAnswer | undefined> {
    const isClosed = (): boolean => this.#isClosed;
    for (let isAgain = false; !isClosed(); isAgain = true) {
      try {
        const answer = await this.#ask(task);
        return isClosed() ? undefined : answer;
      } catch (error) {
        this.#end();
        if (!isClosed() && (isAgain || !(error instanceof EndedFromOutside))) throw error;
      }
    }
    return undefined;
  }

  async #ask(task: UnitTask): Promise<UnitAnswer> {
    // It may have been ended while it had nothing to do.
    const kept = this.#child;
    const isThere = kept?.connected === true && kept.exitCode === null && kept.signalCode === null;
    const child = isThere ? kept : await this.#start();
    const test = task.tests[0] ?? '';
    const hanging: { watchdog?: Watchdog } = {};
    const hung = new Promise<UnitAnswer>((resolve) => {
      const message = `no test has ended in ${HANG_CPU_MS / 1_000} s of the processor`;
      const giveUp = (): void => resolve({ killed: true, test, title: 'hung', message });
      hanging.watchdog = new Watchdog(child.pid ?? 0, HANG_CPU_MS, giveUp);
    });
    const answered = new Promise<UnitAnswer>((resolve) => {
      child.on('message', (said: UnitAnswer | 'alive') => {
        if (said === 'alive') hanging.watchdog?.see();
        else resolve(said);
      });
    });
    const died = new Promise<UnitAnswer>((resolve, reject) => {
      child.on('exit', (code, signal) => {
        if (OUTSIDE_SIGNALS.has(signal)) {
          reject(new EndedFromOutside(`the process of the unit tests was ended by ${String(signal)}`));
        } else resolve({ killed: true, test, title: 'died', message: `exit ${String(code ?? signal)}` });
      });
    });
    // If it cannot be sent, the process has ended, which its exit says.
    child.send(task, () => undefined);
    try {
      const answer = await Promise.race([answered, died, hung]);
      if (answer.killed && (answer.title === 'hung' || answer.title === 'died')) this.#end();
      return answer;
    } finally {
      hanging.watchdog?.stop();
      child.removeAllListeners('message').removeAllListeners('exit');
    }
  }

  async #start(): Promise<ChildProcess> {
    this.#end();
    const child = fork(this.#program, {
      execArgv: ['--import', 'tsx'],
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, NODE_ENV: 'test', VITEST: 'true' },
    });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve());
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        const message = `the process of the unit tests ended while it started: ${String(code ?? signal)}`;
        reject(OUTSIDE_SIGNALS.has(signal) ? new EndedFromOutside(message) : new Error(message));
      });
    });
    child.removeAllListeners('message').removeAllListeners('exit');
    return child;
  }
}
