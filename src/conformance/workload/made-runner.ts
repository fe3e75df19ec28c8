/**
 * What the author of a subject has made with `create`. Invariant: what is wrong with it is reported as a failure that names the function,
 * what was expected and what came; nothing of it is read before.
 */
import * as is from '../../kernel/shape.ts';
import { isInstance } from '../../kernel/argument-check.ts';
import { describeValue, isRunnerError, messageOf } from '../../kernel/errors.ts';
import { WHOLE_SERVICE } from '../../model/argument-shapes.ts';
import type { RunnerUnderTest } from '../subject.ts';
import type { WorkloadHost } from './workload-host.ts';

const RUNNER_UNDER_TEST = is.objectOf<RunnerUnderTest>(
  'an object with service',
  { service: WHOLE_SERVICE },
  { readOutput: is.FUNCTION, dispose: is.FUNCTION },
);

/** Calls `make`, which its author knows by `name`. */
export async function makeRunner(
  host: Pick<WorkloadHost, 'check' | 'world'>,
  name: string,
  make: () => RunnerUnderTest | Promise<RunnerUnderTest>,
): Promise<RunnerUnderTest> {
  const { clock, waits } = host.world;
  const wait = { owner: 'the workload', name: `the runner that ${name}() makes`, sinceMs: clock.now() };
  let isOpen = true;
  waits?.add(() => (isOpen ? [wait] : []));
  let made: RunnerUnderTest;
  try {
    made = await make();
  } catch (error) {
    host.check(false, `${name}(): expected a runner, got ${thrownText(error)}`, error);
    throw error;
  } finally {
    isOpen = false;
  }
  const wrong = mismatchText(`${name}()`, made, RUNNER_UNDER_TEST);
  if (wrong !== undefined) host.check(false, wrong.text, wrong.cause);
  return made;
}

/** How a value from outside does not fit, undefined if it does. What it throws when it is read is a mismatch too. */
export function mismatchText(
  name: string,
  value: unknown,
  shape: is.Shape,
): { readonly text: string; readonly cause?: unknown } | undefined {
  try {
    const found = is.findMismatch(shape, value);
    if (found === undefined) return undefined;
    return { text: `${is.joinPath(name, found.path)}: expected ${found.expected}, got ${found.got}` };
  } catch (cause) {
    const got = `${describeValue(value)} that throws ${thrownText(cause)}`;
    return { text: `${name}: expected a value whose fields can be read, got ${got}`, cause };
  }
}

/** An error, or whatever else was thrown, as what came instead of a value. */
export function thrownText(error: unknown): string {
  const kind = isInstance(error, Error) ? error.name : 'thrown value';
  return `the ${kind} ${JSON.stringify(messageOf(error))}`;
}

/** A refusal by its code; of any other error its name and message. */
export function refusalText(error: unknown): string {
  return isRunnerError(error) ? `${error.code} (${JSON.stringify(messageOf(error))})` : thrownText(error);
}
