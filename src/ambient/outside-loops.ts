/**
 * Ends loops without an end between the turns of simulations, where {@link GuardedTurns} guard nothing: what code does
 * next once Node has loaded a module for it. A thread notices that this one gets no turn any more, takes the stack
 * through the engine's debugger, and has the engine end the code. Invariants: the thread exists only from a turn after
 * which such code may go on until the test or command ends; a turn that is merely late, as in a process that was
 * stopped, is no loop.
 */
import { url as debuggerUrl } from 'node:inspector';
import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  threadId,
  Worker,
} from 'node:worker_threads';
import { withholdRejections } from '../kernel/drain-host.ts';
import { realFunctions } from '../kernel/drain-real-functions.ts';
import { HOME, hub } from './hub.ts';

/** A function on the stack of the loop. Lines and columns count from 1. */
export interface LoopingFrame {
  readonly functionName: string;
  readonly url: string;
  readonly line: number;
  readonly column: number;
}

/** So many times in a row this thread has to miss its turn, each time for a part of the limit. */
const MISSES = 4;
const BEATS_PER_MISS = 4;
const FRAMES_MAX = 40;
const STEPS_MAX = 200;
/** Key, on `process`, of what the watching thread calls before it ends the loop. */
const FORGET = 'dryrunner.forget-async-ids';
const OF_HOST = Symbol.for(FORGET);
const BEATS = 0;
const ENDED = 1;

/** What the watching thread gets. */
interface Watched {
  /** How often this thread has had a turn, and how many loops were ended. */
  readonly cells: Int32Array;
  readonly missMs: number;
  readonly threadId: number;
  /** Takes the stack of each loop. */
  readonly port: MessagePort;
  /** URLs of the folders of this package's code. */
  readonly own: readonly string[];
}

/**
 * The program of the watching thread: as text, because Node 20 loads no TypeScript in a thread. Only the main thread can
 * be asked directly; it passes questions on to the others.
 */
const PROGRAM = String.raw`
const { writeSync } = require('node:fs');
const { Session } = require('node:inspector');
const { workerData } = require('node:worker_threads');
const { cells, missMs, threadId, port, own } = workerData;
// Keeps this thread from ending while it waits for an answer.
setInterval(() => {}, 1 << 30);

async function connected(onEvent) {
  const session = new Session();
  session.connectToMainThread();
  const ask = (method, params) =>
    new Promise((resolve, reject) => {
      session.post(method, params, (error, answer) => {
        // The end of the session gives every open question this answer. It may overtake that of the end of a loop.
        if (error && error.code !== 'ERR_INSPECTOR_CLOSED') reject(error);
        else resolve(answer);
      });
    });
  const end = () => session.disconnect();
  if (threadId === 0) {
    session.on('inspectorNotification', onEvent);
    return { ask, end };
  }
  const ofThread = new Promise((resolve) => {
    session.on('NodeWorker.attachedToWorker', ({ params: { sessionId, workerInfo } }) => {
      if (workerInfo.title.startsWith('[worker ' + threadId + ']')) resolve(sessionId);
    });
  });
  await ask('NodeWorker.enable', { waitForDebuggerOnStart: false });
  const sessionId = await ofThread;
  const asked = new Map();
  session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
    if (params.sessionId !== sessionId) return;
    const message = JSON.parse(params.message);
    if (message.id === undefined) {
      onEvent(message);
      return;
    }
    const { resolve, reject } = asked.get(message.id);
    if (message.error) reject(new Error(message.error.message));
    else resolve(message.result);
  });
  return {
    ask: (method, params) =>
      new Promise((resolve, reject) => {
        const id = asked.size + 1;
        asked.set(id, { resolve, reject });
        void ask('NodeWorker.sendMessageToWorker', { sessionId, message: JSON.stringify({ id, method, params }) });
      }),
    end,
  };
}

/** This package and Vitest take long at times, as for a report, and come to an end. */
const TOOLS = new RegExp('/node_modules/(?:@?vitest|vite)/');
const isOfTools = ({ url }) => TOOLS.test(url) || own.some((folder) => url.startsWith(folder));
const isOfNode = ({ url }) => url === '' || url.startsWith('node:');
/** The function that calls promise hooks, or one that is called from there. */
const isOfHook = ({ url, functionName }) =>
  url === 'node:internal/async_hooks' && functionName !== 'callbackTrampoline';

async function endLoop(beats) {
  const urls = new Map();
  let pause;
  const { ask, end } = await connected(({ method, params }) => {
    if (method === 'Debugger.scriptParsed') urls.set(params.scriptId, params.url);
    if (method === 'Debugger.paused') pause(params.callFrames);
  });
  const stackAfter = async (step) => {
    const paused = new Promise((resolve, reject) => {
      pause = resolve;
      ask(step).catch(reject);
    });
    return (await paused).slice(0, ${FRAMES_MAX}).map(({ functionName, location }) => ({
      functionName,
      url: urls.get(location.scriptId) ?? '',
      line: location.lineNumber + 1,
      column: (location.columnNumber ?? 0) + 1,
    }));
  };
  const isLooping = () => Atomics.load(cells, ${BEATS}) === beats;
  // Between two promise reactions, only functions of Node are on the stack.
  const isToEnd = (frames) => !frames.some(isOfHook) && !frames.every(isOfNode);
  try {
    await ask('Debugger.enable');
    let frames = await stackAfter('Debugger.pause');
    for (let step = 1; step < ${STEPS_MAX} && isLooping() && !isToEnd(frames); step += 1) {
      frames = await stackAfter('Debugger.stepInto');
    }
    if (isLooping() && isToEnd(frames) && !isOfTools(frames.find((frame) => !isOfNode(frame)))) {
      // Globally, because functions of Node may not see the globals. Without it, Node would crash at the end of the loop.
      const { exceptionDetails } = await ask('Runtime.evaluate', { expression: 'process[Symbol.for("${FORGET}")]()' });
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      port.postMessage(frames);
      Atomics.add(cells, ${ENDED}, 1);
      void ask('Runtime.terminateExecution');
    }
  } finally {
    // This lets the code go on. While there is a debugger, the engine takes the end of code inside a promise hook for an
    // exception of the hook, and the loop goes on.
    await ask('Debugger.disable');
    end();
  }
}

async function watch() {
  let beats = Atomics.load(cells, ${BEATS});
  let misses = 0;
  for (;;) {
    Atomics.wait(cells, ${BEATS}, beats, missMs);
    const now = Atomics.load(cells, ${BEATS});
    misses = now === beats ? misses + 1 : 0;
    beats = now;
    if (misses < ${MISSES}) continue;
    misses = 0;
    try {
      await endLoop(beats);
    } catch (error) {
      // Straight to the terminal, because the thread that could print it is in the loop.
      writeSync(2, 'dryrunner could not end an endless loop, and tries again: ' + error.stack + '\n');
    }
  }
}
void watch();
`;

const host = process as unknown as {
  [OF_HOST]: (() => void) | undefined;
  readonly _fatalException?: (error: unknown) => void;
};

/**
 * Node keeps a stack of the async ids whose callbacks run, and ends the process if it finds others than it expects: code
 * that the engine ends does not take its id off. Node forgets all of them for an exception that nothing catches, so it
 * gets one here.
 */
function forgetAsyncIds(): void {
  const loop = new Error('a loop that is ended');
  const release = withholdRejections((reason) => reason === loop, 'uncaughtException');
  try {
    host._fatalException?.(loop);
  } finally {
    release();
  }
}

/** Watches from its construction until {@link end}. */
class OutsideLoops {
  readonly #cells = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  readonly #frames = new MessageChannel();
  readonly #thread: Worker;
  #beat: NodeJS.Timeout;
  #taken = 0;
  #noted = 0;
  /** What is called after a loop was ended. */
  readonly watchers = new Set<() => void>();

  constructor(limitMs: number) {
    const missMs = limitMs / MISSES;
    host[OF_HOST] = forgetAsyncIds;
    const { port2 } = this.#frames;
    const own = ['src/', 'dist/'].map((folder) => `${HOME}${folder}`);
    const watched: Watched = { cells: this.#cells, missMs, threadId, port: port2, own };
    const options = { eval: true, execArgv: [], workerData: watched, transferList: [port2] };
    this.#thread = new Worker(PROGRAM, options);
    this.#thread.unref();
    const beat = (): NodeJS.Timeout => {
      Atomics.add(this.#cells, BEATS, 1);
      this.#noteEnded();
      return realFunctions.setTimeout(() => (this.#beat = beat()), missMs / BEATS_PER_MISS).unref();
    };
    this.#beat = beat();
  }

  #noteEnded(): void {
    const ended = Atomics.load(this.#cells, ENDED);
    if (ended === this.#noted) return;
    this.#noted = ended;
    for (const onEnded of this.watchers) onEnded();
  }

  /** The stack of the first loop that was ended since the last call; undefined if none was. */
  takeEnded(): readonly LoopingFrame[] | undefined {
    const ended = Atomics.load(this.#cells, ENDED);
    let first: readonly LoopingFrame[] | undefined;
    // Turns ask this, most of them in vain.
    for (; this.#taken < ended; this.#taken += 1) {
      const next = receiveMessageOnPort(this.#frames.port1) as { readonly message: readonly LoopingFrame[] };
      first ??= next.message;
    }
    return first;
  }

  end(): void {
    realFunctions.clearTimeout(this.#beat);
    this.#frames.port1.close();
    host[OF_HOST] = undefined;
    void this.#thread.terminate();
  }
}

let watching: OutsideLoops | undefined;

/**
 * Begins to watch, unless a debugger is attached: at a breakpoint nothing gets a turn. A loop ends once nothing else has
 * had a turn for `limitMs`, which is that of the first to watch; the `onEnded` of all that watch are called after that,
 * because tests may overlap.
 */
export function watchOutsideLoops(limitMs: number, onEnded: () => void): void {
  if (debuggerUrl() !== undefined) return;
  const { world } = hub;
  // The simulation must not get the messages and the timer.
  hub.world = undefined;
  try {
    watching ??= new OutsideLoops(limitMs);
    watching.watchers.add(onEnded);
  } finally {
    hub.world = world;
  }
}

/** The stack of the first loop that was ended since the last call, innermost function first; undefined if none was. */
export function takeEndedLoop(): readonly LoopingFrame[] | undefined {
  return watching?.takeEnded();
}

/** Ends the watch of that one. */
export function leaveOutsideLoops(onEnded: () => void): void {
  if (watching?.watchers.delete(onEnded) !== true || watching.watchers.size > 0) return;
  watching.end();
  watching = undefined;
}
