/** Stacks as the author of a scenario reads them: what turns events into calls is at the bottom of each, and explains nothing. */

import { isInstance } from '../kernel/argument-check.ts';
import { stackOf } from '../kernel/errors.ts';
import { codePathOf, fileOfFrame } from '../kernel/package-files.ts';

const FRAME = /^\s+at .*:\d+:\d+\)?$/;

/** The lines of what was thrown, below its message; none if it has none. */
export function framesOfThrown(thrown: unknown): string[] {
  const stack = isInstance(thrown, Error) ? (stackOf(thrown) ?? '') : '';
  return withoutEngine(stack.split('\n').filter(isFrame));
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
