/**
 * `dryrunner start`: the main job. Runs the shipped scenarios in virtual time, then real commands, and compares
 * simulated with real results.
 */
import { join } from 'node:path';
import { createExecRunner } from '../host/exec-runner.ts';
import { createTempDirs } from '../host/filers/temp-dirs.ts';
import { createLocalOutputs } from '../host/outputs/local-output.ts';
import { makeTempFolder, type TempFolder } from '../host/temp-folder.ts';
import type { Command } from '../model/command.ts';
import { waitForever } from '../model/query.ts';
import { ALL_MASK, maskForState } from '../model/state-mask.ts';
import { finalStatus } from '../model/status-lookup.ts';
import { hasField, TERMINAL_STATES } from '../model/run-state.ts';
import type { RunStatus } from '../model/run-status.ts';
import type { Service } from '../model/service.ts';
import { createSimulatedRunner } from '../runners/simulated-runner.ts';
import { simulate } from '../simulation/simulate.ts';
import { plural } from '../model/plural.ts';
import { EXIT_STATUS, type ExitStatus } from './exit-status.ts';
import { Interruption } from './interruption.ts';
import { printSummaries, rehearse, statusOf } from './rehearsal.ts';
import { findScenarios } from './scenario-loader.ts';
import type { Terminal } from './terminal.ts';
import { textTable } from './text-table.ts';

/** One command to compare, for both runners. */
export interface Rehearsal {
  readonly title: string;
  readonly script: Command;
  readonly real: Command;
  /** Aborts the run this many milliseconds after its start. */
  readonly abortAfterMs?: number;
}

/** The results of both runners. */
export interface Agreement {
  readonly title: string;
  readonly simulated: string;
  readonly real: string;
  readonly agrees: boolean;
}

/** A few commands that reveal most about a runner. */
export const REHEARSALS: readonly Rehearsal[] = [
  { title: 'exit 0', script: { argv: ['complete 0'] }, real: { argv: ['true'] } },
  {
    title: 'exit 3 after output',
    script: { argv: ['stdout hi', 'complete 3'] },
    real: { argv: ['sh', '-c', 'echo hi; exit 3'] },
  },
  {
    title: 'death by SIGKILL',
    script: { argv: ['signal SIGKILL'] },
    real: { argv: ['sh', '-c', 'kill -9 $$'] },
  },
  {
    title: 'past its timeout',
    script: { argv: ['sleep 60000'], timeoutMs: 200 },
    real: { argv: ['sleep', '60'], timeoutMs: 200 },
  },
  { title: 'aborted', script: { argv: ['sleep 60000'] }, real: { argv: ['sleep', '60'] }, abortAfterMs: 200 },
  {
    title: 'aborted with children',
    script: { argv: ['fork', 'orphan', 'sleep 60000'] },
    real: { argv: ['sh', '-c', 'sleep 60 & setsid sleep 60 & wait'] },
    abortAfterMs: 200,
  },
  { title: 'no such program', script: { argv: ['no such step'] }, real: { argv: ['/no/such/program'] } },
];

const HAS_BEGUN = maskForState('RUNNING', ...TERMINAL_STATES);

/** Runs the same command on the simulated runner, as a script, and on the real one, and compares the results (R210). */
export async function compareRunners(rehearsal: Rehearsal, { path }: TempFolder): Promise<Agreement> {
  let simulated = '';
  const verdict = await simulate({
    name: 'agreement',
    scenario: async (sim) => {
      const runner = createSimulatedRunner(sim.world);
      simulated = await outcome(runner, rehearsal.script, rehearsal.abortAfterMs, (ms) => sim.sleep(ms));
      await runner.release();
    },
  });
  if (!verdict.held) simulated = `failed: ${verdict.failure?.message ?? ''}`;
  const runner = createExecRunner({
    outputs: createLocalOutputs({ dir: join(path, 'logs') }),
    tempDirs: createTempDirs({ root: path }),
  });
  try {
    const real = await outcome(runner, rehearsal.real, rehearsal.abortAfterMs, (ms) => pause(ms));
    return { title: rehearsal.title, simulated, real, agrees: verdict.held && simulated === real };
  } finally {
    await runner.release();
    await runner.outputs.dispose();
  }
}

async function outcome(
  runner: Service,
  command: Command,
  abortAfterMs: number | undefined,
  wait: (ms: number) => Promise<void>,
): Promise<string> {
  const { runId } = await runner.run(command);
  const seen: RunStatus[] = [];
  if (abortAfterMs !== undefined) {
    // Without a timeout, because starting may take long on a busy machine.
    await runner.query({ runs: [runId], states: HAS_BEGUN }, waitForever());
    await wait(abortAfterMs);
    seen.push(...(await runner.queryNow({ runs: [runId], states: ALL_MASK })).statuses);
    await runner.abort(runId);
  }
  const { status } = await finalStatus(runner, runId);
  const path = [...seen, status].map(({ state }) => state).join(' → ');
  return hasField(status.state, 'exitCode') ? `${path} ${status.exitCode}` : path;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Options as typed. */
export interface StartCommandOptions {
  readonly seeds: number;
  readonly json?: boolean;
}

/** Does the main job. Exit code 0 if every scenario held and both runners agree. */
export async function startCommand(
  terminal: Terminal,
  { seeds, json = false }: StartCommandOptions,
): Promise<ExitStatus> {
  const interruption = new Interruption({ hasProcesses: true });
  try {
    const scenarios = await interruption.unlessRequested(findScenarios([]), 'scenarios were loading');
    if (!json) {
      terminal.line(
        terminal.style('bold', `Shipped scenarios in virtual time, ${seeds} ${plural(seeds, 'seed')} each`),
      );
    }
    const seedList = Array.from({ length: seeds }, (_, index) => String(index + 1));
    const rehearsal = await rehearse(terminal, scenarios, interruption, {
      seeds: seedList,
      json,
    });
    if (!json) printSummaries(terminal, rehearsal.summaries);
    const status = statusOf(rehearsal, interruption);
    if (interruption.requested) return status;
    const agreements = await compare(terminal, json, interruption);
    if (!json) printAgreements(terminal, agreements);
    if (interruption.status !== undefined) return interruption.status;
    return agreements.every(({ agrees }) => agrees) ? status : EXIT_STATUS.FAILED;
  } finally {
    interruption.dispose();
  }
}

async function compare(terminal: Terminal, json: boolean, interruption: Interruption): Promise<Agreement[]> {
  const agreements: Agreement[] = [];
  const temporary = makeTempFolder('start');
  try {
    for (const rehearsal of REHEARSALS) {
      if (interruption.requested) break;
      terminal.progress(`real commands: ${rehearsal.title}`);
      const agreement = await compareRunners(rehearsal, temporary);
      agreements.push(agreement);
      if (!agreement.agrees) terminal.noteFailure();
      if (json) terminal.json({ type: 'agreement', ...agreement });
    }
  } finally {
    await temporary.remove();
  }
  terminal.progress('');
  return agreements;
}

function printAgreements(terminal: Terminal, agreements: readonly Agreement[]): void {
  terminal.line();
  terminal.line(terminal.style('bold', 'The same commands on the simulated and on the exec runner'));
  const rows = agreements.map(({ title, simulated, real, agrees }) => [
    title,
    simulated,
    real,
    agrees ? terminal.style('green', 'agree') : terminal.style('red', 'differ'),
  ]);
  const head = ['command', 'simulated', 'real', ''];
  for (const line of textTable(head, rows, { columns: terminal.tableColumns })) terminal.line(line);
  const agreeing = agreements.filter(({ agrees }) => agrees).length;
  terminal.line(`${agreeing} of ${agreements.length} agree.`);
}
