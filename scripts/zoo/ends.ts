// Where the cold starts of one bug end: how many different histories their shrunk failures show.
import type { Hunt } from './hunt.ts';

/** More different histories of one bug than this, and shrinking has not got to the bottom of it. */
const ENDS_MAX = 2;

/** What the cold starts of one bug came to. */
export interface Ends {
  readonly id: string;
  /** How many starts were made, and how many of them found the bug. */
  readonly starts: number;
  readonly found: number;
  /** How many hunts ended with their process, before it reported what it found or shrunk it. */
  readonly died: number;
  /** The different histories, the most frequent first. */
  readonly histories: readonly EndHistory[];
}

/** One history, and how many starts ended in it. */
export interface EndHistory {
  readonly starts: number;
  readonly lines: readonly string[];
}

/** Those that show any history, and of them those with few. */
function fewEnds(all: readonly Ends[]): {
  readonly shown: readonly Ends[];
  readonly few: readonly Ends[];
} {
  const shown = all.filter(({ histories }) => histories.length > 0);
  return { shown, few: shown.filter(({ histories }) => histories.length <= ENDS_MAX) };
}

/** Two histories are one if they read alike. A bug that no seed repeats shows none. */
export function endsOf(id: string, hunts: readonly Hunt[]): Ends {
  const byText = new Map<string, { starts: number; readonly lines: readonly string[] }>();
  const found = hunts.filter((hunt) => hunt.found);
  for (const { history = [] } of found) {
    if (history.length === 0) continue;
    const text = history.join('\n');
    const end = byText.get(text) ?? { starts: 0, lines: history };
    end.starts += 1;
    byText.set(text, end);
  }
  const histories = [...byText.values()].sort((a, b) => b.starts - a.starts);
  const died = hunts.filter(({ hasDied = false }) => hasDied).length;
  return { id, starts: hunts.length, found: found.length, died, histories };
}

/** True if it was found at all, no hunt died, and what they found ends in few histories. */
export function endsWell({ found, died, histories }: Ends): boolean {
  return found > 0 && died === 0 && histories.length <= ENDS_MAX;
}

/** A row, and below it the histories of a bug that has too many. */
export function endsRows({ id, starts, found, died, histories }: Ends): string[] {
  const counts = histories.map((history) => history.starts).join(' + ');
  const row = `${id.padEnd(28)} ${String(found).padStart(3)} of ${starts} found  ${histories.length} ${
    histories.length === 1 ? 'history' : 'histories'
  }${counts === '' ? '' : ` (${counts})`}${died === 0 ? '' : `, ${died} DIED`}`;
  if (histories.length <= ENDS_MAX) return [row];
  const shown = histories.flatMap(({ starts: count, lines }) => [
    `    from ${count} of them:`,
    ...lines.map((line) => `      ${line}`),
  ]);
  return [row, ...shown];
}

/** How many bugs have few histories, of those that show any. */
export function endsLine(all: readonly Ends[]): string {
  const { shown, few } = fewEnds(all);
  const one = shown.filter(({ histories }) => histories.length === 1);
  const others = shown
    .filter((ends) => !few.includes(ends))
    .map(({ id, histories }) => `${id} ${histories.length}`);
  const named = (what: string, which: (ends: Ends) => boolean): string[] => {
    const ids = all.filter(which).map(({ id }) => id);
    return ids.length === 0 ? [] : [`${what}: ${ids.join(', ')}`];
  };
  const parts = [
    `${few.length} of ${shown.length} bugs end in at most ${ENDS_MAX} histories, ${one.length} in one`,
    ...(others.length === 0 ? [] : [`more: ${others.join(', ')}`]),
    ...named('not found', ({ found }) => found === 0),
    ...named('a hunt died', ({ died }) => died > 0),
  ];
  return parts.join('; ');
}
