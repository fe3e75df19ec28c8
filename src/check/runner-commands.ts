/**
 * Model-based commands against a runner: run, abort, query, look in all ways, wait, release, let time pass, strike a
 * fault. Each does one thing and reports the reply to the model. With chaos in between, an injected error is an answer
 * like any other, after which nothing is certain.
 */
import { NAT } from './nat.ts';
import * as is from '../kernel/shape.ts';
import fc from 'fast-check';
import { check } from '../kernel/argument-check.ts';
import { sleep } from '../kernel/clock.ts';
import { isRunnerError } from '../kernel/errors.ts';
import { plural } from '../model/plural.ts';
import { isTerminal } from '../model/run-state.ts';
import type { RunID, RunStatus } from '../model/run-status.ts';
import type { Command } from '../model/command.ts';
import { ALL_MASK, DONE_MASK, RUNNING_MASK, type StateMask } from '../model/state-mask.ts';
import { CHAOS_OPERATIONS, type ScheduledFault } from '../network/fault-plan.ts';
import { ContractBrokenError } from '../oracles/contract-broken-error.ts';
import {
  answered,
  forgottenText,
  later,
  runnerCommand,
  type RunnerCommand,
  type CommandedRunner,
} from './runner-command.ts';
import { naturalEnd, type NaturalEnd, type RunnerModel } from './runner-model.ts';
import { simScript, simStep } from '../execers/sim-step.ts';
import { COMMAND_FIELDS, commands, type CommandConstraints } from './sim-script-arbitrary.ts';
import { finishing, firstActive, UNUSUAL_WAITS, unusualWait, waitForEnd } from './wait-commands.ts';
import { NO_WAIT } from '../model/query.ts';

function run(command: Command, isConcurrent: boolean): RunnerCommand {
  return runnerCommand(`run${isConcurrent ? ' beside' : ''}${offerText(command)}`, async (model, real) => {
    if (isConcurrent) await firstActive(model, real);
    await lookAt(model, real);
    await offer(command, model, real);
  });
}

/**
 * Offers one command more than there is room for, back to back, so that a runner fills up even if commands end
 * immediately.
 */
function fill(command: Command): RunnerCommand {
  return runnerCommand(`fill${offerText(command)}`, async (model, real) => {
    // Only once, because a large runner has many runs to look at.
    await lookAt(model, real);
    for (let offered = 0; offered <= model.capacity; offered += 1) {
      if (!(await offer(command, model, real))) return;
    }
  });
}

function offerText({ argv, timeoutMs }: Command): string {
  return `(${JSON.stringify(argv)}${timeoutMs === undefined ? '' : `, timeoutMs ${timeoutMs}`})`;
}

/** Called before an offer, so that the model knows what has ended; nothing can happen between this and the offer. */
async function lookAt(model: RunnerModel, { service }: CommandedRunner): Promise<void> {
  const since = model.mark();
  const before = await answered(service.statusAll());
  if (before !== undefined) model.sawTogether('statusAll', before.statuses, since);
}

/** Offers a command; false if the runner refused it. */
async function offer(command: Command, model: RunnerModel, real: CommandedRunner): Promise<boolean> {
  const { service, translate } = real;
  const offered = translate?.(command) ?? { command, end: naturalEnd(command) };
  const since = model.mark();
  try {
    const status = await answered(service.run(offered.command));
    if (status === undefined) await seek(command, offered.end, model, real);
    else model.accepted(command, status, offered.end);
    return true;
  } catch (error) {
    if (!isRunnerError(error)) throw error;
    model.rejected(error.code, since);
    return false;
  }
}

/** Called when the reply to an offer was lost: a listed run that the model does not know is the offered one. */
async function seek(
  command: Command,
  end: NaturalEnd | undefined,
  model: RunnerModel,
  { service }: CommandedRunner,
): Promise<void> {
  // The planned fault may hit this look as well; there is only one fault.
  const all = (await answered(service.statusAll())) ?? (await service.statusAll());
  const known = new Set(model.runIds);
  const found = all.statuses.find(({ runId }) => !known.has(runId));
  if (found !== undefined) model.found(command, found, end);
}

/**
 * Offers a command that never ends and aborts the active run, because other generated commands may end before an abort
 * arrives.
 */
function stop(): RunnerCommand {
  return runnerCommand(
    'run(["hang"]), and abort the active run',
    async (model, real) => {
      await lookAt(model, real);
      await offer({ argv: simScript(simStep.hang()) }, model, real);
      const active = await firstActive(model, real);
      if (active === undefined) return;
      model.abortAsked(active);
      await abortRun(model, real, active);
    },
    (model) => !model.isReleased,
  );
}

/** How to abort: without awaiting it, awaiting it, or of the active run. */
type AbortManner = 'background' | 'await' | 'active';

function abort(index: number, manner: AbortManner): RunnerCommand {
  return runnerCommand(
    `${MANNERS[manner]}(run ${index})`,
    async (model, real) => {
      const active = manner === 'active' ? await firstActive(model, real) : undefined;
      const runId = active ?? model.runAt(index)?.runId;
      if (runId === undefined) return;
      model.abortAsked(runId);
      const aborted = abortRun(model, real, runId);
      if (manner === 'background') later(real, aborted);
      else await aborted;
    },
    (model) => model.runAt(index) !== undefined && !model.isReleased,
  );
}

async function abortRun(model: RunnerModel, { service }: CommandedRunner, runId: RunID): Promise<void> {
  // Both in one turn: if the run is over by then, it must stay as it is (R72), and `watchAnswers` has seen its end. The
  // look is not reported to the model, because a late answer may be older than what the model knows.
  const since = model.mark();
  const looked = answered(service.status(runId));
  const aborted = answered(service.abort(runId));
  const [, status] = await Promise.all([looked, aborted]);
  if (status === undefined) return;
  model.saw(status, since);
  const now = await answered(service.status(runId));
  if (now !== undefined && now.status.state !== status.state) {
    throw new ContractBrokenError('R207', `abort said ${status.state}, status says ${now.status.state}`);
  }
}

const MANNERS: Readonly<Record<AbortManner, string>> = {
  background: 'abort',
  await: 'await abort',
  active: 'abort the active run, or',
};

function release(): RunnerCommand {
  return runnerCommand('release()', (model, real) => {
    model.releaseAsked();
    later(real, real.service.release());
    return Promise.resolve();
  });
}

function pass(ms: number): RunnerCommand {
  return runnerCommand(`pass(${ms} ms)`, (_model, { world }) => sleep(world.clock, ms));
}

function strike(fault: ScheduledFault): RunnerCommand {
  const { operation, call, kind } = fault;
  return runnerCommand(`strike(${kind} ${operation} ${call})`, (_model, { chaos }) => {
    chaos?.setPlan({ schedule: [fault] });
    return Promise.resolve();
  });
}

/** Constraints for generated lists of commands. */
export interface RunnerCommandConstraints extends CommandConstraints {
  /** Whether a `release` may occur. Default true. */
  readonly mayRelease?: boolean;
  /** The longest time that one command lets pass, or waits for an end. Default 500. */
  readonly maxWaitMs?: number;
  /** Kinds of faults to strike between the calls, if there is chaos. Default: none. */
  readonly faults?: readonly ('before' | 'after')[];
}

/** The shapes of these constraints. */
export const RUNNER_COMMAND_FIELDS: is.OptionalShapes<RunnerCommandConstraints> = {
  ...COMMAND_FIELDS,
  mayRelease: is.BOOLEAN,
  maxWaitMs: NAT,
  faults: is.listOf(is.oneOf('before', 'after')),
};
const CONSTRAINTS = is.optionsOf<RunnerCommandConstraints>({}, RUNNER_COMMAND_FIELDS);

/**
 * Arbitraries for single commands. Draw an array of them: the shrinking of `fc.commands` cannot be repeated by a path.
 * See {@link runnerProperty}.
 */
export function runnerCommandArbitraries(
  constraints: RunnerCommandConstraints = {},
): fc.Arbitrary<RunnerCommand>[] {
  check('constraints', constraints, CONSTRAINTS);
  return weightedCommands(constraints).map(({ arbitrary }) => arbitrary);
}

/**
 * {@link runnerCommandArbitraries} for constraints that were checked, weighted so that sequences reach much: a release,
 * after which little happens, is rare.
 */
export function weightedCommands(
  constraints: RunnerCommandConstraints,
): (fc.WeightedArbitrary<RunnerCommand> & { weight: number })[] {
  const { mayRelease = true, mayHang = true, maxWaitMs = 500, faults = [] } = constraints;
  const index = fc.nat(7);
  const command = commands(constraints);
  const manner = fc.constantFrom<AbortManner>('background', 'await', 'active');
  const weighted: (fc.WeightedArbitrary<RunnerCommand> & { weight: number })[] = [
    { weight: 12, arbitrary: command.map((offered) => run(offered, false)) },
    { weight: 4, arbitrary: command.map((offered) => run(offered, true)) },
    { weight: 3, arbitrary: command.map(fill) },
    { weight: 6, arbitrary: fc.tuple(index, manner).map(([at, how]) => abort(at, how)) },
    {
      weight: 4,
      arbitrary: fc.constantFrom(ALL_MASK, DONE_MASK, RUNNING_MASK).map(query),
    },
    {
      weight: 6,
      arbitrary: fc
        .tuple(index, fc.constantFrom(...[0, 1, 10, 50, 500].map((ms) => Math.min(ms, maxWaitMs))))
        .map(([at, timeoutMs]) => waitForEnd(at, timeoutMs)),
    },
    { weight: 6, arbitrary: fc.nat(Math.min(120, maxWaitMs)).map(pass) },
    { weight: 4, arbitrary: fc.nat(3).map(look) },
    { weight: 6, arbitrary: index.map(finishing) },
    {
      weight: 6,
      arbitrary: fc
        .tuple(index, fc.constantFrom(...UNUSUAL_WAITS, 'cancelled' as const))
        .map(([at, kind]) => unusualWait(at, kind)),
    },
  ];
  if (mayHang) weighted.push({ weight: 2, arbitrary: fc.constant(stop()) });
  if (mayRelease) weighted.push({ weight: 1, arbitrary: fc.constant(release()) });
  if (faults.length > 0) {
    const fault = fc.record({
      operation: fc.constantFrom(...CHAOS_OPERATIONS),
      call: fc.integer({ min: 1, max: 3 }),
      kind: fc.constantFrom(...faults),
    });
    weighted.push({ weight: 6, arbitrary: fault.map(strike) });
  }
  return weighted;
}

/** A command that reads runs, and reports everything shown to the model, which knows what may be shown now. */
function query(states: StateMask): RunnerCommand {
  const name = states === ALL_MASK ? 'all' : states === DONE_MASK ? 'done' : 'running';
  return runnerCommand(`query(${name})`, async (model, { service }) => {
    const since = model.mark();
    const result = await answered(service.queryNow({ allRuns: true, states }));
    if (result === undefined) return;
    model.sawTogether('queryNow', result.statuses, since);
    const ids = result.statuses.map(({ runId }) => runId);
    const inOrder = model.runIds.filter((runId) => ids.includes(runId));
    if (ids.join() !== inOrder.join()) {
      throw new ContractBrokenError('R37', orderText('queryNow', inOrder, ids));
    }
    if (states === ALL_MASK && ids.length !== model.runIds.length) {
      throw new ContractBrokenError('R24', missingText('queryNow', model, ids));
    }
  });
}

function orderText(call: string, ids: readonly RunID[], shown: readonly RunID[]): string {
  return `${call}: expected runs in the order of acceptance, ${ids.join(', ')}, got ${shown.join(', ')}`;
}

function missingText(call: string, { runs, runIds }: RunnerModel, shown: readonly RunID[]): string {
  const missing = runs.filter(({ runId }) => !shown.includes(runId));
  const first = missing.find(({ seen }) => !isTerminal(seen.state)) ?? missing[0];
  const text = `${call}: expected all runs that were accepted, ${runsText(runIds)}, got ${runsText(shown)}`;
  return first === undefined ? text : `${text}: ${forgottenText(first)}`;
}

function runsText(ids: readonly RunID[]): string {
  return ids.length === 0 ? 'none' : `${plural(ids.length, 'run')} ${ids.join(', ')}`;
}

const READS = ['status', 'statusAll', 'queryNow', 'query'] as const;
type ReadName = (typeof READS)[number];

/** Reads in every way, in some order: no answer may be older than the one before it. */
function look(turn: number): RunnerCommand {
  const order = READS.map((_read, at) => READS[(at + turn) % READS.length] as ReadName);
  return runnerCommand(`look(${order.join(', ')})`, async (model, { service }) => {
    const ids = model.runIds;
    const all = { runs: ids, states: ALL_MASK };
    const each = async (): Promise<readonly RunStatus[]> =>
      (await Promise.all(ids.map((runId) => service.status(runId)))).map(({ status }) => status);
    const reads: Readonly<Record<ReadName, () => Promise<readonly RunStatus[]>>> = {
      // One answer at a time: in between, a run may end and another one may be accepted.
      status: each,
      statusAll: async () => (await service.statusAll()).statuses,
      queryNow: async () => (await service.queryNow(all)).statuses,
      query: async () => (await service.query(all, NO_WAIT)).statuses,
    };
    for (const name of order) {
      const since = model.mark();
      const statuses = await answered(reads[name]());
      if (statuses === undefined) continue;
      if (name === 'status') for (const status of statuses) model.saw(status, since);
      else model.sawTogether(name, statuses, since);
      const shown = statuses.map(({ runId }) => runId);
      if (shown.join() === ids.join()) continue;
      if ([...shown].sort().join() !== [...ids].sort().join()) {
        throw new ContractBrokenError('R43', missingText(name, model, shown));
      }
      throw new ContractBrokenError('R37', orderText(name, ids, shown));
    }
  });
}
