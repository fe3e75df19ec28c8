/** What a scenario gets: its world, and the few verbs that end in the verdict. */
import { sleep } from '../kernel/clock.ts';
import { RunnerError } from '../kernel/errors.ts';
import type { World } from '../model/world.ts';
import type { FailureKind } from './verdict.ts';

/** Thrown by `sim.check`, so that the scenario goes no further; the verdict has noted it by then. */
export class CheckFailedError extends Error {
  override readonly name = 'CheckFailedError';
}

/** How the engine is told of a failure; the first one counts. */
export type ReportFailure = (kind: FailureKind, message: string, cause?: unknown) => void;

/** The handle of a running simulation. */
export class Simulation {
  /** Clock, choices, random stream and tracer: what every `create…Runner` takes first. */
  readonly world: World & { readonly tracer: NonNullable<World['tracer']> };
  readonly #report: ReportFailure;
  #isOver = false;

  constructor(world: Simulation['world'], report: ReportFailure) {
    this.world = world;
    this.#report = report;
  }

  /** Virtual milliseconds since the beginning. */
  now(): number {
    return this.world.clock.now();
  }

  /** Lets `ms` of virtual time pass. */
  sleep(ms: number): Promise<void> {
    this.#mustRun('sleep');
    return sleep(this.world.clock, ms, 'scenario sleep');
  }

  /** An integer in [0, n) that the exploration decides; 0 is the plain choice. */
  choose(label: string, n: number): number {
    this.#mustRun('choose');
    return this.world.choices.choose(label, n);
  }

  /**
   * States a property. If it does not hold, the simulation has failed, also if the scenario catches what this throws.
   *
   * @throws CheckFailedError if `condition` is false.
   */
  check(condition: boolean, message: string): void {
    if (condition) return;
    const error = new CheckFailedError(message);
    this.#report('check', message, error);
    throw error;
  }

  /** Puts a line into the trace. */
  note(text: string): void {
    this.#mustRun('note');
    this.world.tracer.record({ at: this.now(), type: 'note', runner: 'scenario', text });
  }

  /** @internal */
  end(): void {
    this.#isOver = true;
  }

  #mustRun(what: string): void {
    if (!this.#isOver) return;
    throw new RunnerError(
      'RUNNER_SIMULATION_MISUSE',
      `sim.${what} was called after the end of its simulation`,
    );
  }
}
