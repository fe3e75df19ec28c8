/** `dryrunner list`: prints one line per scenario, of the shipped ones or of files. */
import { folded } from '../kernel/one-line.ts';
import { EXIT_STATUS, type ExitStatus } from './exit-status.ts';
import { findScenarios } from './scenario-loader.ts';
import type { Terminal } from './terminal.ts';
import { textTable } from './text-table.ts';

/** Prints names and descriptions. */
export async function listCommand(
  terminal: Terminal,
  references: readonly string[],
  { json = false }: { readonly json?: boolean },
): Promise<ExitStatus> {
  const rows = (await findScenarios(references)).map(({ definition: { name, description } }) => ({
    name,
    description,
  }));
  if (json) for (const row of rows) terminal.json({ type: 'scenario', ...row });
  else {
    for (const line of textTable(
      ['scenario', 'what it rehearses'],
      rows.map(({ name, description }) => [name, folded(description)]),
      { columns: terminal.tableColumns },
    )) {
      terminal.line(line);
    }
  }
  return EXIT_STATUS.HELD;
}
