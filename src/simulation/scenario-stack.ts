/** Stacks as the author of a scenario reads them, without the frames at the bottom that turn events into calls. */

import { isInstance } from '../kernel/argument-check.ts';
import { isRunnerError, stackOf } from '../kernel/errors.ts';
import { codePathOf } from '../kernel/package-files.ts';
import { fileOfLine, isPlaced } from '../kernel/stack-line.ts';

/**
 * The stack lines of a thrown value, below its message; empty if it has none. Lines of this package are left out if
 * there are others, because an argument check lies above the line that passed the argument. For a broken invariant of
 * this package they stay.
 */
export function framesOfThrown(thrown: unknown): string[] {
  const stack = isInstance(thrown, Error) ? (stackOf(thrown) ?? '') : '';
  const frames = withoutEngine(stack.split('\n').filter(isPlaced));
  if (isRunnerError(thrown, 'RUNNER_INVARIANT')) return frames;
  const others = frames.filter((line) => codePathOf(fileOfLine(line)) === undefined);
  return others.length > 0 ? others : frames;
}

/** Lines outside the engine. */
export function withoutEngine(lines: readonly string[]): string[] {
  return lines.filter((line) => !isPlaced(line) || !(line.includes('node:') || isOfEngine(line)));
}

function isOfEngine(line: string): boolean {
  const path = codePathOf(fileOfLine(line)) ?? '';
  return path.startsWith('kernel/') || path.startsWith('simulation/');
}
