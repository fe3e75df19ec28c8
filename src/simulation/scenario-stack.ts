/** Stacks as the author of a scenario reads them: what turns events into calls is at the bottom of each, and explains nothing. */

import { codePathOf, fileOfFrame } from '../kernel/package-files.ts';

const FRAME = /^\s+at .*:\d+:\d+\)?$/;

/** The lines of what was thrown, below its message; none if it has none. */
export function framesOfThrown(thrown: unknown): string[] {
  return withoutEngine(stackOf(thrown).split('\n').filter(isFrame));
}

function stackOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? String(thrown.stack ?? '') : '';
  } catch {
    // Anything may be thrown, also what throws when it is looked at.
    return '';
  }
}

function isFrame(line: string): boolean {
  return FRAME.test(line);
}

/** The lines but those of the engine. */
export function withoutEngine(lines: readonly string[]): string[] {
  return lines.filter((line) => !isFrame(line) || !(line.includes('node:') || isOfEngine(line)));
}

function isOfEngine(line: string): boolean {
  const path = codePathOf(fileOfFrame(line)) ?? '';
  return path.startsWith('kernel/') || path.startsWith('simulation/');
}
