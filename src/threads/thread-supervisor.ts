/**
 * Starts an exploring thread, notices when it hangs, and ends it. Invariants: it ends once; a thread that makes no progress is ended from
 * outside, and neither what it has sent nor the execution that it was in is lost with it.
 */
import process from 'node:process';
import { Worker } from 'node:worker_threads';
import type { FailingExecution } from '../explore/failing-execution.ts';
import { failureKey } from '../explore/failure-key.ts';
import type { Decision } from '../kernel/decisions.ts';
import { messageOf, stackOf } from '../kernel/errors.ts';
import { threadEntry } from '../host/thread-entry.ts';
import { tuneEngine } from './engine-settings.ts';
import { ExploreSharedState, type ExploreCounters } from './shared-state.ts';
import {
  messageIn,
  toPost,
  type ExploreMessage,
  type ExploreTask,
  type ReplayTask,
  type TaskResult,
  type ThreadInput,
} from './task.ts';

/** How a thread is started, and what it may take. */
export interface ThreadLimits {
  /** The module that it runs; it calls `serveExploreTask`. */
  readonly entry: URL;
  /**
   * Milliseconds without a turn of its event loop after which a thread counts as hanging: of its share of the processor time that this
   * process has used, or of a quarter of the real time, whichever is more.
   */
  readonly hangMs: number;
  /** Memory of its heap in MiB; a thread that needs more is ended. */
  readonly memoryMb: number;
}

/** How {@link runInThread} runs a task. */
export interface ThreadOptions extends ThreadLimits {
  /** Ends it early, with what there is by then. */
  readonly signal?: AbortSignal;
  /** Called with the thread once it is started, to ask it to end and to look at its counters. */
  readonly onStart?: (thread: ExploreThread) => void;
  readonly onMessage?: (message: ExploreMessage) => void;
  /** Called now and then. */
  readonly onProgress?: (progress: ThreadProgress) => void;
}

/** How far a thread has come. */
export interface ThreadProgress {
  /** Executions begun; the first of a replay is the replay itself, the others explain it. */
  readonly executions: number;
  /** Decisions of the execution that it is in. */
  readonly decisions: number;
  readonly seconds: number;
}

/** What became of a thread. */
export type ThreadEnd =
  /** It did its task. */
  | { readonly type: 'done' }
  /** It was ended, or asked to stop and did not in time although it was alive. `decisions` are those of the execution that it was in. */
  | { readonly type: 'stopped'; readonly decisions?: readonly Decision[] }
  /** Its execution took the thread with it. */
  | { readonly type: 'lost'; readonly failing: FailingExecution };

/** What came of a task: the parts of its result that were sent, and the end of the thread. */
export type ThreadRun<Task extends ExploreTask> = TaskResult<Task> & { readonly end: ThreadEnd };

/** The execution that took its thread with it before anything was known of it. */
export function lostIn({ outcome, end }: ThreadRun<ReplayTask>): FailingExecution | undefined {
  return outcome === undefined && end.type === 'lost' ? end.failing : undefined;
}

/** The scenario does not load in a thread; the message is for people. */
export class ScenarioRefusedError extends Error {
  override readonly name = 'ScenarioRefusedError';
  /** Of what was thrown when it was loaded, if that has one. */
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

/** How often progress is shown. */
const PROGRESS_MS = 250;
/** For loading the scenario, and the executions that begin and confirm: a thread that settles a failure keeps its time itself. */
const OVERTIME_MS = 5_000;

/**
 * Runs a task in a thread of its own, to its end or until it is lost or stopped.
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
  // Only what was made small by then can still be explained.
  const stop = (): void => (task.kind === 'settle' ? thread.askToStop() : thread.terminate());
  const deadline =
    task.kind === 'settle' ? setTimeout(stop, task.shrinkMs + task.explainMs + OVERTIME_MS) : undefined;
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
/** What uses no processor time is silent for this many times as long before it counts as hanging. */
const BLOCKED_FACTOR = 4;
const MIB = 1 << 20;

/** How many threads fill the memory of this process now. */
let living = 0;
/** How long a thread may take to stop by itself. */
const STOP_GRACE_MS = 2_000;
/** How long one that still does something may take, such as to explain what it has. */
const GIVE_UP_MS = 10_000;

/** What all threads of this process have used. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** A thread and its end. */
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
  /** How long it has been seen without a turn. */
  #silentMs = 0;
  /** The part of it that it could have used, had it anything to do. */
  #hangingMs = 0;
  #lookedAt = performance.now();
  #busyMs = processorMs();
  /** Memory of the whole process at its last turn. */
  #rssAtTurn = Infinity;
  #stopAskedAt = Infinity;

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

  /** The parts that it has sent so far. */
  get result(): object {
    return this.#result;
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
      this.#hearFrom();
    } else if (message.type === 'refused') this.#end ??= message;
    else if (message.type === 'part') this.#result = { ...this.#result, ...message.part };
    else if (message.type === 'done') {
      this.#isDone = true;
      // A real timer or socket that the scenario left behind would keep the thread.
      void this.#worker.terminate();
    }
    this.#options.onMessage?.(message);
  }

  #hearFrom(): void {
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
    if (!this.#isReady) {
      const message = 'what was loaded ended the thread, or awaits a promise that nobody will settle';
      this.#end ??= { type: 'refused', message };
    }
    this.#lose('crash', `the execution ended its thread with process.exit(${code})`, []);
    const end = this.#end;
    if (end?.type === 'refused') {
      this.#resolve(Promise.reject(new ScenarioRefusedError(end.message, end.code)));
    } else if (end !== undefined) this.#resolve(end);
  }

  #look(): void {
    const now = performance.now();
    const busyMs = processorMs();
    // Time in which nobody could look, as the process was stopped or a slow terminal held it up, is no time of silence.
    const passedMs = Math.min(now - this.#lookedAt, WATCH_MS * 3);
    // On a busy machine a thread is silent because others have the processor; which of this process had it, Node does not say. A thread that
    // is blocked needs none, and is silent all the same.
    const sharedMs = (busyMs - this.#busyMs) / living;
    this.#hangingMs += Math.max(Math.min(passedMs, sharedMs), passedMs / BLOCKED_FACTOR);
    this.#silentMs += passedMs;
    this.#lookedAt = now;
    this.#busyMs = busyMs;
    const { turns } = this.counters();
    if (turns !== this.#turns) {
      this.#turns = turns;
      this.#hearFrom();
      this.#rssAtTurn = process.memoryUsage.rss();
    }
    // A thread that is asked to stop does so at its next turn.
    const isLate = now - this.#stopAskedAt >= STOP_GRACE_MS;
    const isSilent = this.#hangingMs >= this.#options.hangMs || (isLate && this.#silentMs >= STOP_GRACE_MS);
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

  #lose(kind: 'hang' | 'crash', message: string, stack: readonly string[]): void {
    if (this.#end !== undefined) return;
    const decisions = this.#state.decisions();
    const last = decisions.at(-1);
    const where =
      last === undefined ? [] : [`last decision: ${JSON.stringify(last.question.text)} out of ${last.n}`];
    const details = [...where, ...stack];
    const { scenario, seed } = this.#task.kind === 'settle' ? this.#task.failing : this.#task;
    const failing = {
      ...{ scenario, ...(this.#task.kind === 'campaign' || seed === undefined ? {} : { seed }) },
      key: failureKey({ kind, message: [message, details[0] ?? ''].join(' ') }),
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
