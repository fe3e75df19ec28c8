// What a call throws, as data, so that a test can hold code and text to exact values.
import { expect } from 'vitest';
import { isRunnerError } from '../../src/kernel/errors.ts';

/** The code and the message of the RunnerError that `call` throws. */
export function thrownBy(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return textOf(error);
  }
  return expect.unreachable('expected a throw');
}

/** The code and the message of the RunnerError that `promise` rejects with. */
export async function rejectionOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(() => expect.unreachable('expected a rejection'), textOf);
}

function textOf(error: unknown): string {
  if (!isRunnerError(error)) throw error;
  return `${error.code}: ${error.message}`;
}

/** The text of a refused argument. */
export function refused(name: string, expected: string, got: string): string {
  return `RUNNER_INVALID_ARGUMENT: ${name}: expected ${expected}, got ${got}`;
}

/** The code of the RunnerError that `call` throws. */
export function codeOf(call: () => unknown): string {
  return thrownBy(call).split(':')[0] as string;
}
