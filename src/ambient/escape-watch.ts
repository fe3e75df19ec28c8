/**
 * Watches what executions reach for outside of their simulation. Invariants: it changes nothing that they see, so that hashes are the
 * same with and without it; between two executions everything is as if it were not there.
 */
import * as is from '../kernel/shape.ts';
import type { Escape, EscapeKind, EscapeWatch } from '../explore/escape.ts';
import { framesOf } from '../explore/explain/source-place.ts';
import { stackOf } from '../kernel/errors.ts';
import { codePathOf, fileOfFrame } from '../kernel/package-files.ts';
import { setStackLimit } from '../kernel/drain-stack-limit.ts';
import { syncBuiltinESMExports } from 'node:module';
import { type OutsideCall, OUTSIDE_RESOURCES, outsideCalls, resourceName } from './outside.ts';
import { createHook } from 'node:async_hooks';
import { check } from '../kernel/argument-check.ts';
import { isVirtual, noteFront } from './globals/stand-in.ts';
import { hub } from './hub.ts';
import type { Executor } from '../explore/executor.ts';

interface CountedEscape extends Escape {
  count: number;
}

const PLACES_KEPT = 100;
const FRAMES = 60;

/**
 * Escapes by place. Invariant: the turns that the drain itself takes of the event loop are not among them, recognized by who asked for
 * them and not by what they are.
 */
export class EscapeLedger {
  readonly #escapes = new Map<string, CountedEscape>();
  /** Kinds with a known place in this execution: what comes without one follows from it. */
  readonly #placed = new Set<EscapeKind>();
  #isLooking = false;

  /** Forgets what belongs to one execution. */
  beginExecution(): void {
    this.#placed.clear();
  }

  /** Notes what is happening now, with the stack of now. */
  note(kind: EscapeKind, what: string): void {
    // Taking a stack may itself read what is watched.
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

/** What watches which timers of the machine are set stands in the globals, and hands on what others ask for. */
const HANDED_ON = /\bat (?:\S+\.)?set(?:Timeout|Interval) \(/;

/** True if the nearest line that is neither Node's nor of this folder is the drain's. */
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

/** True if a stand-in asks the machine for what it then replaces. */
function isOfStandIn(stack: string): boolean {
  if (hub.world === undefined) return false;
  const nearest = pathsIn(stack).find((path) => path?.startsWith('ambient/escape-watch') !== true);
  return nearest?.startsWith('ambient/globals/entropy') === true;
}

/** Of the files of this package in a stack; undefined for each line of another. */
function pathsIn(stack: string): (string | undefined)[] {
  return stack
    .split('\n')
    .slice(1)
    .filter((line) => !line.includes('node:') && !line.includes('<anonymous>'))
    .map((line) => codePathOf(fileOfFrame(line)));
}

/** Called for each call, before it is made. */
export type NoteCall = (call: Pick<OutsideCall, 'kind' | 'what'>) => void;

interface Patch {
  readonly owner: object;
  readonly key: string;
  readonly before: PropertyDescriptor;
  readonly patched: unknown;
}

const NEW_DATE = { kind: 'clock', what: 'new Date' } as const;

/**
 * Puts a look-out in front of functions, and takes it away again. Invariants: what is called does what it did, with the same `this`;
 * afterwards each property is described as it was, unless somebody else has replaced it meanwhile.
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
    // Code that imported a function of a module by its name has to see the replacement too.
    syncBuiltinESMExports();
  }

  /** Puts everything back. */
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

/** What stands in for the machine shows it to nobody while a simulation in ambient time runs. */
function noteUnlessVirtual(original: unknown, note: () => void): () => void {
  if (!isVirtual(original)) return note;
  return () => {
    if (hub.world === undefined) note();
  };
}

/** A proxy, so that the properties of the function are there as before. */
function noting(original: unknown, note: () => void): unknown {
  return new Proxy(original as (...args: unknown[]) => unknown, {
    apply(target, self, args): unknown {
      note();
      return Reflect.apply(target, self, args);
    },
  });
}

/** A date made from a number or a text reads no clock. */
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
 * An executor that does what `executor` does, watched for real timers, I/O, entropy, clocks, processes and threads. It takes about
 * twice the time, for the machine then reports each promise too.
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

/** The same of what the machine reports by itself: timers, I/O, processes and threads that are waited for. For ambient time, which has calls of its own. */
export function watchResources(executor: Executor): EscapeWatch {
  return watchWith(executor, undefined);
}

function watchWith(executor: Executor, callsOf: (() => OutsideCall[]) | undefined): EscapeWatch {
  check('executor', executor, is.withMethods('execute'));
  const ledger = new EscapeLedger();
  const hook = createHook({
    init(_id, type, _trigger, resource) {
      const kind = OUTSIDE_RESOURCES.get(type);
      // Virtual timers have the machine's names.
      if (kind !== undefined && !('clearInSimulation' in resource)) ledger.note(kind, resourceName(type));
    },
  });
  return {
    executor: {
      scenario: executor.scenario,
      async execute(request) {
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
      },
    },
    escapes: () => ledger.escapes(),
  };
}
