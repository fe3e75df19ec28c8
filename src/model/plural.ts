/** Nouns that agree with their count, in texts that people read. */

/** The noun as it stands behind that count: `1 timer`, `0 timers`, `2 timers`. Regular nouns only. */
export function plural(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`;
}
