/** Counts, and nouns that agree with them, in texts that people read. The same in every language of the host. */

/** A count with thousands set apart: `1,234,567`. */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** The count with its noun: `1 timer`, `2,000 timers`. */
export function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${plural(count, noun)}`;
}

/** The noun as it stands behind that count: `1 timer`, `0 timers`, `2 timers`. Regular nouns only. */
export function plural(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`;
}

/** That something is there more than once, behind its words: ` (3 times)`; empty for once. */
export function timesText(count: number): string {
  return count === 1 ? '' : ` (${formatCount(count)} times)`;
}
