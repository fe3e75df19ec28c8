/**
 * Calls the `create` function of a subject and checks its result. Invariant: an invalid result is a failure that names
 * the function, what was expected and what came, before anything of it is used.
 */
import * as is from '../../kernel/shape.ts';
import { WHOLE_SERVICE } from '../../model/argument-shapes.ts';
import { mismatchText, thrownText } from '../../oracles/answer-form.ts';
import type { Supports } from '../capability.ts';
import type { RunnerUnderTest } from '../subject.ts';
import type { WorkloadHost } from './workload-host.ts';

const RUNNER_UNDER_TEST = is.objectOf<RunnerUnderTest>(
  'an object with service',
  { service: WHOLE_SERVICE },
  { readOutput: is.FUNCTION, dispose: is.FUNCTION },
);

/** Calls `make`; `name` is what its author calls it, and the last argument the claims of its subject. */
export async function makeRunner(
  host: Pick<WorkloadHost, 'check' | 'world'>,
  name: string,
  make: () => RunnerUnderTest | Promise<RunnerUnderTest>,
  { outputs }: Partial<Supports> = {},
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
  host.check(
    outputs !== true || made.readOutput !== undefined,
    `${name}().readOutput: expected a function, since supports.outputs is true, got undefined`,
  );
  return made;
}
