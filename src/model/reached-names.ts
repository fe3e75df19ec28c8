/** Which conditions of `sim.sometimes` executions have reached, by name, and the words for those that none did. */
import { reportText } from '../kernel/report-text.ts';

/** Adds what another execution has declared and reached. */
export function addReached(reached: Record<string, boolean>, more: Readonly<Record<string, boolean>>): void {
  for (const [name, isReached] of Object.entries(more)) reached[name] = isReached || reached[name] === true;
}

/** The words for names that were never reached in that many executions or sequences. */
export function neverReachedText(where: string, names: readonly string[]): string {
  return `never reached in ${where}: ${names.map(reportText).join(', ')}`;
}
