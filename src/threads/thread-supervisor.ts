/**
 * Starts an exploring thread, notices if it hangs, and ends it. Invariants: it ends exactly once; a thread that makes
 * no progress is ended from outside, and neither what it has sent nor its current execution is lost.
 */
import process from 'node:process';
import { Worker } from 'node:worker_threads';
import type { FailingExecution } from '../explore/failing-execution.ts';
import type { Decision } from '../kernel/decisions.ts';
import { messageOf, stackOf } from '../kernel/errors.ts';
import { threadEntry } from '../host/thread-entry.ts';
import { tuneEngine } from './engine-settings.ts';
import { hangText, lastDecisionLines, LOOPS_HERE, lostKey } from './lost-execution.ts';
import { clearInterval, clearTimeout, performance, setInterval, setTimeout } from './real-timers.ts';
import { ExploreSharedState, type ExploreCounters } from './shared-state.ts';
import { stackOfThread } from './thread-stack.ts';
import {
  messageIn,
  toPost,
  type ExploreMessage,
  type ExploreTask,
  type ReplayTask,
  type TaskResult,
  type ThreadInput,
} from './task.ts';

/** How to start a thread, and its limits. */
export interface ThreadLimits {
  /** The module that the thread runs; it must call `serveExploreTask`. */
  readonly entry: URL;
  /**
   * How long the event loop may be without a turn before the thread counts as hanging, in milliseconds. What counts is
   * the thread's share of the processor time that this process has used, or a quarter of the real time, whichever is
   * more.
   */
  readonly hangMs: number;
  /** Limit of its heap in MiB; a thread that needs more is ended. */
  readonly memoryMb: number;
}

/** Options of {@link runInThread}. */
export interface ThreadOptions extends ThreadLimits {
  /** Ends the thread early, keeping the results so far. */
  readonly signal?: AbortSignal;
  /** Called with the started thread, so that the caller can ask it to stop and read its counters. */
  readonly onStart?: (thread: ExploreThread) => void;
  readonly onMessage?: (message: ExploreMessage) => void;
  /** Called every 250 ms. */
  readonly onProgress?: (progress: ThreadProgress) => void;
}

/** The progress of a thread. */
export interface ThreadProgress {
  /** Executions begun; the first one of a replay is the replay itself, the others explain it. */
  readonly executions: number;
  /** Decisions of the current execution. */
  readonly decisions: number;
  readonly seconds: number;
}

/** How a thread ended. */
export type ThreadEnd =
  /** It finished its task. */
  | { readonly type: 'done' }
  /**
   * It was ended, or was asked to stop and did not in time although it was alive. `decisions` are those of its current
   * execution.
   */
  | { readonly type: 'stopped'; readonly decisions?: readonly Decision[] }
  /** Its execution hung or crashed the thread. */
  | { readonly type: 'lost'; readonly failing: FailingExecution };

/** The result of a task: the parts that were sent, and how the thread ended. */
export type ThreadRun<Task extends ExploreTask> = TaskResult<Task> & { readonly end: ThreadEnd };

/** The execution that crashed or hung its thread before its outcome was sent. */
export function lostIn({ outcome, end }: ThreadRun<ReplayTask>): FailingExecution | undefined {
  return outcome === undefined && end.type === 'lost' ? end.failing : undefined;
}

/** Thrown if the scenario does not load in a thread; the message is for people. */
export class ScenarioRefusedError extends Error {
  override readonly name = 'ScenarioRefusedError';
  /** The code of the error that was thrown on loading, if it has one. */
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

/** A handler for `catch` of a scenario that does not load in a thread; other errors pass. */
export function ifRefused<T>(handle: (error: ScenarioRefusedError) => T): (error: unknown) => T {
  return (error) => {
    if (error instanceof ScenarioRefusedError) return handle(error);
    throw error;
  };
}

/** How often progress is reported. */
const PROGRESS_MS = 250;
/**
 * Extra time to load the scenario and for the first and the confirming executions: a thread that shrinks and explains a
 * failure enforces its own limits.
 */
const OVERTIME_MS = 5_000;

/**
 * Runs a task in a thread of its own, until it is done, lost or stopped.
 *
 * @throws ScenarioRefusedError (rejects) if the scenario does not load in a thread.
 */
export async function runInThread<Task extends ExploreTask>(
  task: Task,
  { signal, onStart, onProgress, ...options }: ThreadOptions,
): Promise<ThreadRun<Task>> {
  const startedAt = performance.now();
  const thread = new ExploreThread(task, options);
  onStart?.(thread);
  const ticker = setInterval(() => {
    const { begun: executions, decided: decisions } = thread.counters();
    onProgress?.({ executions, decisions, seconds: (performance.now() - startedAt) / 1_000 });
  }, PROGRESS_MS);
  // A thread that explains is only asked to stop, so that it can still explain what was shrunk so far.
  const stop = (): void => (task.kind === 'failure' ? thread.askToStop() : thread.terminate());
  const deadline =
    task.kind === 'failure' ? setTimeout(stop, task.shrinkMs + task.explainMs + OVERTIME_MS) : undefined;
  signal?.addEventListener('abort', stop);
  try {
    if (signal?.aborted === true) stop();
    const end = await thread.ended;
    return { ...(thread.result as TaskResult<Task>), end };
  } finally {
    clearInterval(ticker);
    clearTimeout(deadline);
    signal?.removeEventListener('abort', stop);
  }
}

const WATCH_MS = 100;
/** A thread that uses no processor time counts as hanging after this many times `hangMs`. */
const BLOCKED_FACTOR = 4;
const MIB = 1 << 20;

/** How many threads of this process are alive. */
let living = 0;
/** How long a thread may take to stop by itself. */
const STOP_GRACE_MS = 2_000;
/** How long one that still makes progress may take, for instance to explain what it has. */
const GIVE_UP_MS = 10_000;

/** How long a hanging thread may take to say where it is. */
const STACK_MS = 3_000;

/** The processor time of all threads of this process. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** A thread and its supervision. */
export class ExploreThread {
  /** Rejects with a ScenarioRefusedError if the scenario does not load. */
  readonly ended: Promise<ThreadEnd>;
  readonly #task: ExploreTask;
  readonly #state: ExploreSharedState;
  readonly #worker: Worker;
  readonly #options: ThreadLimits & Pick<ThreadOptions, 'onMessage'>;
  readonly #watch: NodeJS.Timeout;
  #resolve: (end: ThreadEnd | Promise<never>) => void = () => undefined;
  #result: object = {};
  #isReady = false;
  #isDone = false;
  #end: ThreadEnd | Extract<ExploreMessage, { readonly type: 'refused' }> | undefined;
  #turns = -1;
  /** How long it has been without a turn. */
  #silentMs = 0;
  /** The part of that time in which it could have used the processor. */
  #hangingMs = 0;
  #lookedAt = performance.now();
  #busyMs = processorMs();
  /** Memory of the whole process at the thread's last turn. */
  #rssAtTurn = Infinity;
  #stopAskedAt = Infinity;
  /** True once it is ended for its silence. */
  #isStopping = false;

  constructor(task: ExploreTask, options: ThreadLimits & Pick<ThreadOptions, 'onMessage'>) {
    this.#task = task;
    this.#options = options;
    this.#state = new ExploreSharedState();
    const input: ThreadInput = { task, memory: this.#state.memory };
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    tuneEngine();
    living += 1;
    this.#worker = new Worker(threadEntry(options.entry), {
      workerData: toPost(input),
      resourceLimits: { maxOldGenerationSizeMb: options.memoryMb },
      // stdout is for results; the output of a scenario goes to stderr.
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

  /** The parts that the thread has sent so far. */
  get result(): object {
    return this.#result;
  }

  counters(): ExploreCounters {
    return this.#state.counters();
  }

  /** Lets the thread finish its current execution. */
  askToFinish(): void {
    this.#state.askToFinish();
    if (!this.#isReady) this.terminate();
  }

  /** Asks the thread to cut off its current execution. */
  askToStop(): void {
    this.#state.askToStop();
    this.#stopAskedAt = Math.min(this.#stopAskedAt, performance.now());
  }

  /** Ends the thread at once, whatever it is doing. */
  terminate(): void {
    this.#end ??= { type: 'stopped', ...(this.#isReady ? { decisions: this.#state.decisions() } : {}) };
    void this.#worker.terminate();
  }

  #onMessage(message: ExploreMessage): void {
    if (message.type === 'ready') {
      this.#isReady = true;
      this.#resetSilence();
    } else if (message.type === 'refused') this.#end ??= message;
    else if (message.type === 'part') this.#result = { ...this.#result, ...message.part };
    else if (message.type === 'done') {
      this.#isDone = true;
      // A real timer or socket that the scenario left behind would keep the thread alive.
      void this.#worker.terminate();
    }
    this.#options.onMessage?.(message);
  }

  #resetSilence(): void {
    this.#silentMs = 0;
    this.#hangingMs = 0;
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
      const stack = stackOf(error)?.split('\n').slice(1) ?? [];
      this.#lose('crash', `the execution ended its thread: ${messageOf(error)}`, stack);
    }
  }

  #onExit(code: number): void {
    clearInterval(this.#watch);
    living -= 1;
    if (this.#isDone) this.#end ??= { type: 'done' };
    if (!this.#isReady) this.#end ??= { type: 'refused', message: 'what was loaded ended the thread' };
    this.#lose('crash', `the execution ended its thread with process.exit(${code})`, []);
    const end = this.#end;
    if (end?.type === 'refused') {
      this.#resolve(Promise.reject(new ScenarioRefusedError(end.message, end.code)));
    } else if (end !== undefined) this.#resolve(end);
  }

  #look(): void {
    const now = performance.now();
    const busyMs = processorMs();
    // Time in which the supervisor could not look, because the process was stopped or a slow terminal held it up, does
    // not count as silence.
    const passedMs = Math.min(now - this.#lookedAt, WATCH_MS * 3);
    // On a busy machine a thread may be silent because others have the processor, and Node does not show which thread
    // of this process had it. A blocked thread needs none, and is silent all the same.
    const sharedMs = (busyMs - this.#busyMs) / living;
    this.#hangingMs += Math.max(Math.min(passedMs, sharedMs), passedMs / BLOCKED_FACTOR);
    this.#silentMs += passedMs;
    this.#lookedAt = now;
    this.#busyMs = busyMs;
    const { turns } = this.counters();
    if (turns !== this.#turns) {
      this.#turns = turns;
      this.#resetSilence();
      this.#rssAtTurn = process.memoryUsage.rss();
    }
    // A thread that is alive stops at its next turn.
    const isLate = now - this.#stopAskedAt >= STOP_GRACE_MS;
    const isSilent = this.#hangingMs >= this.#options.hangMs || (isLate && this.#silentMs >= STOP_GRACE_MS);
    if (isSilent && this.#isShrinking()) {
      if (isLate) this.terminate();
    } else if (this.#isReady && (isSilent || this.#fillsMemory())) this.#endSilent(isSilent);
    else if (now - this.#stopAskedAt >= GIVE_UP_MS) this.terminate();
  }

  /**
   * True while it compares or proposes executions of a failure: no code of the scenario runs, the work takes longer the
   * longer the executions are, and it has a time limit of its own.
   */
  #isShrinking(): boolean {
    return this.#isReady && this.#task.kind === 'failure' && !this.#state.isExecuting;
  }

  /**
   * The heap limit does not cover buffers. Which thread allocated them is unknown, but one that has had no turn while
   * the process grew by more than all heaps may take is the most likely one.
   */
  #fillsMemory(): boolean {
    if (this.#silentMs < WATCH_MS * 2) return false;
    return process.memoryUsage.rss() - this.#rssAtTurn > this.#options.memoryMb * (living + 2) * MIB;
  }

  #endSilent(isSilent: boolean): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    if (isSilent) {
      void this.#endHanging(hangText(this.#silentMs));
      return;
    }
    const { memoryMb } = this.#options;
    this.#lose(
      'crash',
      `the execution needed much more than ${memoryMb} MiB of memory, outside of its heap`,
      [],
    );
    void this.#worker.terminate();
  }

  async #endHanging(text: string): Promise<void> {
    const stack = await stackOfThread(this.#worker, STACK_MS);
    this.#lose('hang', text, stack.length === 0 ? [] : [[LOOPS_HERE, ...stack].join('\n')]);
    void this.#worker.terminate();
  }

  #lose(kind: 'hang' | 'crash', message: string, stack: readonly string[]): void {
    if (this.#end !== undefined) return;
    const decisions = this.#state.decisions();
    const lastDecision = lastDecisionLines(decisions);
    const details = [...lastDecision, ...stack];
    const { scenario, seed } = this.#task.kind === 'failure' ? this.#task.failing : this.#task;
    const failing = {
      ...{ scenario, ...(this.#task.kind === 'campaign' || seed === undefined ? {} : { seed }) },
      // A hang is the same one wherever it was stopped.
      key: lostKey({ kind, message, details: kind === 'hang' ? lastDecision : details }),
      ...{
        kind,
        message,
        details,
        decisions,
        index: 0,
        executions: 1,
        atMs: 0,
        firedEvents: 0,
        traceHash: '',
      },
    };
    this.#end = { type: 'lost', failing };
  }
}
