/**
 * A promise that the documentation of a package makes, as a scenario over that package as npm delivers it. The packages are installed apart,
 * by `npm ci` in this folder, so what is used of each is typed where it is used.
 */
// Before any package is imported: some take what they need of the machine when they are loaded.
import 'dryrunner/ambient/install';
import type { ScenarioDefinition, Simulation } from 'dryrunner';
import { ambientTime, type TimeFaults } from 'dryrunner/ambient';

/** What was made of a promise that is not kept, and why: see docs/foreign.md. */
export type Judgement = 'bug' | 'known' | 'documented';

/** A judgement, and the messages of the failures that it is about: whatever else fails is not judged. */
export interface Judged {
  readonly judgement: Judgement;
  readonly of: RegExp;
}

/** What {@link promised} takes. */
export interface Promised<Package> {
  readonly package: string;
  readonly name: string;
  /** What the documentation says, in its own words as far as they fit. */
  readonly says: string;
  /** Stated if it fails. */
  readonly judged?: Judged;
  /** Faults of time that must not break it; default none. */
  readonly faults?: TimeFaults;
  /** Packages that promise to leave nothing are held to it; default `ignore`. */
  readonly leftovers?: 'fail' | 'ignore';
  readonly run: (sim: Simulation, imported: Package) => Promise<void>;
}

/**
 * A scenario that knows which package it is about. A class, because a scenario that is a plain object may have no other
 * fields.
 */
export class ForeignScenario implements ScenarioDefinition<unknown> {
  readonly name: string;
  readonly description: string;
  readonly package: string;
  readonly judged: Judged | undefined;
  readonly options: NonNullable<ScenarioDefinition['options']>;
  readonly #promise: Promised<unknown>;

  constructor(promise: Promised<unknown>) {
    const { name, says, judged, leftovers = 'ignore', faults = {} } = promise;
    this.name = name;
    this.description = says;
    this.package = promise.package;
    this.judged = judged;
    this.options = { ambient: ambientTime({ faults }), leftovers, maxEvents: 20_000 };
    this.#promise = promise;
  }

  /** Imports the package. */
  prepare(): Promise<unknown> {
    return import(this.package);
  }

  run(sim: Simulation, imported: unknown): Promise<void> {
    return this.#promise.run(sim, imported);
  }

  /** The same promise under faults of time. */
  withFaults(faults: TimeFaults): ForeignScenario {
    return new ForeignScenario({ ...this.#promise, faults });
  }
}

/** Makes the scenario; the package is imported when it is prepared. */
export function promised<Package>(promise: Promised<Package>): ForeignScenario {
  return new ForeignScenario({
    ...promise,
    run: (sim, imported) => promise.run(sim, imported as Package),
  });
}

/** Lets time pass, as user code would. */
export function passes(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Lets a drawn time pass, or none at all. */
export async function pauses(sim: Simulation, label: string, times: readonly number[]): Promise<void> {
  const ms = sim.pick(label, times);
  if (ms > 0) await passes(ms);
}

/** All promise reactions of now have run afterwards: a counter that is looked at earlier may still be about to change. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Numbers from 0. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** How many are inside of a section at once, now and at most. */
export class Crowd {
  now = 0;
  most = 0;

  enter(): void {
    this.now += 1;
    this.most = Math.max(this.most, this.now);
  }

  leave(): void {
    this.now -= 1;
  }

  /** Runs `work` inside. */
  async inside<T>(work: () => Promise<T> | T): Promise<T> {
    this.enter();
    try {
      return await work();
    } finally {
      this.leave();
    }
  }
}

/** The most of `times` (in order) that lie within any `intervalMs`, the end excluded. */
export function mostWithin(times: readonly number[], intervalMs: number): number {
  const counts = times.map((from) => times.filter((time) => time >= from && time < from + intervalMs).length);
  return Math.max(0, ...counts);
}

/** What a promise came to. */
export async function outcome(promise: PromiseLike<unknown>): Promise<'resolved' | Error> {
  try {
    await promise;
    return 'resolved';
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
