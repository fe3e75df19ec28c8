/**
 * What code of an execution has requested from the machine and not received yet: timers, files, sockets, processes.
 * Invariants: watching changes nothing; only resources created while watching are known; it is watched for a short time
 * only, because the machine then reports each promise too.
 */
import { createHook, type AsyncHook } from 'node:async_hooks';
import { stackOf } from './errors.ts';
import { codePathOf } from './package-files.ts';
import { callOfNode, fileOfLine } from './stack-line.ts';
import { setStackLimit } from './drain-stack-limit.ts';

/** A machine resource that is awaited. */
export interface OutsideResource {
  /** Its kind in words, from {@link outsideWord}. */
  readonly what: string;
  /**
   * The Node function that created it, such as `setTimeout of node:timers`; undefined if the stack does not show it.
   */
  readonly call: string | undefined;
  readonly stack: string;
}

interface Made {
  readonly type: string;
  /** True if the resource ends with its first answer. */
  readonly isOneShot: boolean;
  readonly taken: Error;
}

/** Words for kinds of machine resources, by the prefix of their names. */
const WORDS: readonly (readonly [begin: string, word: string])[] = [
  ['Timeout', 'a real timer'],
  ['Immediate', 'an immediate'],
  ['FSReq', 'the file system'],
  ['FileHandle', 'the file system'],
  ['CloseReq', 'the file system'],
  ['FSEvent', 'the file system'],
  ['StatWatcher', 'the file system'],
  ['TCP', 'a network connection'],
  ['TLS', 'a network connection'],
  ['UDP', 'a network connection'],
  ['Pipe', 'a pipe'],
  ['GetAddrInfo', 'a name server'],
  ['GetNameInfo', 'a name server'],
  ['Query', 'a name server'],
  ['Process', 'a child process'],
  ['Worker', 'a worker thread'],
  ['MessagePort', 'a message port'],
];
/** Kinds that end with their first answer. A connection, pipe or file is used repeatedly until it is closed. */
const ONE_SHOT =
  /^(?:Timeout$|Immediate$|FSReq|FileHandleCloseReq|GetAddrInfo|GetNameInfo|Query)|(?:Connect|Send)Wrap$/i;
/** Maximum number of resources kept: the stack of one takes kilobytes. */
const KEPT_MAX = 2_000;
const FRAMES_MAX = 60;
/** A prefix that stacks put before the name of a function. */
const INNER = /^Object\./;

/** A kind of machine resource in words; the kind itself if there is no word. */
export function outsideWord(kind: string): string {
  const lower = kind.toLowerCase();
  return WORDS.find(([begin]) => lower.startsWith(begin.toLowerCase()))?.[1] ?? kind;
}

/** Watches from its creation until it is stopped. */
export class OutsideWatch {
  readonly #made = new Map<number, Made>();
  readonly #hook: AsyncHook;

  constructor() {
    this.#hook = createHook({
      init: (id, type, _trigger, resource) => {
        // Virtual timers have the machine's names, and promises belong to the simulation.
        if (type === 'PROMISE' || 'clearInSimulation' in resource || this.#made.size >= KEPT_MAX) return;
        if (outsideWord(type) === type) return;
        const isInterval = typeof (resource as { _repeat?: unknown })._repeat === 'number';
        const isOneShot = !isInterval && ONE_SHOT.test(type);
        const restore = setStackLimit(FRAMES_MAX);
        this.#made.set(id, { type, isOneShot, taken: new Error('place') });
        restore();
      },
      before: (id) => {
        if (this.#made.get(id)?.isOneShot === true) this.#made.delete(id);
      },
      // Cleared, closed or collected.
      destroy: (id) => {
        this.#made.delete(id);
      },
    }).enable();
  }

  /** Stops watching; what was seen until then stays available. */
  stop(): void {
    this.#hook.disable();
  }

  /** The pending resources of `kinds`, in the order they were requested. */
  pending(kinds: readonly string[]): readonly OutsideResource[] {
    const words = new Set(kinds.map(outsideWord));
    return [...this.#made.values()]
      .filter(({ type }) => words.has(outsideWord(type)))
      .map(({ type, taken }) => {
        const stack = stackOf(taken) ?? '';
        return { what: outsideWord(type), call: callIn(stack), stack };
      });
  }
}

/** The outermost Node function above the code that called it. */
function callIn(stack: string): string | undefined {
  let call: string | undefined;
  // The first two lines are the message and the frame of the hook.
  for (const line of stack.split('\n').slice(2)) {
    const ofNode = callOfNode(line);
    if (ofNode === undefined) {
      // Functions of Node call each other through the replacements of ambient time.
      if (call !== undefined && codePathOf(fileOfLine(line)) === undefined) return call;
      continue;
    }
    const { name, module } = ofNode;
    if (name !== '' && !module.startsWith('async_hooks') && !module.startsWith('process/')) {
      call = `${name.replace(INNER, '')} of node:${module}`;
    }
  }
  return call;
}
