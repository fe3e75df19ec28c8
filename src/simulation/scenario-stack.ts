/** Stacks as the author of a scenario reads them: what turns events into calls is at the bottom of each, and explains nothing. */

import { isInstance } from '../kernel/argument-check.ts';
import { isRunnerError, stackOf } from '../kernel/errors.ts';
import { codePathOf, fileOfFrame } from '../kernel/package-files.ts';

const FRAME = /^\s+at .*:\d+:\d+\)?$/;

/**
 * The lines of what was thrown, below its message; none if it has none. Those of this package are left out where there are others: what refuses
 * an argument lies above the line that gave it. Where an invariant of this package broke, that line is what counts.
 */
export function framesOfThrown(thrown: unknown): string[] {
  const stack = isInstance(thrown, Error) ? (stackOf(thrown) ?? '') : '';
  const frames = withoutEngine(stack.split('\n').filter(isFrame));
  if (isRunnerError(thrown, 'RUNNER_INVARIANT')) return frames;
  const others = frames.filter((line) => codePathOf(fileOfFrame(line)) === undefined);
  return others.length > 0 ? others : frames;
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
