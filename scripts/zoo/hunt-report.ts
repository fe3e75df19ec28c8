// Hunts for people: a row each, and the figures of all.
import type { Hunt } from './hunt.ts';
import type { HuntTarget } from './hunt-queue.ts';
import { isHeld } from './trial.ts';

/** The middle of some numbers; the mean of the two in the middle if there is none. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? NaN) + (sorted[Math.floor(middle)] ?? NaN)) / 2;
}

/** What is hunted, and where it stands among the bugs. */
interface RowTitle extends Pick<HuntTarget, 'id' | 'title'> {
  readonly standing?: string;
}

/** How a hunt ended, in a word. What has no bug is held only if it was explored. */
function endWord(hunt: Hunt, isHealthy: boolean): 'found' | 'held' | 'FAILED' | 'MISSED' {
  if (hunt.found) return 'found';
  if (!isHealthy) return 'MISSED';
  return isHeld(hunt) ? 'held' : 'FAILED';
}

/** Found or not, executions, seconds, events before and after shrinking, lines of history, and what went wrong. */
export function huntRow({ id, title, standing = '' }: RowTitle, hunt: Hunt, isHealthy: boolean): string {
  const { executions, seconds, eventsBefore, eventsAfter, history, sentence } = hunt;
  const events = eventsBefore === undefined ? '–' : `${eventsBefore} → ${eventsAfter}`;
  const figures = [
    id.padEnd(28),
    endWord(hunt, isHealthy).padEnd(6),
    `${executions} executions`.padStart(17),
    `${seconds.toFixed(1)} s`.padStart(7),
    `${events} events`.padStart(18),
    `${history?.length ?? '–'} lines`.padStart(9),
    ...(standing === '' ? [] : [` ${standing.padEnd(19)}`]),
  ];
  return `${figures.join(' ')}  ${title}${sentence === '' ? '' : `\n    ${sentence.split('\n')[0]}`}`;
}

/** What a terminal shows of the failure, between lines that say which bug it is. Its title would give the answer away. */
export function printedText(id: string, hunt: Hunt, isHealthy: boolean): string {
  const { printed = '', sentence } = hunt;
  const word = endWord(hunt, isHealthy);
  return [`===== ${id}${word === 'found' ? '' : ` ${word}`}`, printed.trimEnd(), sentence, ''].join('\n');
}

/** How many were found, and the medians of what it took. */
export function figuresLine(hunts: readonly Hunt[], total: number): string {
  const found = hunts.filter((hunt) => hunt.found);
  const parts = [`${found.length} of ${total} found`];
  const histories = found.flatMap(({ history }) => (history === undefined ? [] : [history.length]));
  if (found.length > 0) parts.push(`median ${median(found.map(({ executions }) => executions))} executions`);
  if (histories.length > 0) parts.push(`median history ${median(histories)} lines`);
  return parts.join(', ');
}
