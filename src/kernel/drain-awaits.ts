/**
 * Where a flow of promises waits: those of its awaits that nothing has answered. Invariants: nothing is changed by being watched; what is
 * started and not awaited is no part of the flow, however it was started; it is watched only for short, as every promise pays for it.
 */
import { promiseHooks } from 'node:v8';
import { stackOf } from './errors.ts';
import { setStackLimit } from './drain-stack-limit.ts';

/** An await that has not ended. Both are stacks. */
export interface PendingAwait {
  readonly awaitedAt: string;
  /** Where the awaited promise was made; absent if that was not seen. */
  readonly madeAt?: string;
}

/** Frames between an await and the flow that it is part of. */
const FRAMES_MAX = 200;
/** A promise and its stack take kilobytes. What has waited longest is kept: it is what stands still. */
const KEPT_MAX = 20_000;
/** Reading a stack takes many times what taking it does. */
const READ_MAX = 2_000;
/** The line that says what was thrown, and the frame of the hook. */
const LINES_ABOVE = 2;

const POSITION = /:\d+:\d+\)?$/;
const CHAINED = /^(?:Promise\.)?then /;
const COMBINED = /^(?:Function|Promise)\.(?:all|allSettled|any|race) /;
/** Below it stand those who drive the reactions, and below them those who await. */
const REACTIONS = 'node:internal/process/task_queues';
const DRIVER = /node:internal\/|\/kernel\/drain-(?:documented|fast|run)\./;

interface Made {
  readonly promise: object;
  /** What is awaited, or what it was chained to. */
  readonly parent: object | undefined;
  readonly taken: Error;
}

interface Frame {
  /** With its position. */
  readonly text: string;
  readonly name: string;
  readonly isAsync: boolean;
}

/** A promise with its stack read. */
interface Read extends Made {
  readonly stack: string;
  /** All frames, the nearest first. */
  readonly frames: readonly Frame[];
  /** How many of them ran when it was made, without those of the driver; the flow itself is the last at most. */
  readonly running: number;
  /** The functions from here down to the flow; undefined if it does not lead there. */
  readonly path: readonly string[] | undefined;
}

/** Watches the awaits of all promises that are made until it is stopped. */
export class AwaitWatch {
  readonly #made = new Map<object, Made>();
  readonly #flow: string;
  readonly #stop: () => void;

  /** `flow` is a named async function that is called later. */
  constructor(flow: (...args: never[]) => unknown) {
    this.#flow = flow.name;
    const drop = (promise: object): void => void this.#made.delete(promise);
    this.#stop = promiseHooks.createHook({
      init: (promise: object, parent: object | undefined) => {
        if (this.#made.size >= KEPT_MAX) return;
        const restore = setStackLimit(FRAMES_MAX);
        this.#made.set(promise, { promise, parent, taken: new Error('place') });
        restore();
      },
      before: drop,
      settled: drop,
    }) as () => void;
  }

  /** Ends the watching; what was seen until then stays. */
  stop(): void {
    this.#stop();
  }

  /** The awaits at which the flow waits, those furthest from its beginning only; none if it does not wait. */
  pending(): readonly PendingAwait[] {
    const made = [...this.#made.values()].slice(0, READ_MAX);
    return new Flow(made.map((one) => readOf(one, this.#flow))).ends();
  }
}

/** What is known once everything stands still. */
class Flow {
  readonly #all: readonly Read[];
  readonly #byPromise: ReadonlyMap<object, Read>;

  constructor(all: readonly Read[]) {
    this.#all = all;
    this.#byPromise = new Map(all.map((one) => [one.promise, one]));
  }

  ends(): PendingAwait[] {
    const awaits = this.#all.filter((one) => isAwait(one) && this.#isPart(one, new Set()));
    return awaits
      .filter((one) => !awaits.some((other) => isBelow(one, other)))
      .map(({ stack, parent }) => {
        const madeAt = parent === undefined ? undefined : this.#byPromise.get(parent)?.stack;
        return { awaitedAt: stack, ...(madeAt === undefined ? {} : { madeAt }) };
      });
  }

  /** True if the flow waits for it. */
  #isPart(one: Read, seen: Set<Read>): boolean {
    const { frames, running, path, parent, promise } = one;
    if (path === undefined || parent === undefined || seen.has(one)) return false;
    seen.add(one);
    if (!isAwait(one)) {
      const isCombined = COMBINED.test(frames[1]?.text ?? '');
      const result = isCombined ? this.#madeAt(frames.slice(1)) : [promise];
      return this.#isAwaited(result, seen);
    }
    // A function that has gone on after an earlier await is followed by those who await it; before that, only by those who called it.
    if (running === 1) return true;
    return this.#isAwaited(this.#calledAt(frames), seen);
  }

  #isAwaited(promises: readonly object[], seen: Set<Read>): boolean {
    return this.#all.some(
      (one) => one.parent !== undefined && promises.includes(one.parent) && this.#isPart(one, seen),
    );
  }

  /** Promises that were made at exactly this place. */
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

function readOf(made: Made, flow: string): Read {
  const lines = stackOf(made.taken)?.split('\n').slice(LINES_ABOVE) ?? [];
  const frames = lines.map(frameOf);
  const isFlow = ({ name }: Frame): boolean => name === flow || name.startsWith(`${flow} `);
  // Tools that map places back to their sources may leave out that a frame is one of those who await.
  const drivenAt = frames.findIndex(({ isAsync, text }) => isAsync || text.includes(REACTIONS));
  const flowAt = frames.findIndex(isFlow);
  const ran = drivenAt < 0 ? frames.length : drivenAt;
  const running = flowAt >= 0 && flowAt < ran ? flowAt + 1 : ran;
  const way = frames.slice(0, flowAt + 1).filter(({ text }) => !DRIVER.test(text));
  const path = flowAt < 0 ? undefined : way.map(({ name }) => name);
  return { ...made, stack: lines.join('\n'), frames, running, path };
}

function frameOf(line: string): Frame {
  const text = line.trim().replace(/^at /, '');
  const isAsync = text.startsWith('async ');
  return { text, isAsync, name: text.replace(/^async /, '').replace(POSITION, '') };
}

function textOf(frames: readonly Frame[]): string {
  return frames.map(({ text }) => text).join('\n');
}

/** An await is made by the function that waits, a chained promise by the engine. */
function isAwait({ frames, parent }: Read): boolean {
  return parent !== undefined && !CHAINED.test(`${frames[0]?.name ?? ''} `);
}

/** True if `other` is further from the beginning of the flow, on the same way. */
function isBelow({ path = [], running }: Read, { path: other = [] }: Read): boolean {
  // A function that is not async stands in the stack of what it calls until that has awaited for the first time, and not behind it.
  const way = path.filter((name, at) => at === 0 || at >= running - 1 || other.includes(name));
  return other.length > way.length && way.every((name, at) => other[at + other.length - way.length] === name);
}
