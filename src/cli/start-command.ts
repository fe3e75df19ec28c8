/** `dryrunner start`: the main job. The shipped scenarios in virtual time, then real commands, and how simulated and real agree. */
import { plural } from '../model/plural.ts';
import { compareRunners, REHEARSALS, type Agreement } from './agreement.ts';
import { EXIT_STATUS, type ExitStatus } from './exit-status.ts';
import { Interruption } from './interruption.ts';
import { printSummaries, rehearse, statusOf } from './rehearsal.ts';
import { findScenarios } from './scenario-loader.ts';
import type { Terminal } from './terminal.ts';
import { textTable } from './text-table.ts';

/** Options as typed. */
export interface StartCommandOptions {
  readonly seeds: number;
  readonly json?: boolean;
}

/** Does the main job; 0 if every scenario held and both runners agree. */
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
  for (const rehearsal of REHEARSALS) {
    if (interruption.requested) break;
    terminal.progress(`real commands: ${rehearsal.title}`);
    const agreement = await compareRunners(rehearsal);
    agreements.push(agreement);
    if (json) terminal.json({ type: 'agreement', ...agreement });
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
  for (const line of textTable(['command', 'simulated', 'real', ''], rows)) terminal.line(line);
  const agreeing = agreements.filter(({ agrees }) => agrees).length;
  terminal.line(`${agreeing} of ${agreements.length} agree.`);
}
