/** Nouns that agree with their count, in texts that people read. */

/** The count with its noun: `1 timer`, `2 timers`. */
export function counted(count: number, noun: string): string {
  return `${count} ${plural(count, noun)}`;
}

/** The noun as it stands behind that count: `1 timer`, `0 timers`, `2 timers`. Regular nouns only. */
export function plural(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`;
}
