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
  return listed()
    .filter((pid) => pid !== process.pid)
    .filter((pid) => readAll(pid, 'environ').includes(mark) || readAll(pid, 'cmdline').includes(mark))
    .filter((pid) => isAlive(pid));
}

function listed(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0);
}

/** Open file descriptors of this process. */
export function openFiles(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Looks until `holds`; false if it does not within twenty seconds. */
export async function comesTrue(holds: () => boolean | Promise<boolean>): Promise<boolean> {
  for (const untilMs = performance.now() + 20_000; performance.now() < untilMs;) {
    if (await holds()) return true;
    await pause(5);
  }
  return holds();
}

export function isAlive(pid: number): boolean {
  const [state = 'X', ...fields] = read(pid, 'stat').split(') ').at(-1)?.split(' ') ?? [];
  // The first thread of a process may have ended before the others.
  return state !== 'X' && state !== '' && (state !== 'Z' || Number(fields[16]) > 1);
}

/** As the first thread shows it, or another one if that has ended. */
function readAll(pid: number, file: string): string {
  const text = read(pid, file);
  if (text !== '') return text;
  const threads = readThreads(pid).filter((thread) => thread !== String(pid));
  return threads.map((thread) => read(`${pid}/task/${thread}`, file)).join('');
}

function readThreads(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function read(pid: number | string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}
