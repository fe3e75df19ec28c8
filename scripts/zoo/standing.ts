// Where a bug stands: how hard it is to find, and whether its scenario knows it. The headline of the gate is made of that.
import type { Bug } from './bug.ts';

/**
 * `plain`: the plain schedule alone shows the bug. `within three`: any single strategy finds it in its first three executions, from at
 * least half of the cold starts. `exploration`: neither. It is measured, never declared.
 */
export type Difficulty = 'plain' | 'within three' | 'exploration';

/** What decides whether the gate is about a bug. */
export interface Standing {
  readonly difficulty: Difficulty;
  readonly knows?: Bug['knows'];
}

/** True for what the gate is about: it needs exploration, and its scenario does not know it. */
export function isHeadline({ difficulty, knows }: Standing): boolean {
  return difficulty === 'exploration' && knows === undefined;
}

/** Where a bug stands, in a word or two. */
export function standingText({ difficulty, knows }: Standing): string {
  return knows === undefined ? difficulty : `${difficulty}, known`;
}

/** What those outside of the headline are. */
export function standingLine(others: readonly Standing[]): string {
  const known = others.filter(({ knows }) => knows !== undefined).length;
  const easy = (['plain', 'within three'] as const).map((name) => {
    const count = others.filter(({ difficulty, knows }) => difficulty === name && knows === undefined).length;
    return `${count} ${name}`;
  });
  return `not in the headline (${[...easy, `${known} known to their scenarios`].join(', ')})`;
}
