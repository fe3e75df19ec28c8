/** The words for executions that all took the same way, because their code left nothing to decide. */
import { counted } from '../model/plural.ts';

/** For more than one execution with one seed. Names what would be decided, of which awaits are the least known. */
export function nothingDecidedText(executions: number): string {
  return [
    `nothing was decided in ${counted(executions, 'execution')}, so all of them were the same.`,
    'Decided are timers that are due together, sim.choose and its like, and faults;',
    'the order of plain awaits is too, if their modules are rewritten (docs/awaits.md).',
  ].join(' ');
}
