// Which lines of a stack the author of a scenario sees.
import { expect, test } from 'vitest';
import { simulate, SimulationFailedError, type Simulation } from 'dryrunner';
import { createNetwork } from 'dryrunner/cluster';
import { RunnerError } from '../../src/kernel/errors.ts';
import { framesOfThrown } from '../../src/simulation/scenario-stack.ts';

/** The lines below the message of what a failed simulation throws. */
async function framesOf(scenario: (sim: Simulation) => Promise<void>): Promise<string[]> {
  const verdict = await simulate({ scenario });
  const { message, stack = '' } = new SimulationFailedError(verdict);
  return stack
    .slice(stack.indexOf(message) + message.length)
    .trim()
    .split('\n');
}

test('a refused argument is shown at the line that gave it, and no line is of this package', async () => {
  const frames = await framesOf(async (sim) => {
    createNetwork(sim).node('', () => undefined);
    await sim.sleep(1);
  });
  expect(frames[0]).toContain('scenario-stack.test.ts:');
  expect(frames.filter((line) => line.includes('/src/'))).toEqual([]);
});

test('the program of a node is named as it is, and is called without a receiver', async () => {
  const receivers: unknown[] = [];
  const frames = await framesOf(async (sim) => {
    function lockService(this: unknown): void {
      receivers.push(this);
      throw new Error('no locks');
    }
    createNetwork(sim).node('locks', lockService);
    await sim.sleep(1);
  });
  expect(receivers).toEqual([undefined]);
  expect(frames[0]).toMatch(/at lockService \(.*scenario-stack\.test\.ts:/);
});

test.for([
  ['RUNNER_INVALID_ARGUMENT', ['ours', 'theirs'], ['theirs']],
  ['RUNNER_INVALID_ARGUMENT', ['ours'], ['ours']],
  ['RUNNER_INVARIANT', ['ours', 'theirs'], ['ours', 'theirs']],
] as const)('%s with the lines %j shows %j', ([code, lines, shown]) => {
  const LINES = {
    ours: `    at own (${new URL('../../src/locks/mutex.ts', import.meta.url).pathname}:1:1)`,
    theirs: '    at work (/home/ann/scheduler.ts:7:3)',
  };
  const error = new RunnerError(code, 'it is wrong');
  error.stack = [`RunnerError: it is wrong`, ...lines.map((line) => LINES[line])].join('\n');
  expect(framesOfThrown(error)).toEqual(shown.map((line) => LINES[line]));
});

test.for(['cause', 'expected'])('an error whose %s cannot be read is reported all the same', async (key) => {
  const error = Object.defineProperty(Object.assign(new Error('mine'), { expected: 1, actual: 2 }), key, {
    get() {
      throw new Error('a getter');
    },
  });
  const verdict = await simulate({
    scenario() {
      throw error;
    },
  });
  const failed = new SimulationFailedError(verdict);
  expect(failed.message).toMatch(/^error at 0 ms: mine\n/);
  expect('actual' in failed).toBe(key === 'cause');
});
