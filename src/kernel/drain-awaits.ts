/**
 * Finds where flows of promises wait: their awaits that have not ended. Invariants: watching changes nothing; work that
 * is started and not awaited is not part of a flow, however it was started; it is watched for a short time only,
 * because every promise pays for it.
 */
import { promiseHooks } from 'node:v8';
import { stackOf } from './errors.ts';
import { setStackLimit } from './drain-stack-limit.ts';

/** An await that has not ended. Both fields are stacks. */
export interface PendingAwait {
  readonly awaitedAt: string;
  /** Where the awaited promise was created; absent if that was not seen. */
  readonly madeAt?: string;
}

/** Maximum number of frames between an await and the flow that contains it. */
const FRAMES_MAX = 200;
/**
 * Maximum number of promises kept: a promise and its stack take kilobytes. The oldest are kept, because what stands
 * still has waited longest.
 */
const KEPT_MAX = 20_000;
/** Maximum number of stacks read: reading one takes many times as long as capturing it. */
const READ_MAX = 2_000;
/** The message line, and the frame of the hook. */
const LINES_ABOVE = 2;
/** The frame of the hook, the awaiting function, and what called it. */
const NEAREST_FRAMES = 3;

const POSITION = /:\d+:\d+\)?$/;
const CHAINED = /^(?:Promise\.)?then /;
const COMBINED = /^(?:Function|Promise)\.(?:all|allSettled|any|race) /;
/** It may be settled by another one of its promises. */
const RACE = /^(?:Function|Promise)\.race /;
/** Below this frame are those that drive the reactions, and below them the awaiting functions. */
const REACTIONS = 'node:internal/process/task_queues';
const DRIVER = /node:internal\/|\/kernel\/drain-(?:documented|fast|run)\./;

interface Made {
  readonly promise: object;
  /** The promise that is awaited, or on which this one was chained. */
  readonly parent: object | undefined;
  readonly taken: Error;
  /** In a reaction of an await: the first await of the function that goes on, in the stack of which its caller is. */
  readonly first: Made | undefined;
  /** If there is a `first`: the nearest frames alone, because they are read whenever an await ends. */
  readonly nearest: Error | undefined;
}

interface Frame {
  /** With its position. */
  readonly text: string;
  readonly name: string;
  readonly isAsync: boolean;
}

/** A promise with its stack parsed. */
interface Read extends Made {
  readonly stack: string;
  /** All frames, innermost first. */
  readonly frames: readonly Frame[];
  /**
   * Number of frames that were running when it was created, without those of the driver; the flow's own frame is the
   * last one counted.
   */
  readonly running: number;
  /** The functions from here down to the flow; undefined if the stack does not lead there. */
  readonly path: readonly string[] | undefined;
}

const watches = new Set<AwaitWatch>();

/** Code waits for `standIn` where it awaits `promise`: watches report it as waiting for that. */
export function noteStandIn(standIn: object, promise: object): void {
  for (const watch of watches) watch.noteStandIn(standIn, promise);
}

/** Watches the awaits of all promises that are created until it is stopped. */
export class AwaitWatch {
  readonly #made = new Map<object, Made>();
  /** The promise behind each stand-in that is pending. */
  readonly #behind = new Map<object, object>();
  readonly #flows: ReadonlySet<string>;
  readonly #stop: () => void;

  /** `flows` are named async functions that are called later. */
  constructor(flows: readonly ((...args: never[]) => unknown)[]) {
    this.#flows = new Set(flows.map(({ name }) => name));
    let first: Made | undefined;
    const drop = (promise: object): void => {
      this.#made.delete(promise);
      this.#behind.delete(promise);
    };
    this.#stop = promiseHooks.createHook({
      init: (promise: object, parent: object | undefined) => {
        if (this.#made.size >= KEPT_MAX) return;
        const restore = setStackLimit(FRAMES_MAX);
        const taken = new Error('place');
        let nearest: Error | undefined;
        if (first !== undefined && parent !== undefined) {
          setStackLimit(NEAREST_FRAMES);
          nearest = new Error('place');
        }
        restore();
        this.#made.set(promise, { promise, parent, taken, first, nearest });
      },
      before: (promise: object) => {
        const made = this.#made.get(promise);
        first = made && firstOf(made);
        drop(promise);
      },
      after: () => {
        first = undefined;
      },
      settled: drop,
    }) as () => void;
    watches.add(this);
  }

  /** See the function of the same name. */
  noteStandIn(standIn: object, promise: object): void {
    if (this.#made.has(standIn)) this.#behind.set(standIn, promise);
  }

  /** Stops watching; what was seen until then stays available. */
  stop(): void {
    watches.delete(this);
    this.#stop();
  }

  /** The innermost awaits at which the flows wait; empty if none waits. */
  pending(): readonly PendingAwait[] {
    const made = [...this.#made.values()].slice(0, READ_MAX);
    return new Flow(made.map((one) => readOf(this.#withoutStandIn(one), this.#flows))).ends();
  }

  #withoutStandIn(made: Made): Made {
    const behind = made.parent && this.#behind.get(made.parent);
    return behind === undefined ? made : { ...made, parent: behind };
  }
}

/** Analyses the pending promises once everything stands still. */
class Flow {
  readonly #all: readonly Read[];
  readonly #byPromise: ReadonlyMap<object, Read>;

  constructor(all: readonly Read[]) {
    this.#all = all;
    this.#byPromise = new Map(all.map((one) => [one.promise, one]));
  }

  ends(): PendingAwait[] {
    const awaits = this.#all.filter((one) => isAwait(one) && this.#isPart(one, new Set()));
    // What waits for a function that waits by itself; several may wait for one, which is then in none of their stacks.
    const unfinished = this.#withDependents(awaits.flatMap((one) => this.#promisesOf(one)));
    return awaits
      .filter(({ parent }) => parent === undefined || !unfinished.has(parent))
      .filter((one) => !awaits.some((other) => isBelow(one, other)))
      .map(({ stack, parent }) => {
        const madeAt = parent === undefined ? undefined : this.#byPromise.get(parent)?.stack;
        return { awaitedAt: stack, ...(madeAt === undefined ? {} : { madeAt }) };
      });
  }

  /** True if the flow waits for this promise. */
  #isPart(one: Read, seen: Set<Read>): boolean {
    const { running, path, parent } = one;
    if (parent === undefined || seen.has(one)) return false;
    seen.add(one);
    if (!isAwait(one)) return this.#isAwaited(this.#resultsOf(one), seen);
    // After its first await, the stack of a function shows the functions that await it; before that, it shows only its
    // callers.
    if (running === 1 && path !== undefined) return true;
    return this.#isAwaited(this.#promisesOf(one), seen);
  }

  /** These promises, and those that are chained on them or combined of them. */
  #withDependents(promises: readonly object[]): ReadonlySet<object> {
    const chained = this.#all.filter((one) => one.parent !== undefined && !isAwait(one));
    const all = new Set(promises);
    // What is added on the way is visited too.
    for (const promise of all) {
      for (const one of chained) {
        if (one.parent !== promise || RACE.test(one.frames[1]?.text ?? '')) continue;
        for (const result of this.#resultsOf(one)) all.add(result);
      }
    }
    return all;
  }

  /** A chained promise, or the one that a combination of promises has returned. */
  #resultsOf({ frames, promise }: Read): readonly object[] {
    const isCombined = COMBINED.test(frames[1]?.text ?? '');
    return isCombined ? this.#madeAt(frames.slice(1)) : [promise];
  }

  /** The promises of the function that waits there. */
  #promisesOf({ frames, running, first }: Read): readonly object[] {
    if (running > 1) return this.#calledAt(frames);
    return first === undefined ? [] : this.#calledAt(framesOf(first));
  }

  #isAwaited(promises: readonly object[], seen: Set<Read>): boolean {
    return this.#all.some(
      (one) => one.parent !== undefined && promises.includes(one.parent) && this.#isPart(one, seen),
    );
  }

  /** Promises that were created at exactly this place. */
  #madeAt(frames: readonly Frame[]): object[] {
    const place = textOf(frames);
    return this.#all.filter((other) => textOf(other.frames) === place).map(({ promise }) => promise);
  }

  /** The promises of the call in which `frames` were running. */
  #calledAt(frames: readonly Frame[]): object[] {
    const caller = textOf(frames.slice(1));
    return this.#all
      .filter(
        (other) =>
          other.parent === undefined &&
          other.frames[0]?.name === frames[0]?.name &&
          textOf(other.frames.slice(1)) === caller,
      )
      .map(({ promise }) => promise);
  }
}

function readOf(made: Made, flows: ReadonlySet<string>): Read {
  const lines = linesOf(made.taken);
  const frames = lines.map(frameOf);
  const isFlow = ({ name }: Frame): boolean => flows.has(name.split(' ', 1)[0] ?? '');
  // Tools that map places back to their sources may remove the mark of an awaiting frame.
  const drivenAt = frames.findIndex(({ isAsync, text }) => isAsync || text.includes(REACTIONS));
  const flowAt = frames.findIndex(isFlow);
  const ran = drivenAt < 0 ? frames.length : drivenAt;
  const running = flowAt >= 0 && flowAt < ran ? flowAt + 1 : ran;
  const way = frames.slice(0, flowAt + 1).filter(({ text }) => !DRIVER.test(text));
  const path = flowAt < 0 ? undefined : way.map(({ name }) => name);
  return { ...made, stack: lines.join('\n'), frames, running, path };
}

/**
 * The first await of the function that goes on after `made`: an earlier one if that function had gone on before, and
 * was not called by the one that had.
 */
function firstOf(made: Made): Made {
  const { first = made, nearest } = made;
  if (nearest === undefined) return first;
  const [own, caller] = linesOf(nearest).map(frameOf);
  if (own === undefined || isChained(own)) return first;
  const isCalled = caller !== undefined && !caller.isAsync && !caller.text.includes(REACTIONS);
  // Without `first`, or a function that always starts itself anew would keep all its awaits.
  return isCalled ? { ...made, first: undefined, nearest: undefined } : first;
}

function linesOf(taken: Error): readonly string[] {
  return stackOf(taken)?.split('\n').slice(LINES_ABOVE) ?? [];
}

function framesOf({ taken }: Made): readonly Frame[] {
  return linesOf(taken).map(frameOf);
}

function frameOf(line: string): Frame {
  const text = line.trim().replace(/^at /, '');
  const isAsync = text.startsWith('async ');
  return { text, isAsync, name: text.replace(/^async /, '').replace(POSITION, '') };
}

function textOf(frames: readonly Frame[]): string {
  return frames.map(({ text }) => text).join('\n');
}

/** The waiting function creates an await, the engine creates a chained promise. */
function isAwait({ frames, parent }: Read): boolean {
  return parent !== undefined && !(frames[0] !== undefined && isChained(frames[0]));
}

function isChained({ name }: Frame): boolean {
  return CHAINED.test(`${name} `);
}

/** True if `other` is on the same path, further from the flow's beginning. */
function isBelow({ path, running }: Read, { path: other = [] }: Read): boolean {
  if (path === undefined) return false;
  // A function that is not async is in the stack of its callee until that awaits for the first time, and not
  // afterwards.
  const way = path.filter((name, at) => at === 0 || at >= running - 1 || other.includes(name));
  return other.length > way.length && way.every((name, at) => other[at + other.length - way.length] === name);
}
