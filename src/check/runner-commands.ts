/**
 * Model-based commands against a runner: run, abort, query, look in all ways, wait, release, let time pass, strike a fault. Each does one
 * thing, and reports to the model what came back. With chaos in between, an injected error is an answer like any other, after which nothing is certain.
 */
import fc from 'fast-check';
import { checkRecord } from '../kernel/argument-check.ts';
import { isRunnerError } from '../kernel/errors.ts';
import type { RunID, RunStatus } from '../model/run-status.ts';
import type { Command } from '../model/command.ts';
import { ALL_MASK, DONE_MASK, RUNNING_MASK, type StateMask } from '../model/state-mask.ts';
import { CHAOS_OPERATIONS, type ScheduledFault } from '../network/fault-plan.ts';
import {
  answered,
  later,
  RunnerCommandBase,
  type RunnerCommand,
  type CommandedRunner,
} from './runner-command.ts';
import { ContractBrokenError, type RunnerModel } from './runner-model.ts';
import { commandArbitrary, type CommandConstraints } from './sim-script-arbitrary.ts';
import { Finish, firstActive, ODD_KINDS, OddWait, WaitForEnd } from './wait-commands.ts';
import { NO_WAIT } from '../model/query.ts';

class Run extends RunnerCommandBase {
  readonly #command: Command;
  readonly #isBeside: boolean;

  constructor(command: Command, isBeside: boolean) {
    super();
    this.#command = command;
    this.#isBeside = isBeside;
  }

  async run(model: RunnerModel, real: CommandedRunner): Promise<void> {
    const { service } = real;
    if (this.#isBeside) await firstActive(model, real);
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
    return `run${this.#isBeside ? ' beside' : ''}(${JSON.stringify(argv)}${timeoutMs === undefined ? '' : `, timeoutMs ${timeoutMs}`})`;
  }
}

/** How an abort is asked for: and not waited for, and waited for, or of the run that is at work. */
type AbortManner = 'background' | 'await' | 'active';

class Abort extends RunnerCommandBase {
  readonly #index: number;
  readonly #manner: AbortManner;

  constructor(index: number, manner: AbortManner) {
    super();
    this.#index = index;
    this.#manner = manner;
  }

  override check(model: Readonly<RunnerModel>): boolean {
    return model.runAt(this.#index) !== undefined && !model.isReleased;
  }

  async run(model: RunnerModel, real: CommandedRunner): Promise<void> {
    const active = this.#manner === 'active' ? await firstActive(model, real) : undefined;
    const runId = active ?? model.runAt(this.#index)?.runId;
    if (runId === undefined) return;
    model.abortAsked(runId);
    const aborted = this.#abort(model, real, runId);
    if (this.#manner === 'background') later(real, aborted);
    else await aborted;
  }

  toString(): string {
    return `${MANNERS[this.#manner]}(run ${this.#index})`;
  }

  async #abort(model: RunnerModel, { service }: CommandedRunner, runId: RunID): Promise<void> {
    const status = await answered(service.abort(runId));
    if (status === undefined) return;
    model.saw(status);
    const now = await answered(service.status(runId));
    if (now !== undefined && now.status.state !== status.state) {
      throw new ContractBrokenError('R207', `abort said ${status.state}, status says ${now.status.state}`);
    }
  }
}

const MANNERS: Readonly<Record<AbortManner, string>> = {
  background: 'abort',
  await: 'await abort',
  active: 'abort the active run, or',
};

class Release extends RunnerCommandBase {
  async run(model: RunnerModel, real: CommandedRunner): Promise<void> {
    model.releaseAsked();
    later(real, real.service.release());
    return Promise.resolve();
  }

  toString(): string {
    return 'release()';
  }
}

class Pass extends RunnerCommandBase {
  readonly #ms: number;

  constructor(ms: number) {
    super();
    this.#ms = ms;
  }

  run(_model: RunnerModel, { sim }: CommandedRunner): Promise<void> {
    return sim.sleep(this.#ms);
  }

  toString(): string {
    return `pass(${this.#ms} ms)`;
  }
}

class Strike extends RunnerCommandBase {
  readonly #fault: ScheduledFault;

  constructor(fault: ScheduledFault) {
    super();
    this.#fault = fault;
  }

  run(_model: RunnerModel, { chaos }: CommandedRunner): Promise<void> {
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

/**
 * Arbitraries of single commands; draw an array of them, since a path cannot repeat what `fc.commands` shrinks by.
 * See {@link runnerProperty}.
 */
export function runnerCommandArbitraries(
  constraints: RunnerCommandConstraints = {},
): fc.Arbitrary<RunnerCommand>[] {
  return weightedCommands(constraints).map(({ arbitrary }) => arbitrary);
}

/** The same with weights that let sequences reach much: a release, after which little happens, is rare. */
export function weightedCommands(
  constraints: RunnerCommandConstraints,
): (fc.WeightedArbitrary<RunnerCommand> & { weight: number })[] {
  checkRecord('constraints', 'an object', constraints);
  const { mayRelease = true, faults = [] } = constraints;
  const index = fc.nat(7);
  const command = commandArbitrary(constraints);
  const manner = fc.constantFrom<AbortManner>('background', 'await', 'active');
  const commands: (fc.WeightedArbitrary<RunnerCommand> & { weight: number })[] = [
    { weight: 12, arbitrary: command.map((offered) => new Run(offered, false)) },
    { weight: 4, arbitrary: command.map((offered) => new Run(offered, true)) },
    { weight: 6, arbitrary: fc.tuple(index, manner).map(([at, how]) => new Abort(at, how)) },
    {
      weight: 4,
      arbitrary: fc.constantFrom(ALL_MASK, DONE_MASK, RUNNING_MASK).map((states) => new Query(states)),
    },
    {
      weight: 6,
      arbitrary: fc
        .tuple(index, fc.constantFrom(0, 1, 10, 50, 500))
        .map(([at, timeoutMs]) => new WaitForEnd(at, timeoutMs)),
    },
    { weight: 6, arbitrary: fc.nat(120).map((ms) => new Pass(ms)) },
    { weight: 4, arbitrary: fc.nat(3).map((turn) => new Look(turn)) },
    { weight: 6, arbitrary: index.map((at) => new Finish(at)) },
    {
      weight: 6,
      arbitrary: fc
        .tuple(index, fc.constantFrom(...ODD_KINDS, 'cancelled' as const))
        .map(([at, kind]) => new OddWait(at, kind)),
    },
  ];
  if (mayRelease) commands.push({ weight: 1, arbitrary: fc.constant(new Release()) });
  if (faults.length > 0) {
    const fault = fc.record({
      operation: fc.constantFrom(...CHAOS_OPERATIONS),
      call: fc.integer({ min: 1, max: 3 }),
      kind: fc.constantFrom(...faults),
    });
    commands.push({ weight: 6, arbitrary: fault.map((struck) => new Strike(struck)) });
  }
  return commands;
}

/** Commands that read: whatever they show is reported to the model, which knows what may be shown now. */
class Query extends RunnerCommandBase {
  readonly #states: StateMask;

  constructor(states: StateMask) {
    super();
    this.#states = states;
  }

  async run(model: RunnerModel, { service }: CommandedRunner): Promise<void> {
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

/** Every way of reading, in some order: what each shows may not be older than what the one before has shown. */
class Look extends RunnerCommandBase {
  readonly #turn: number;

  constructor(turn: number) {
    super();
    this.#turn = turn;
  }

  async run(model: RunnerModel, { service }: CommandedRunner): Promise<void> {
    const ids = model.runIds;
    const query = { runs: ids, states: ALL_MASK };
    const each = async (): Promise<readonly RunStatus[]> =>
      (await Promise.all(ids.map((runId) => service.status(runId)))).map(({ status }) => status);
    const reads: readonly (readonly [string, () => Promise<readonly RunStatus[]>])[] = [
      ['status', each],
      ['statusAll', async () => (await service.statusAll()).statuses],
      ['queryNow', async () => (await service.queryNow(query)).statuses],
      ['query', async () => (await service.query(query, NO_WAIT)).statuses],
    ];
    for (let read = 0; read < reads.length; read += 1) {
      const [name, ask] = reads[(read + this.#turn) % reads.length] ?? ['', each];
      const statuses = await answered(ask());
      if (statuses === undefined) continue;
      statuses.forEach((status) => model.saw(status));
      const shown = statuses.map(({ runId }) => runId);
      if (shown.join() === ids.join()) continue;
      const rule = [...shown].sort().join() === [...ids].sort().join() ? 'R37' : 'R43';
      throw new ContractBrokenError(rule, `${name} shows runs ${shown.join()}, of ${ids.join()}`);
    }
  }

  toString(): string {
    return `look(${this.#turn})`;
  }
}
