/** Counts and nouns that agree with them, for texts that people read. Independent of the host's locale. */

/** Formats a count with separators between thousands: `1,234,567`. */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** The count with its noun: `1 timer`, `2,000 timers`. */
export function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${plural(count, noun)}`;
}

/** The noun in the form that follows a count: `1 timer`, `0 timers`, `2 timers`. Regular nouns only. */
export function plural(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`;
}

/** The suffix for something that occurs more than once, with `more` about it: ` (3 times)`; empty for once. */
export function timesText(count: number, more = ''): string {
  return count === 1 ? '' : ` (${formatCount(count)} times${more})`;
}

/** The place in a row: `1st`, `2nd`, `11th`. */
export function ordinal(count: number): string {
  const isTeen = Math.floor(count / 10) % 10 === 1;
  return `${count}${(isTeen ? undefined : ['th', 'st', 'nd', 'rd'][count % 10]) ?? 'th'}`;
}
