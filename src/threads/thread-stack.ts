/**
 * Where a thread is that does not come to an end: the engine's debugger stops it and takes a stack, as that thread's own
 * errors have it. Invariant: only a thread that is ended afterwards is asked, because one that a debugger has stopped
 * goes on differently.
 */
import { Session, url as debuggerUrl, type Debugger, type Runtime } from 'node:inspector';
import { isMainThread, type Worker } from 'node:worker_threads';
import { framesOf } from '../explore/explain/source-place.ts';
import { stackLine } from '../kernel/stack-line.ts';
import { clearInterval, clearTimeout, setInterval, setTimeout } from './real-timers.ts';

const FRAMES_MAX = 3;
/** Between two promise reactions, and in a function of Node, no line of the user's is on the stack. */
const STEPS_MAX = 500;
const PAUSE_AGAIN_MS = 50;
/** How long it may take to go on. */
const GO_ON_MS = 1_000;
/** The frame of the expression itself comes first. */
const STACK = 'new globalThis.Error().stack.split("\\n").slice(2).join("\\n")';

/** The protocol's messages from one of the threads. */
interface OfThread {
  readonly sessionId: string;
  readonly message: string;
}

interface Reply {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Debugger.PausedEventDataType;
  readonly result?: object;
}

/**
 * The lines of the user's on the stack of the thread, innermost first, as stack lines. None if it runs no code of the
 * user's, if it does not answer within the time, as when the machine blocks it, or while a debugger is attached.
 */
export async function stackOfThread(worker: Worker, limitMs: number): Promise<readonly string[]> {
  if (debuggerUrl() !== undefined) return [];
  const session = new Session();
  if (isMainThread) session.connect();
  else session.connectToMainThread();
  const thread = new StoppedThread(session, worker.threadId);
  try {
    return (await within(limitMs, linesNow(thread))) ?? [];
  } finally {
    // One that stands still could not be ended.
    await within(GO_ON_MS, thread.goOn());
    session.disconnect();
  }
}

/** Undefined if it takes longer. */
async function within<T>(limitMs: number, work: Promise<T>): Promise<T | undefined> {
  let timeout: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timeout = setTimeout(() => resolve(undefined), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timeout);
  }
}

async function linesNow(thread: StoppedThread): Promise<readonly string[]> {
  await thread.attach();
  await thread.ask('Debugger.enable');
  let frame = await thread.stopAfter('Debugger.pause');
  for (let step = 0; step < STEPS_MAX; step += 1) {
    const lines = framesOf(await thread.stackAt(frame)).slice(0, FRAMES_MAX);
    if (lines.length > 0) return lines.map(stackLine);
    frame = await thread.stopAfter('Debugger.stepInto');
  }
  return [];
}

/** A thread that this one stops, and asks what it does. */
class StoppedThread {
  readonly #session: Session;
  readonly #title: string;
  readonly #answers = new Map<number, (result: object) => void>();
  #sessionId = '';
  #asked = 0;
  #isOver = false;
  #again: NodeJS.Timeout | undefined;
  #onStopped: (frame: string) => void = () => {};

  constructor(session: Session, threadId: number) {
    this.#session = session;
    this.#title = `[worker ${threadId}]`;
  }

  /** Resolves once it can be asked. */
  attach(): Promise<void> {
    return new Promise((resolve) => {
      this.#session.on('NodeWorker.attachedToWorker', ({ params: { sessionId, workerInfo } }) => {
        if (!workerInfo.title.startsWith(this.#title)) return;
        this.#sessionId = sessionId;
        resolve();
      });
      this.#session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => this.#take(params));
      this.#session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
    });
  }

  /** Ends what stops it. From now on nothing is asked, and what has no answer yet gets none. */
  async goOn(): Promise<void> {
    clearInterval(this.#again);
    const goesOn = this.#sessionId === '' ? undefined : this.ask('Debugger.disable');
    this.#isOver = true;
    await goesOn;
  }

  ask(method: string, params: object = {}): Promise<object> {
    if (this.#isOver) return new Promise(() => {});
    this.#asked += 1;
    const id = this.#asked;
    const message = JSON.stringify({ id, method, params });
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      this.#session.post('NodeWorker.sendMessageToWorker', { sessionId: this.#sessionId, message });
    });
  }

  /** The frame where it has stopped. The engine may forget a pause that comes between two ticks, so it is asked again. */
  stopAfter(method: 'Debugger.pause' | 'Debugger.stepInto'): Promise<string> {
    return new Promise((resolve) => {
      this.#onStopped = (frame) => {
        clearInterval(this.#again);
        resolve(frame);
      };
      // Set before it is asked: the thread may have stopped before that returns.
      if (!this.#isOver) this.#again = setInterval(() => void this.ask('Debugger.pause'), PAUSE_AGAIN_MS);
      void this.ask(method);
    });
  }

  /** The stack at that frame; empty if the thread cannot say. */
  async stackAt(callFrameId: string): Promise<string> {
    const asked = { callFrameId, expression: STACK, returnByValue: true };
    const { result } = (await this.ask('Debugger.evaluateOnCallFrame', asked)) as {
      readonly result?: Runtime.RemoteObject;
    };
    return typeof result?.value === 'string' ? result.value : '';
  }

  #take({ sessionId, message }: OfThread): void {
    if (sessionId !== this.#sessionId) return;
    const { id, method, params, result } = JSON.parse(message) as Reply;
    if (method === 'Debugger.paused') {
      const frame = params?.callFrames[0]?.callFrameId;
      if (frame !== undefined) this.#onStopped(frame);
    } else if (id !== undefined) {
      this.#answers.get(id)?.(result ?? {});
      this.#answers.delete(id);
    }
  }
}
