/**
 * One exploring thread as whoever started it sees it. Invariants: it ends once, with its report or with what became of it; a thread
 * that makes no progress is ended from outside, and the execution that it was in is not lost with it.
 */
import { Worker } from 'node:worker_threads';
import type { CampaignFailureKind } from '../explore/campaign-report.ts';
import type { Decision } from '../kernel/decisions.ts';
import { messageOf } from '../kernel/errors.ts';
import { allocateYoung } from './engine-allocation.ts';
import { ExploreSharedState, type ExploreCounters } from './explore-shared-state.ts';
import type { ExploreMessage, ExploreTask } from './explore-task.ts';
import { threadEntry } from './thread-entry.ts';

/** How a thread is started, and what it may take. */
export interface ThreadLimits {
  /** The module that it runs; it calls `serveExploreTask`. */
  readonly entry: URL;
  /** Real time without a turn of its event loop after which a thread counts as hanging, in milliseconds. */
  readonly hangMs: number;
  /** Memory of its heap in MiB; a thread that needs more is ended. */
  readonly memoryMb: number;
}

interface ThreadOptions extends ThreadLimits {
  readonly onMessage: (message: ExploreMessage) => void;
}

/** An execution that took its thread with it. */
export interface LostExecution {
  readonly kind: Extract<CampaignFailureKind, 'hang' | 'crash'>;
  readonly message: string;
  readonly details: readonly string[];
  readonly decisions: readonly Decision[];
}

/** What became of a thread. */
export type ThreadEnd =
  /** It did its task. */
  | { readonly type: 'done' }
  /** It was ended, or asked to stop and did not in time although it was alive. */
  | { readonly type: 'stopped' }
  /** The scenario did not load. */
  | { readonly type: 'refused'; readonly message: string }
  | { readonly type: 'lost'; readonly execution: LostExecution };

const WATCH_MS = 100;
/** How long a thread may take to stop by itself. */
const STOP_GRACE_MS = 2_000;
/** How long one that still does something may take, such as to explain what it has. */
const GIVE_UP_MS = 10_000;

/** A thread and its end. */
export class ExploreThread {
  /** Never rejects. */
  readonly ended: Promise<ThreadEnd>;
  readonly #state: ExploreSharedState;
  readonly #worker: Worker;
  readonly #options: ThreadOptions;
  readonly #watch: NodeJS.Timeout;
  #resolve: (end: ThreadEnd) => void = () => undefined;
  #isReady = false;
  #isDone = false;
  #end: ThreadEnd | undefined;
  #turns = -1;
  #turnedAt = performance.now();
  #stopAskedAt = Infinity;

  constructor(makeTask: (memory: SharedArrayBuffer) => ExploreTask, options: ThreadOptions) {
    this.#options = options;
    this.#state = new ExploreSharedState();
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    allocateYoung();
    this.#worker = new Worker(threadEntry(options.entry), {
      workerData: makeTask(this.#state.memory),
      resourceLimits: { maxOldGenerationSizeMb: options.memoryMb },
      // Results go to stdout; what a scenario prints is about the work.
      stdout: true,
    });
    this.#worker.stdout.on('data', (chunk: Uint8Array) => process.stderr.write(chunk));
    this.#worker.on('message', (message: ExploreMessage) => this.#onMessage(message));
    this.#worker.on('error', (error) => this.#onError(error));
    this.#worker.on('exit', (code) => this.#onExit(code));
    this.#watch = setInterval(() => this.#look(), WATCH_MS);
  }

  counters(): ExploreCounters {
    return this.#state.counters();
  }

  askToStop(): void {
    this.#state.askToStop();
    this.#stopAskedAt = Math.min(this.#stopAskedAt, performance.now());
  }

  /** Ends it at once, whatever it is at. */
  terminate(): void {
    this.#end ??= { type: 'stopped' };
    void this.#worker.terminate();
  }

  #onMessage(message: ExploreMessage): void {
    if (message.type === 'ready') {
      this.#isReady = true;
      this.#turnedAt = performance.now();
    } else if (message.type === 'refused') this.#end ??= message;
    else if (message.type === 'done') {
      this.#isDone = true;
      // A real timer or socket that the scenario left behind would keep the thread.
      void this.#worker.terminate();
    }
    this.#options.onMessage(message);
  }

  #onError(error: unknown): void {
    const { code } = (error ?? {}) as NodeJS.ErrnoException;
    if (!this.#isReady) {
      this.#end ??= { type: 'refused', message: messageOf(error) };
    } else if (code === 'ERR_WORKER_OUT_OF_MEMORY') {
      this.#lose('crash', `the execution needed more than ${this.#options.memoryMb} MiB of memory`, []);
    } else {
      const stack =
        error instanceof Error && error.stack !== undefined ? error.stack.split('\n').slice(1) : [];
      this.#lose('crash', `the execution ended its thread: ${messageOf(error)}`, stack);
    }
  }

  #onExit(code: number): void {
    clearInterval(this.#watch);
    if (this.#isDone) this.#end ??= { type: 'done' };
    if (!this.#isReady) {
      const message = 'what was loaded ended the thread, or awaits a promise that nobody will settle';
      this.#end ??= { type: 'refused', message };
    }
    this.#lose('crash', `the execution ended its thread with process.exit(${code})`, []);
    if (this.#end !== undefined) this.#resolve(this.#end);
  }

  #look(): void {
    const now = performance.now();
    const { turns } = this.counters();
    if (turns !== this.#turns) {
      this.#turns = turns;
      this.#turnedAt = now;
    }
    const hangsMs = now - this.#turnedAt;
    // A thread that is asked to stop does so at its next turn.
    const isLate = now - this.#stopAskedAt >= STOP_GRACE_MS;
    if (this.#isReady && (hangsMs >= this.#options.hangMs || (isLate && hangsMs >= STOP_GRACE_MS))) {
      const seconds = Math.round(hangsMs / 100) / 10;
      const message = `the execution made no progress for ${seconds} s: a loop that never ends nor waits`;
      this.#lose('hang', message, []);
      void this.#worker.terminate();
    } else if ((isLate && !this.#isReady) || now - this.#stopAskedAt >= GIVE_UP_MS) this.terminate();
  }

  #lose(kind: LostExecution['kind'], message: string, details: readonly string[]): void {
    if (this.#end !== undefined) return;
    const decisions = this.#state.decisions();
    const last = decisions.at(-1);
    const where = last === undefined ? [] : [`last decision: ${JSON.stringify(last.label)} out of ${last.n}`];
    const execution = { kind, message, details: [...where, ...details], decisions };
    this.#end = { type: 'lost', execution };
  }
}
