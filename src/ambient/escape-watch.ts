/**
 * Records what executions use from outside their simulation. Invariants: watching changes nothing that an execution
 * sees, so hashes are the same with and without it; between two executions no trace of the watch remains.
 */
import * as is from '../kernel/shape.ts';
import type { Escape, EscapeKind, EscapeWatch } from '../explore/escape.ts';
import { framesOf } from '../explore/explain/source-place.ts';
import { stackOf } from '../kernel/errors.ts';
import { codePathOf } from '../kernel/package-files.ts';
import { fileOfLine } from '../kernel/stack-line.ts';
import { outsideWord } from '../kernel/drain-resources.ts';
import { setStackLimit } from '../kernel/drain-stack-limit.ts';
import { syncBuiltinESMExports } from 'node:module';
import { type OutsideCall, OUTSIDE_RESOURCES, outsideCalls } from './outside.ts';
import { createHook } from 'node:async_hooks';
import { check } from '../kernel/argument-check.ts';
import { isVirtual, noteFront } from './globals/stand-in.ts';
import { hub } from './hub.ts';
import type { ExecutionRequest, Executor } from '../explore/executor.ts';
import type { Verdict } from '../simulation/verdict.ts';

interface CountedEscape extends Escape {
  count: number;
}

const PLACES_KEPT = 100;
const FRAMES = 60;

/**
 * Escapes by place. Invariant: turns of the event loop that the drain itself takes are not counted. They are recognized
 * by the caller, not by the kind of resource.
 */
export class EscapeLedger {
  readonly #escapes = new Map<string, CountedEscape>();
  /**
   * Kinds that have a known place in this execution. A further escape of such a kind without a place is taken as a
   * consequence.
   */
  readonly #placed = new Set<EscapeKind>();
  #isLooking = false;

  /** Clears what is remembered for one execution. */
  beginExecution(): void {
    this.#placed.clear();
  }

  /** Counts an escape that is happening now, at the place in the current stack. */
  note(kind: EscapeKind, what: string): void {
    // Capturing a stack may itself call a watched function.
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const stack = stackOfNow();
      if (!isOfDrain(stack) && !isOfStandIn(stack)) this.#count(kind, what, framesOf(stack));
    } finally {
      this.#isLooking = false;
    }
  }

  escapes(): readonly Escape[] {
    return [...this.#escapes.values()].map((escape) => ({ ...escape }));
  }

  #count(kind: EscapeKind, what: string, frames: readonly string[]): void {
    const [nearest = ''] = frames;
    if (nearest !== '') this.#placed.add(kind);
    else if (this.#placed.has(kind)) return;
    const key = `${what} ${nearest}`;
    const known = this.#escapes.get(key);
    if (known !== undefined) known.count += 1;
    else if (this.#escapes.size < PLACES_KEPT) this.#escapes.set(key, { kind, what, frames, count: 1 });
  }
}

function stackOfNow(): string {
  const restore = setStackLimit(FRAMES);
  const taken = new Error('escape');
  restore();
  return stackOf(taken) ?? '';
}

/** The stand-ins for timers, which pass calls of others on to the machine. */
const HANDED_ON = /\bat (?:\S+\.)?set(?:Timeout|Interval) \(/;

/** True if the nearest frame that is neither Node's nor from this folder belongs to the drain. */
function isOfDrain(stack: string): boolean {
  const isOfFolder = (path: string | undefined): boolean => path?.startsWith('ambient/') === true;
  const asked = stack
    .split('\n')
    .filter((line) => !HANDED_ON.test(line))
    .join('\n');
  return (
    pathsIn(asked)
      .find((path) => !isOfFolder(path))
      ?.startsWith('kernel/drain') === true
  );
}

/** True if a stand-in calls the machine for a result that it then replaces. */
function isOfStandIn(stack: string): boolean {
  if (hub.world === undefined) return false;
  const nearest = pathsIn(stack).find((path) => path?.startsWith('ambient/escape-watch') !== true);
  return nearest?.startsWith('ambient/globals/entropy') === true;
}

/** Paths of this package's files in a stack; undefined for a frame from elsewhere. */
function pathsIn(stack: string): (string | undefined)[] {
  return stack
    .split('\n')
    .slice(1)
    .filter((line) => !line.includes('node:') && !line.includes('<anonymous>'))
    .map((line) => codePathOf(fileOfLine(line)));
}

/** Called before each watched call. */
export type NoteCall = (call: Pick<OutsideCall, 'kind' | 'what'>) => void;

interface Patch {
  readonly owner: object;
  readonly key: string;
  readonly before: PropertyDescriptor;
  readonly patched: unknown;
}

const NEW_DATE = { kind: 'clock', what: 'new Date' } as const;

/**
 * Wraps functions in proxies that report each call, and removes them again. Invariants: a wrapped function does what it
 * did, with the same `this`; after {@link restore} each property has its original descriptor, unless other code has
 * replaced it in the meantime.
 */
export class PatchedCalls {
  readonly #patches: Patch[] = [];

  constructor(calls: readonly OutsideCall[], note: NoteCall) {
    for (const { kind, what, owner, key } of calls) {
      const seen = { kind, what };
      this.#patch(owner, key, (original) =>
        noting(
          original,
          noteUnlessVirtual(original, () => note(seen)),
        ),
      );
    }
    this.#patch(globalThis, 'Date', (original) =>
      notingDate(
        original as DateConstructor,
        noteUnlessVirtual(original, () => note(NEW_DATE)),
      ),
    );
    // Makes named imports of builtin modules see the replacement too.
    syncBuiltinESMExports();
  }

  /** Restores the originals. */
  restore(): void {
    for (const { owner, key, before, patched } of this.#patches.splice(0).reverse()) {
      const now = Object.getOwnPropertyDescriptor(owner, key)?.value as unknown;
      if (now === patched) Object.defineProperty(owner, key, before);
    }
    syncBuiltinESMExports();
  }

  #patch(owner: object, key: string, make: (original: unknown) => unknown): void {
    const before = Object.getOwnPropertyDescriptor(owner, key);
    if (before?.configurable !== true || !('value' in before)) return;
    const patched = make(before.value);
    noteFront(patched as object, before.value);
    Object.defineProperty(owner, key, { ...before, value: patched });
    this.#patches.push({ owner, key, before, patched });
  }
}

/**
 * A stand-in uses nothing of the machine while a simulation in ambient time runs, so its calls are then not counted.
 */
function noteUnlessVirtual(original: unknown, note: () => void): () => void {
  if (!isVirtual(original)) return note;
  return () => {
    if (hub.world === undefined) note();
  };
}

/** Wraps in a proxy, so that the function's properties remain visible. */
function noting(original: unknown, note: () => void): unknown {
  return new Proxy(original as (...args: unknown[]) => unknown, {
    apply(target, self, args): unknown {
      note();
      return Reflect.apply(target, self, args);
    },
  });
}

/** Counts only calls that read the clock: a date made from a number or text does not. */
function notingDate(original: DateConstructor, note: () => void): unknown {
  return new Proxy(original, {
    apply(target, self, args): unknown {
      note();
      return Reflect.apply(target, self, args) as unknown;
    },
    construct(target, args, made) {
      if (args.length === 0) note();
      return Reflect.construct(target, args, made) as object;
    },
  });
}

/**
 * Returns an executor that behaves like `executor` and records uses of real timers, I/O, entropy, clocks, processes and
 * threads. Executions take about twice as long, because the machine then reports every promise too.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but an executor.
 * @example
 * ```ts
 * import { defineScenario } from 'dryrunner';
 * import { fifoDecisions } from 'dryrunner/kernel';
 * import { createExecutor } from 'dryrunner/explore';
 * import { watchEscapes } from 'dryrunner/ambient';
 * const scenario = defineScenario({
 *   name: 'asks-the-time',
 *   description: 'reads a clock that no log knows',
 *   run: (sim) => sim.note(`it is ${Date.now() > 0}`),
 * });
 * const watch = watchEscapes(createExecutor(scenario));
 * await watch.executor.execute({ source: fifoDecisions() });
 * if (watch.escapes()[0]?.what !== 'Date.now') throw new Error('expected it to be seen');
 * ```
 */
export function watchEscapes(executor: Executor): EscapeWatch {
  return watchWith(executor, () => outsideCalls());
}

/**
 * Like {@link watchEscapes}, but records only what async hooks report: timers, I/O, and processes and threads that are
 * waited for. For ambient time, which intercepts calls itself.
 */
export function watchResources(executor: Executor): EscapeWatch {
  return watchWith(executor, undefined);
}

function watchWith(executor: Executor, callsOf: (() => OutsideCall[]) | undefined): EscapeWatch {
  check('executor', executor, is.withMethods('execute'));
  const ledger = new EscapeLedger();
  const hook = createHook({
    init(_id, type, _trigger, resource) {
      const kind = OUTSIDE_RESOURCES.get(type);
      // Virtual timers have the same type names.
      if (kind !== undefined && !('clearInSimulation' in resource)) ledger.note(kind, outsideWord(type));
    },
  });
  const watched = async (request: ExecutionRequest): Promise<Verdict> => {
    ledger.beginExecution();
    const note = ({ kind, what }: Pick<OutsideCall, 'kind' | 'what'>): void => ledger.note(kind, what);
    const calls = callsOf === undefined ? undefined : new PatchedCalls(callsOf(), note);
    hook.enable();
    try {
      return await executor.execute(request);
    } finally {
      hook.disable();
      calls?.restore();
    }
  };
  // One after the other: of two at once, the second would take the patches of the first for the originals.
  let last: Promise<unknown> = Promise.resolve();
  return {
    executor: {
      scenario: executor.scenario,
      execute(request) {
        const running = last.then(() => watched(request));
        last = running.catch(() => undefined);
        return running;
      },
    },
    escapes: () => ledger.escapes(),
  };
}
