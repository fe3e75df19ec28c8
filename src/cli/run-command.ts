/** `dryrunner run`: runs scenarios over seeds and prints one verdict row per scenario. */
import { plural } from '../model/plural.ts';
import { recordOf } from '../threads/execution-record.ts';
import { UsageError, type ExitStatus } from './exit-status.ts';
import { threadLimits } from './explore-options.ts';
import { HANG_MS } from './explore-defaults.ts';
import { Interruption } from './interruption.ts';
import { failuresOfEarlier } from './failure-alone.ts';
import { printSummaries, rehearse, statusOf, type NamedVerdict, type Rehearsal } from './rehearsal.ts';
import { asArgument, ownLine } from './rerun-line.ts';
import { findScenarios, type LoadedScenario } from './scenario-loader.ts';
import type { Terminal } from './terminal.ts';
import {
  checkExecutionFiles,
  requireOwnFiles,
  writeExecution,
  writeTrace,
  type ExecutionTarget,
} from './execution-files.ts';
import { writeAfterResult } from './trace-target.ts';

/** Options as typed. */
export interface RunCommandOptions {
  readonly seed?: string;
  readonly seeds?: number;
  readonly json?: boolean;
  readonly trace?: string;
  readonly timeline?: string;
  /** Milliseconds; default {@link HANG_MS}. */
  readonly hang?: number;
}

interface RunPlan {
  /** The scenarios, as typed. */
  readonly references: readonly string[];
  readonly hangMs: number;
  readonly seeds: readonly string[];
  readonly json: boolean;
  readonly trace: string | undefined;
  readonly timeline: string | undefined;
}

/** Runs the scenarios and prints their verdicts. */
export async function runCommand(
  terminal: Terminal,
  references: readonly string[],
  options: RunCommandOptions,
): Promise<ExitStatus> {
  const { json = false, trace, timeline, hang: hangMs = HANG_MS } = options;
  const seeds = seedsOf(options);
  await requireOwnFiles({ trace, timeline }, [], references);
  const interruption = new Interruption();
  try {
    const scenarios = await interruption.alongsideForeignCode(() =>
      interruption.unlessRequested(findScenarios(references), 'scenarios were loading'),
    );
    const plan = { references, seeds, json, trace, timeline, hangMs };
    return await runScenarios(terminal, scenarios, interruption, plan);
  } finally {
    interruption.dispose();
  }
}

async function runScenarios(
  terminal: Terminal,
  scenarios: readonly LoadedScenario[],
  interruption: Interruption,
  { references, seeds, json, trace, timeline, hangMs }: RunPlan,
): Promise<ExitStatus> {
  if (trace !== undefined && scenarios.length * seeds.length !== 1) {
    const got = `${scenarios.length} ${plural(scenarios.length, 'scenario')} and ${seeds.length} ${plural(seeds.length, 'seed')}`;
    throw new UsageError(`--trace keeps one run: expected one scenario and one seed, got ${got}`);
  }
  await checkExecutionFiles({ trace, timeline }, false);
  const rehearsal = await rehearse(terminal, scenarios, interruption, {
    ...{ seeds, json },
    keepTrace: trace !== undefined,
    hangMs,
  });
  if (!json) await printRehearsal(terminal, rehearsal, interruption, { hangMs, references, seeds });
  const { first, firstFailure: drawn = first } = rehearsal;
  const status = statusOf(rehearsal, interruption);
  await writeAfterResult(terminal, status, async () => {
    if (trace !== undefined && first !== undefined) {
      await keepTrace(terminal, first, { trace, json, interruption });
    }
  });
  await writeAfterResult(terminal, status, async () => {
    if (timeline === undefined || drawn === undefined) return;
    await drawRun(terminal, drawn, { timeline, json, interruption }, hangMs);
  });
  return statusOf(rehearsal, interruption);
}

async function printRehearsal(
  terminal: Terminal,
  rehearsal: Rehearsal,
  interruption: Interruption,
  { hangMs, references, seeds }: Pick<RunPlan, 'hangMs' | 'references' | 'seeds'>,
): Promise<void> {
  const ofEarlier = await failuresOfEarlier(rehearsal, interruption, hangMs);
  printSummaries(terminal, rehearsal.summaries, (failing) => {
    if (!ofEarlier.has(failing)) return undefined;
    const [seed = '1'] = seeds;
    const last = rehearsal.summaries.length === 1 ? failing.seed : String(seeds.length);
    return ownLine([
      'run',
      ...references.map(asArgument),
      ...(seeds.length === 1 ? ['--seed', seed] : ['--seeds', last]),
    ]);
  });
}

function seedsOf({ seed, seeds }: RunCommandOptions): string[] {
  if (seed !== undefined && seeds !== undefined) {
    throw new UsageError('give either --seed S or --seeds N, not both');
  }
  return seeds === undefined ? [seed ?? '1'] : Array.from({ length: seeds }, (_, index) => String(index + 1));
}

async function drawRun(
  terminal: Terminal,
  { reference: scenario, verdict }: NamedVerdict,
  target: ExecutionTarget,
  hangMs: number,
): Promise<void> {
  const { seed, failure } = verdict;
  if (failure?.kind === 'hang') {
    terminal.note(`no timeline: ${failure.message}`);
    return;
  }
  const limits = threadLimits({ hang: hangMs });
  await writeExecution(terminal, target, { scenario, seed, log: verdict.decisions() }, limits);
}

async function keepTrace(
  terminal: Terminal,
  { reference, verdict }: NamedVerdict,
  target: ExecutionTarget & { readonly trace: string },
): Promise<void> {
  await writeTrace(terminal, target, recordOf(verdict), { scenario: reference, seed: verdict.seed });
}
