/**
 * One exploring thread as whoever started it sees it. Invariants: it ends once, with its report or with what became of it; a thread
 * that makes no progress is ended from outside, and the execution that it was in is not lost with it.
 */
import { Worker } from 'node:worker_threads';
import type { CampaignFailureKind } from '../explore/campaign-report.ts';
import { failureKey } from '../explore/failure-key.ts';
import type { Decision } from '../kernel/decisions.ts';
import { messageOf } from '../kernel/errors.ts';
import { allocateYoung } from './engine-allocation.ts';
import { optimizeEarly } from './engine-optimization.ts';
import { ExploreSharedState, type ExploreCounters } from './shared-state.ts';
import { messageIn, type ExploreMessage, type ExploreTask } from './task.ts';
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

/** The key of the failure that an execution which took its thread with it is; see `failureKey`. */
export function lostFailureKey({ kind, message, details }: LostExecution): string {
  return failureKey({ kind, message: [message, details[0] ?? ''].join(' ') });
}

/** What became of a thread. */
export type ThreadEnd =
  /** It did its task. */
  | { readonly type: 'done' }
  /** It was ended, or asked to stop and did not in time although it was alive. `decisions` are those of the execution that it was in. */
  | { readonly type: 'stopped'; readonly decisions?: readonly Decision[] }
  /** The scenario did not load. */
  | { readonly type: 'refused'; readonly message: string }
  | { readonly type: 'lost'; readonly execution: LostExecution };

const WATCH_MS = 100;
const MIB = 1 << 20;

/** How many threads fill the memory of this process now. */
let living = 0;
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
  /** How long it has been seen without a turn. */
  #silentMs = 0;
  #lookedAt = performance.now();
  /** Memory of the whole process at its last turn. */
  #rssAtTurn = Infinity;
  #stopAskedAt = Infinity;

  constructor(makeTask: (memory: SharedArrayBuffer) => ExploreTask, options: ThreadOptions) {
    this.#options = options;
    this.#state = new ExploreSharedState();
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    allocateYoung();
    optimizeEarly();
    living += 1;
    this.#worker = new Worker(threadEntry(options.entry), {
      workerData: makeTask(this.#state.memory),
      resourceLimits: { maxOldGenerationSizeMb: options.memoryMb },
      // Results go to stdout; what a scenario prints is about the work.
      stdout: true,
    });
    this.#worker.stdout.on('data', (chunk: Uint8Array) => process.stderr.write(chunk));
    this.#worker.on('message', (posted: unknown) => {
      const message = messageIn(posted);
      if (message !== undefined) this.#onMessage(message);
    });
    this.#worker.on('error', (error) => this.#onError(error));
    this.#worker.on('exit', (code) => this.#onExit(code));
    this.#watch = setInterval(() => this.#look(), WATCH_MS);
  }

  counters(): ExploreCounters {
    return this.#state.counters();
  }

  /** Lets it end the execution that it is in. */
  askToFinish(): void {
    this.#state.askToFinish();
    if (!this.#isReady) this.terminate();
  }

  /** Lets it cut off the execution that it is in. */
  askToStop(): void {
    this.#state.askToStop();
    this.#stopAskedAt = Math.min(this.#stopAskedAt, performance.now());
  }

  /** Ends it at once, whatever it is at. */
  terminate(): void {
    this.#end ??= { type: 'stopped', ...(this.#isReady ? { decisions: this.#state.decisions() } : {}) };
    void this.#worker.terminate();
  }

  #onMessage(message: ExploreMessage): void {
    if (message.type === 'ready') {
      this.#isReady = true;
      this.#silentMs = 0;
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
      const isFull = code === 'ERR_WORKER_OUT_OF_MEMORY';
      const message = isFull
        ? `what was loaded needs more than ${this.#options.memoryMb} MiB of memory`
        : messageOf(error);
      this.#end ??= { type: 'refused', message };
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
    living -= 1;
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
    // Time in which nobody could look, as the process was stopped or a slow terminal held it up, is no time of silence.
    this.#silentMs += Math.min(now - this.#lookedAt, WATCH_MS * 3);
    this.#lookedAt = now;
    const { turns } = this.counters();
    if (turns !== this.#turns) {
      this.#turns = turns;
      this.#silentMs = 0;
      this.#rssAtTurn = process.memoryUsage.rss();
    }
    // A thread that is asked to stop does so at its next turn.
    const isLate = now - this.#stopAskedAt >= STOP_GRACE_MS;
    const isSilent = this.#silentMs >= this.#options.hangMs || (isLate && this.#silentMs >= STOP_GRACE_MS);
    if (this.#isReady && (isSilent || this.#fillsMemory())) this.#endSilent(isSilent);
    else if (now - this.#stopAskedAt >= GIVE_UP_MS) this.terminate();
  }

  /**
   * The limit of the heap knows nothing of buffers. Which thread took them is not known, but one that has shown no turn meanwhile, while
   * more came than all heaps may take, is as good as that.
   */
  #fillsMemory(): boolean {
    if (this.#silentMs < WATCH_MS * 2) return false;
    return process.memoryUsage.rss() - this.#rssAtTurn > this.#options.memoryMb * (living + 2) * MIB;
  }

  #endSilent(isSilent: boolean): void {
    const seconds = Math.round(this.#silentMs / 100) / 10;
    if (isSilent) {
      this.#lose(
        'hang',
        `the execution made no progress for ${seconds} s: a loop that never ends nor waits`,
        [],
      );
    } else {
      const { memoryMb } = this.#options;
      this.#lose(
        'crash',
        `the execution needed much more than ${memoryMb} MiB of memory, outside of its heap`,
        [],
      );
    }
    void this.#worker.terminate();
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
