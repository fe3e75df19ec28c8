/**
 * Where a thread is that does not come to an end: the engine's debugger stops it and takes a stack, as that thread's own
 * errors have it. Invariant: only a thread that is ended afterwards is asked, because one that a debugger has stopped
 * goes on differently.
 */
import { Session, url as debuggerUrl, type Debugger, type Runtime } from 'node:inspector';
import { isMainThread, type Worker } from 'node:worker_threads';
import { framesOf } from '../explore/explain/source-place.ts';
import { stackLine } from '../kernel/stack-line.ts';
import { clearTimeout, setTimeout } from './real-timers.ts';

const FRAMES_MAX = 3;
/** Between two promise reactions, and in a function of Node, no line of the user's is on the stack. */
const STEPS_MAX = 50;
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
  const title = `[worker ${worker.threadId}]`;
  const session = new Session();
  if (isMainThread) session.connect();
  else session.connectToMainThread();
  let timeout: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<readonly string[]>((resolve) => {
      timeout = setTimeout(() => resolve([]), limitMs);
    });
    return await Promise.race([linesNow(session, title), late]);
  } finally {
    clearTimeout(timeout);
    session.disconnect();
  }
}

async function linesNow(session: Session, title: string): Promise<readonly string[]> {
  const thread = await StoppedThread.attach(session, title);
  try {
    await thread.ask('Debugger.enable');
    let frame = await thread.stopAfter('Debugger.pause');
    for (let step = 0; step < STEPS_MAX; step += 1) {
      const lines = framesOf(await thread.stackAt(frame)).slice(0, FRAMES_MAX);
      if (lines.length > 0) return lines.map(stackLine);
      frame = await thread.stopAfter('Debugger.stepInto');
    }
    return [];
  } finally {
    await thread.ask('Debugger.disable');
  }
}

/** A thread that this one stops, and asks what it does. */
class StoppedThread {
  readonly #session: Session;
  readonly #sessionId: string;
  readonly #answers = new Map<number, (result: object) => void>();
  #asked = 0;
  #onStopped: (frame: string) => void = () => {};

  private constructor(session: Session, sessionId: string) {
    this.#session = session;
    this.#sessionId = sessionId;
    session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => this.#take(params));
  }

  static async attach(session: Session, title: string): Promise<StoppedThread> {
    const attached = new Promise<string>((resolve) => {
      session.on('NodeWorker.attachedToWorker', ({ params }) => {
        if (params.workerInfo.title.startsWith(title)) resolve(params.sessionId);
      });
    });
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
    return new StoppedThread(session, await attached);
  }

  ask(method: string, params: object = {}): Promise<object> {
    this.#asked += 1;
    const id = this.#asked;
    const message = JSON.stringify({ id, method, params });
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      this.#session.post('NodeWorker.sendMessageToWorker', { sessionId: this.#sessionId, message });
    });
  }

  /** The frame where it has stopped. */
  stopAfter(method: 'Debugger.pause' | 'Debugger.stepInto'): Promise<string> {
    return new Promise((resolve) => {
      this.#onStopped = resolve;
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
