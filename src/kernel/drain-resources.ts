/**
 * What the code of an execution has asked the machine for and not got yet: timers, files, sockets, processes. Invariants: nothing is changed
 * by being watched; only what was made while it is watched is known; it is watched for short, as the machine then reports each promise too.
 */
import { createHook, type AsyncHook } from 'node:async_hooks';
import { stackOf } from './errors.ts';
import { codePathOf, fileOfFrame } from './package-files.ts';
import { setStackLimit } from './drain-stack-limit.ts';

/** Something of the machine that is awaited. */
export interface OutsideResource {
  /** As {@link outsideWord} says it. */
  readonly what: string;
  /** The function of Node that was called for it, such as `setTimeout of node:timers`; undefined if the stack does not say. */
  readonly call: string | undefined;
  readonly stack: string;
}

interface Made {
  readonly type: string;
  /** It asks once: its first answer is its end. */
  readonly isOneShot: boolean;
  readonly taken: Error;
}

/** Kinds of the machine by the beginning of their names, in words. */
const WORDS: readonly (readonly [begin: string, word: string])[] = [
  ['Timeout', 'a real timer'],
  ['Immediate', 'a real timer'],
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
/** What asks once, by its kind. A connection, a pipe, a file is asked again and again until it is closed. */
const ONE_SHOT =
  /^(?:Timeout$|Immediate$|FSReq|FileHandleCloseReq|GetAddrInfo|GetNameInfo|Query)|(?:Connect|Send)Wrap$/i;
/** A stack of one resource takes kilobytes. */
const KEPT_MAX = 2_000;
const FRAMES_MAX = 60;
const NODE_FRAME = /^\s*at (?:async )?(?:new )?(?:(.+?) )?\(?node:(?:internal\/)?([\w/]+):\d+:\d+\)?$/;
/** What stands before the name of a function in a stack and is no part of it. */
const INNER = /^Object\./;

/** What a kind of the machine is, in words; the kind where there is no word. */
export function outsideWord(kind: string): string {
  const lower = kind.toLowerCase();
  return WORDS.find(([begin]) => lower.startsWith(begin.toLowerCase()))?.[1] ?? kind;
}

/** Watches from when it is made until it is stopped. */
export class OutsideWatch {
  readonly #made = new Map<number, Made>();
  readonly #hook: AsyncHook;

  constructor() {
    this.#hook = createHook({
      init: (id, type, _trigger, resource) => {
        // Virtual timers have the machine's names, and promises are within.
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

  /** What was seen until then stays. */
  stop(): void {
    this.#hook.disable();
  }

  /** What is under way of `kinds`, in the order in which it was asked for. */
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

/** The outermost function of Node above the code that called it. */
function callIn(stack: string): string | undefined {
  let call: string | undefined;
  // The first two say what was thrown, and where the hook took it.
  for (const line of stack.split('\n').slice(2)) {
    const [, name = '', module = ''] = NODE_FRAME.exec(line) ?? [];
    if (module === '') {
      // Functions of Node call each other through the stand-ins of ambient time.
      if (call !== undefined && codePathOf(fileOfFrame(line)) === undefined) return call;
    } else if (name !== '' && !module.startsWith('async_hooks') && !module.startsWith('process/')) {
      call = `${name.replace(INNER, '')} of node:${module}`;
    }
  }
  return call;
}
