/**
 * Model-based commands against a runner: run, abort, query, look in all ways, wait, release, let time pass, strike a fault. Each does one
 * thing, and reports to the model what came back. With chaos in between, an injected error is an answer like any other, after which nothing is certain.
 */
import * as is from '../kernel/shape.ts';
import fc from 'fast-check';
import { check } from '../kernel/argument-check.ts';
import { sleep } from '../kernel/clock.ts';
import { isRunnerError } from '../kernel/errors.ts';
import type { RunID, RunStatus } from '../model/run-status.ts';
import type { Command } from '../model/command.ts';
import { ALL_MASK, DONE_MASK, RUNNING_MASK, type StateMask } from '../model/state-mask.ts';
import { CHAOS_OPERATIONS, type ScheduledFault } from '../network/fault-plan.ts';
import { ContractBrokenError } from '../oracles/contract-broken-error.ts';
import {
  answered,
  later,
  MUST_REMEMBER,
  runnerCommand,
  type RunnerCommand,
  type CommandedRunner,
} from './runner-command.ts';
import { naturalEnd, type NaturalEnd, type RunnerModel } from './runner-model.ts';
import { simScript, simStep } from '../execers/sim-step.ts';
import { COMMAND_FIELDS, commands, type CommandConstraints } from './sim-script-arbitrary.ts';
import { finishing, firstActive, ODD_KINDS, oddWait, waitForEnd } from './wait-commands.ts';
import { NO_WAIT } from '../model/query.ts';

function run(command: Command, isBeside: boolean): RunnerCommand {
  return runnerCommand(`run${isBeside ? ' beside' : ''}${offerText(command)}`, async (model, real) => {
    if (isBeside) await firstActive(model, real);
    await lookAt(model, real);
    await offer(command, model, real);
  });
}

/** Offers one command more than there is room for, back to back, so that a runner fills up even where commands end at once. */
function fill(command: Command): RunnerCommand {
  return runnerCommand(`fill${offerText(command)}`, async (model, real) => {
    // Once: the runs of a large runner are many to look at.
    await lookAt(model, real);
    for (let offered = 0; offered <= model.capacity; offered += 1) {
      if (!(await offer(command, model, real))) return;
    }
  });
}

function offerText({ argv, timeoutMs }: Command): string {
  return `(${JSON.stringify(argv)}${timeoutMs === undefined ? '' : `, timeoutMs ${timeoutMs}`})`;
}

/** Before an offer, so that the model knows what has ended; then nothing can happen before the offer. */
async function lookAt(model: RunnerModel, { service }: CommandedRunner): Promise<void> {
  const before = await answered(service.statusAll());
  if (before !== undefined) model.sawTogether('statusAll', before.statuses);
}

/** Returns false if the runner refused it. */
async function offer(command: Command, model: RunnerModel, real: CommandedRunner): Promise<boolean> {
  const { service, translate } = real;
  const offered = translate?.(command) ?? { command, end: naturalEnd(command) };
  try {
    const status = await answered(service.run(offered.command));
    if (status === undefined) await seek(command, offered.end, model, real);
    else model.accepted(command, status, offered.end);
    return true;
  } catch (error) {
    if (!isRunnerError(error)) throw error;
    model.rejected(error.code);
    return false;
  }
}

/** The reply to an offer was lost: a listed run that the model does not know is the one that was offered. */
async function seek(
  command: Command,
  end: NaturalEnd | undefined,
  model: RunnerModel,
  { service }: CommandedRunner,
): Promise<void> {
  // The planned fault may strike this look as well; there is only one.
  const all = (await answered(service.statusAll())) ?? (await service.statusAll());
  const known = new Set(model.runIds);
  const found = all.statuses.find(({ runId }) => !known.has(runId));
  if (found !== undefined) model.found(command, found, end);
}

/** Offers a command that never ends and aborts the active run: the other commands that are drawn may end before an abort arrives. */
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

/** How an abort is asked for: and not waited for, and waited for, or of the run that is at work. */
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
  // Both in one turn: a run that is over by then stays as it is (R72), and those who watch the answers have seen its end. The model
  // does not hear of it: what comes late may be older than what it knows.
  const looked = answered(service.status(runId));
  const aborted = answered(service.abort(runId));
  const [, status] = await Promise.all([looked, aborted]);
  if (status === undefined) return;
  model.saw(status);
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

/** What generated command lists may contain. */
export interface RunnerCommandConstraints extends CommandConstraints {
  /** Whether a `release` may come; default true. */
  readonly mayRelease?: boolean;
  /** The longest time that is let pass, or waited for an end, at once; default 500. */
  readonly maxWaitMs?: number;
  /** Kinds of faults to strike between the calls, if there is chaos; default none. */
  readonly faults?: readonly ('before' | 'after')[];
}

/** The shapes of what command lists may contain. */
export const RUNNER_COMMAND_FIELDS: is.OptionalShapes<RunnerCommandConstraints> = {
  ...COMMAND_FIELDS,
  mayRelease: is.BOOLEAN,
  maxWaitMs: is.integer(0, 2 ** 31 - 1),
  faults: is.listOf(is.oneOf('before', 'after')),
};
const CONSTRAINTS = is.optionsOf<RunnerCommandConstraints>({}, RUNNER_COMMAND_FIELDS);

/**
 * Arbitraries of single commands; draw an array of them, since a path cannot repeat what `fc.commands` shrinks by.
 * See {@link runnerProperty}.
 */
export function runnerCommandArbitraries(
  constraints: RunnerCommandConstraints = {},
): fc.Arbitrary<RunnerCommand>[] {
  check('constraints', constraints, CONSTRAINTS);
  return weightedCommands(constraints).map(({ arbitrary }) => arbitrary);
}

/**
 * The same, of constraints that were checked, with weights that let sequences reach much: a release, after which little happens, is rare.
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
        .tuple(index, fc.constantFrom(...ODD_KINDS, 'cancelled' as const))
        .map(([at, kind]) => oddWait(at, kind)),
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

/** Commands that read: whatever they show is reported to the model, which knows what may be shown now. */
function query(states: StateMask): RunnerCommand {
  const name = states === ALL_MASK ? 'all' : states === DONE_MASK ? 'done' : 'running';
  return runnerCommand(`query(${name})`, async (model, { service }) => {
    const result = await answered(service.queryNow({ allRuns: true, states }));
    if (result === undefined) return;
    model.sawTogether('queryNow', result.statuses);
    const ids = result.statuses.map(({ runId }) => runId);
    const inOrder = model.runIds.filter((runId) => ids.includes(runId));
    if (ids.join() !== inOrder.join()) {
      throw new ContractBrokenError('R37', orderText('queryNow', inOrder, ids));
    }
    if (states === ALL_MASK && ids.length !== model.runIds.length) {
      throw new ContractBrokenError('R24', missingText('queryNow', model.runIds, ids));
    }
  });
}

function orderText(call: string, ids: readonly RunID[], shown: readonly RunID[]): string {
  return `${call}: expected runs in the order of acceptance, ${ids.join(', ')}, got ${shown.join(', ')}`;
}

function missingText(call: string, ids: readonly RunID[], shown: readonly RunID[]): string {
  const isShort = ids.some((runId) => !shown.includes(runId));
  const got = shown.length === 0 ? 'none' : shown.join(', ');
  const text = `${call}: expected all runs that were accepted, ${ids.join(', ')}, got ${got}`;
  return isShort ? `${text}: ${MUST_REMEMBER}` : text;
}

/** Every way of reading, in some order: what each shows may not be older than what the one before has shown. */
function look(turn: number): RunnerCommand {
  return runnerCommand(`look(${turn})`, async (model, { service }) => {
    const ids = model.runIds;
    const all = { runs: ids, states: ALL_MASK };
    const each = async (): Promise<readonly RunStatus[]> =>
      (await Promise.all(ids.map((runId) => service.status(runId)))).map(({ status }) => status);
    const reads: readonly (readonly [string, () => Promise<readonly RunStatus[]>])[] = [
      // One answer for each run: in between a run may end and another one be accepted.
      ['status', each],
      ['statusAll', async () => (await service.statusAll()).statuses],
      ['queryNow', async () => (await service.queryNow(all)).statuses],
      ['query', async () => (await service.query(all, NO_WAIT)).statuses],
    ];
    for (let read = 0; read < reads.length; read += 1) {
      const [name, ask] = reads[(read + turn) % reads.length] ?? ['', each];
      const statuses = await answered(ask());
      if (statuses === undefined) continue;
      if (ask === each) for (const status of statuses) model.saw(status);
      else model.sawTogether(name, statuses);
      const shown = statuses.map(({ runId }) => runId);
      if (shown.join() === ids.join()) continue;
      if ([...shown].sort().join() !== [...ids].sort().join()) {
        throw new ContractBrokenError('R43', missingText(name, ids, shown));
      }
      throw new ContractBrokenError('R37', orderText(name, ids, shown));
    }
  });
}
