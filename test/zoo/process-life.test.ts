/** X5: a comparison that fails says what was expected and what came in the field that differs. */
import { afterEach, expect, test, vi } from 'vitest';
import { processLife } from '../../sims/zoo/process-life.ts';
import { VirtualProcess } from '../../src/execers/virtual-process.ts';
import { createExecutor } from '../../src/explore/executor.ts';
import { explain } from '../../src/explore/explain/explanation.ts';
import { explore } from '../../src/explore/explorer.ts';
import { randomStrategy } from '../../src/explore/strategies/random-strategy.ts';
import type { Verdict } from '../../src/simulation/verdict.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

test('X5 of two ends that differ in their signal alone, both signals are shown', async () => {
  const { wait } = VirtualProcess.prototype;
  vi.spyOn(VirtualProcess.prototype, 'wait').mockImplementation(async function (this: VirtualProcess) {
    const { state, exitCode, error } = await wait.call(this);
    return { state, exitCode, error };
  });
  const executor = createExecutor(processLife);
  const failures: Verdict[] = [];
  await explore(executor, randomStrategy(1), {
    maxExecutions: 500,
    onFailure: (verdict) => failures.push(verdict) < 1,
  });
  const { details } = await explain(executor, failures[0]?.decisions() ?? [], { maxExecutions: 0 });
  expect(details.map(({ text }) => text)).toEqual(
    expect.arrayContaining([
      'Expected any state with exit code -1, signal SIGSEGV.',
      expect.stringMatching(/^Got [A-Z]+ with exit code -1, no signal/) as string,
    ]),
  );
});
