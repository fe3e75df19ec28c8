/** The text about executions that were all the same, because their code left nothing to decide. */
import { counted } from '../model/plural.ts';

/** For several executions with one seed. Names what a simulation decides, since few users know about awaits. */
export function nothingDecidedText(executions: number): string {
  return [
    `nothing was decided in ${counted(executions, 'execution')}, so all of them were the same.`,
    'A simulation decides the order of timers that are due together, the answers of sim.choose and its like, and faults;',
    'it decides the order of awaits only in modules that are rewritten (docs/awaits.md).',
  ].join(' ');
}
