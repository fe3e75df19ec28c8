/**
 * Model-based commands against a runner: run, abort, query, wait, release, let time pass, strike a fault. Each does one thing, and tells
 * the model what came back. With chaos in between, an injected error is an answer like any other, after which nothing is certain.
 */
import fc from 'fast-check';
import { checkObject } from '../kernel/argument-check.ts';
import { isRunnerError } from '../kernel/errors.ts';
import type { Command } from '../model/command.ts';
import { ALL_MASK, DONE_MASK, RUNNING_MASK, type StateMask } from '../model/state-mask.ts';
import type { Service } from '../model/service.ts';
import type { ChaosRunner } from '../runners/chaos-runner.ts';
import { CHAOS_OPERATIONS, type ScheduledFault } from '../runners/chaos-fault.ts';
import type { Simulation } from '../simulation/simulation.ts';
import { ContractBrokenError, type RunnerModel } from './runner-model.ts';
import { commandArbitrary, type CommandConstraints } from './sim-script-arbitrary.ts';

/** What commands act on. */
export interface RunnerUnderTest {
  readonly sim: Simulation;
  readonly service: Service;
  /** The chaos in front of it, for fault commands. */
  readonly chaos?: ChaosRunner;
  /** What goes on in the background: aborts, waits and releases that were not awaited. */
  readonly background: Promise<void>[];
}

/** One command of a model-based property. */
export type RunnerCommand = fc.AsyncCommand<RunnerModel, RunnerUnderTest>;

/** A call whose reply may be lost; undefined if it was. Other errors go on. */
async function answered<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_INJECTED_FAULT')) return undefined;
    throw error;
  }
}

abstract class BaseCommand implements RunnerCommand {
  check(_model: Readonly<RunnerModel>): boolean {
    return true;
  }

  abstract run(model: RunnerModel, real: RunnerUnderTest): Promise<void>;
  abstract toString(): string;
}

class Run extends BaseCommand {
  readonly #command: Command;

  constructor(command: Command) {
    super();
    this.#command = command;
  }

  async run(model: RunnerModel, { service }: RunnerUnderTest): Promise<void> {
    // Looked at first, so that the model knows what has ended; then nothing can happen before the offer.
    const before = await answered(service.statusAll());
    before?.statuses.forEach((status) => model.saw(status));
    try {
      const status = await answered(service.run(this.#command));
      if (status !== undefined) model.accepted(this.#command, status);
    } catch (error) {
      if (!isRunnerError(error)) throw error;
      model.rejected(error.code);
    }
  }

  toString(): string {
    const { argv, timeoutMs } = this.#command;
    return `run(${JSON.stringify(argv)}${timeoutMs === undefined ? '' : `, timeoutMs ${timeoutMs}`})`;
  }
}

class Abort extends BaseCommand {
  readonly #index: number;
  readonly #awaited: boolean;

  constructor(index: number, awaited: boolean) {
    super();
    this.#index = index;
    this.#awaited = awaited;
  }

  override check(model: Readonly<RunnerModel>): boolean {
    return model.runAt(this.#index) !== undefined && !model.isReleased;
  }

  async run(model: RunnerModel, { service, background }: RunnerUnderTest): Promise<void> {
    const run = model.runAt(this.#index);
    if (run === undefined) return;
    model.abortAsked(run.runId);
    const aborted = (async () => {
      const status = await answered(service.abort(run.runId));
      if (status === undefined) return;
      model.saw(status);
      const now = await answered(service.status(run.runId));
      if (now !== undefined && now.status.state !== status.state) {
        throw new ContractBrokenError('R207', `abort said ${status.state}, status says ${now.status.state}`);
      }
    })();
    if (this.#awaited) await aborted;
    else background.push(aborted);
  }

  toString(): string {
    return `${this.#awaited ? 'await ' : ''}abort(run ${this.#index})`;
  }
}

class Query extends BaseCommand {
  readonly #states: StateMask;

  constructor(states: StateMask) {
    super();
    this.#states = states;
  }

  async run(model: RunnerModel, { service }: RunnerUnderTest): Promise<void> {
    const result = await answered(service.queryNow({ allRuns: true, states: this.#states }));
    if (result === undefined) return;
    result.statuses.forEach((status) => model.saw(status));
    const ids = result.statuses.map(({ runId }) => runId);
    const inOrder = model.runIds.filter((runId) => ids.includes(runId));
    if (ids.join() !== inOrder.join()) {
      throw new ContractBrokenError('R37', `runs ${ids.join()} came in another order than ${inOrder.join()}`);
    }
    if (this.#states === ALL_MASK && ids.length !== model.runIds.length) {
      throw new ContractBrokenError('R24', `${ids.length} of ${model.runIds.length} runs match every state`);
    }
  }

  toString(): string {
    return `query(${this.#states === ALL_MASK ? 'all' : this.#states === DONE_MASK ? 'done' : 'running'})`;
  }
}

class WaitForEnd extends BaseCommand {
  readonly #index: number;
  readonly #timeoutMs: number;

  constructor(index: number, timeoutMs: number) {
    super();
    this.#index = index;
    this.#timeoutMs = timeoutMs;
  }

  override check(model: Readonly<RunnerModel>): boolean {
    return model.runAt(this.#index) !== undefined;
  }

  async run(model: RunnerModel, { service, sim }: RunnerUnderTest): Promise<void> {
    const run = model.runAt(this.#index);
    if (run === undefined) return;
    const startedAt = sim.now();
    try {
      const result = await answered(
        service.query({ runs: [run.runId], states: DONE_MASK }, { timeoutMs: this.#timeoutMs }),
      );
      result?.statuses.forEach((status) => model.saw(status));
      if (result?.statuses.length === 0 && sim.now() - startedAt < this.#timeoutMs) {
        throw new ContractBrokenError(
          'R31',
          `a wait of ${this.#timeoutMs} ms gave up after ${sim.now() - startedAt} ms`,
        );
      }
    } catch (error) {
      if (!isRunnerError(error, 'RUNNER_RELEASED') || !model.isReleased) throw error;
    }
  }

  toString(): string {
    return `wait(run ${this.#index}, ${this.#timeoutMs} ms)`;
  }
}

class Release extends BaseCommand {
  async run(model: RunnerModel, { service, background }: RunnerUnderTest): Promise<void> {
    model.releaseAsked();
    background.push(service.release());
    return Promise.resolve();
  }

  toString(): string {
    return 'release()';
  }
}

class Pass extends BaseCommand {
  readonly #ms: number;

  constructor(ms: number) {
    super();
    this.#ms = ms;
  }

  run(_model: RunnerModel, { sim }: RunnerUnderTest): Promise<void> {
    return sim.sleep(this.#ms);
  }

  toString(): string {
    return `pass(${this.#ms} ms)`;
  }
}

class Strike extends BaseCommand {
  readonly #fault: ScheduledFault;

  constructor(fault: ScheduledFault) {
    super();
    this.#fault = fault;
  }

  run(_model: RunnerModel, { chaos }: RunnerUnderTest): Promise<void> {
    chaos?.setPlan({ schedule: [this.#fault] });
    return Promise.resolve();
  }

  toString(): string {
    const { operation, call, kind } = this.#fault;
    return `strike(${kind} ${operation} ${call})`;
  }
}

/** What generated command lists may contain. */
export interface RunnerCommandConstraints extends CommandConstraints {
  /** Whether a `release` may come; default true. */
  readonly mayRelease?: boolean;
  /** Kinds of faults to strike between the calls, if there is chaos; default none. */
  readonly faults?: readonly ('before' | 'after')[];
}

/** Arbitraries of single commands; draw an array of them, since a path cannot repeat what `fc.commands` shrinks by. */
export function runnerCommandArbitraries(
  constraints: RunnerCommandConstraints = {},
): fc.Arbitrary<RunnerCommand>[] {
  checkObject('constraints', 'an object', constraints);
  const { mayRelease = true, faults = [] } = constraints;
  const index = fc.nat(7);
  const arbitraries: fc.Arbitrary<RunnerCommand>[] = [
    commandArbitrary(constraints).map((command) => new Run(command)),
    fc.tuple(index, fc.boolean()).map(([at, awaited]) => new Abort(at, awaited)),
    fc.constantFrom(ALL_MASK, DONE_MASK, RUNNING_MASK).map((states) => new Query(states)),
    fc
      .tuple(index, fc.constantFrom(0, 1, 10, 50, 500))
      .map(([at, timeoutMs]) => new WaitForEnd(at, timeoutMs)),
    fc.nat(120).map((ms) => new Pass(ms)),
  ];
  if (mayRelease) arbitraries.push(fc.constant(new Release()));
  if (faults.length > 0) {
    const fault = fc.record({
      operation: fc.constantFrom(...CHAOS_OPERATIONS),
      call: fc.integer({ min: 1, max: 3 }),
      kind: fc.constantFrom(...faults),
    });
    arbitraries.push(fault.map((struck) => new Strike(struck)));
  }
  return arbitraries;
}
