// Looks for what hostile programs may leave behind, with eyes of its own: nothing here uses the code under test.
import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** Digits that no other run has; they fit behind the decimal point of a `sleep`. */
export function newMark(): string {
  return `${randomInt(1e5, 1e6)}${randomInt(1e5, 1e6)}`;
}

/** Living processes with the mark in their environment or arguments; zombies are not alive. This process does not count. */
export function livingWithMark(mark: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
    .filter((pid) => read(pid, 'environ').includes(mark) || read(pid, 'cmdline').includes(mark))
    .filter((pid) => isAlive(pid));
}

/** Open file descriptors of this process. */
export function openFiles(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Looks until `holds`; false if it does not within five seconds. */
export async function comesTrue(holds: () => boolean): Promise<boolean> {
  for (const untilMs = performance.now() + 5000; performance.now() < untilMs;) {
    if (holds()) return true;
    await pause(5);
  }
  return holds();
}

export function isAlive(pid: number): boolean {
  const stat = read(pid, 'stat');
  const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
  return stat !== '' && state !== 'Z' && state !== 'X';
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}
