/**
 * What the author of a subject has made with `create`. Invariant: what is wrong with it is reported as a failure that names the function,
 * what was expected and what came; nothing of it is read before.
 */
import * as is from '../../kernel/shape.ts';
import { WHOLE_SERVICE } from '../../model/argument-shapes.ts';
import { mismatchText, thrownText } from '../../oracles/answer-form.ts';
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
