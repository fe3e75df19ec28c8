/** X1, X6: what was chosen is said as the value it stands for, and the nearest value that holds is the nearest there is. */
import { describe, expect, test } from 'vitest';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explain } from '../../../src/explore/explain/explanation.ts';
import { createSimFiler } from '../../../src/filers/sim-filer.ts';
import { createMemoryOutputs } from '../../../src/outputs/memory-output.ts';
import { createChaosRunner } from '../../../src/network/chaos-runner.ts';
import { createFakeRunner } from '../../../src/runners/fake/fake-runner.ts';
import { chosenOutputFaults, chosenSkew } from '../../../src/simulation/chosen-faults.ts';
import { createNode } from '../../../src/simulation/service-node.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import { simulate } from '../../../src/simulation/simulate.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import { choice, delay, fault } from '../../questions.ts';
import type { Question } from '../../../src/kernel/question.ts';

type Asked = readonly [question: Question | string, n: number, answer: number];

/** What an explanation says of a scenario that fails after it has run with these answers. */
async function words(
  run: (sim: Simulation) => Promise<void> | void,
  ...asked: readonly Asked[]
): Promise<string> {
  const scenario = defineScenario<unknown>({
    name: 'words',
    description: 'fails at its end',
    async run(sim) {
      await run(sim);
      sim.check(false, 'the end');
    },
  });
  const log = asked.map(([asking, n, answer]) => ({
    question: typeof asking === 'string' ? choice(asking) : asking,
    n,
    answer,
  }));
  const { sentence } = await explain(createExecutor(scenario), log, { maxExecutions: 0 });
  return sentence.replace(/^words fails at .*: the end, when /, '').replace(/\.$/, '');
}

describe('what was chosen', () => {
  test('is the element that was picked', async () => {
    const pick = (sim: Simulation): void => void sim.pick('program', ['sleep 5', 'complete 0']);
    expect(await words(pick, ['program', 2, 1])).toBe('"program" is complete 0');
  });

  test("is the asker's description of the value", async () => {
    const pick = (sim: Simulation): void => {
      sim.pick('timeout', [50, 100], (ms) => `${ms} ms`);
      sim.choose('pause', 6, (answer) => `${answer * 10} ms`);
    };
    const asked: readonly Asked[] = [
      ['timeout', 2, 1],
      ['pause', 6, 3],
    ];
    expect(await words(pick, ...asked)).toBe('"timeout" is 100 ms and "pause" is 30 ms');
  });

  test('is the element as it was when it was picked, of any list', async () => {
    const pick = (sim: Simulation): void => {
      for (const n of [3, 30]) {
        const jobs = Array.from({ length: n }, (_, ms) => ({ ms }));
        const job = sim.pick(`one of ${n}`, jobs);
        job.ms = 99;
        jobs.splice(0, 1);
      }
    };
    const asked: readonly Asked[] = [
      ['one of 3', 3, 1],
      ['one of 30', 30, 20],
    ];
    expect(await words(pick, ...asked)).toBe('"one of 3" is {"ms":1} and "one of 30" is {"ms":20}');
  });

  test('is data where it is not text, and the answer where its description throws', async () => {
    const pick = (sim: Simulation): void => {
      sim.pick('job', [{ ms: 1 }, { ms: 2 }]);
      sim.choose('odd', 3, () => {
        throw new Error('no words');
      });
    };
    const asked: readonly Asked[] = [
      ['job', 2, 1],
      ['odd', 3, 2],
    ];
    expect(await words(pick, ...asked)).toBe('"job" is {"ms":2} and "odd" is 2 (of 0 to 2)');
  });

  test('is described only when a failure is explained', async () => {
    let described = 0;
    const inWords = (answer: number): string => {
      described += 1;
      return String(answer);
    };
    await simulate({ seed: 3, scenario: (sim) => void sim.choose('thing', 9, inWords) });
    expect(described).toBe(0);
    await words((sim) => void sim.choose('thing', 9, inWords), ['thing', 9, 4]);
    expect(described).toBeGreaterThan(0);
  });

  test.for([
    ['an empty list', (sim: Simulation) => sim.pick('x', [])],
    ['no list', (sim: Simulation) => sim.pick('x', 3 as never)],
    ['a description that is no function', (sim: Simulation) => sim.pick('x', [1], 3 as never)],
    ['a description of an answer that is none', (sim: Simulation) => sim.choose('x', 2, 3 as never)],
  ] as const)('%s is refused', async ([, ask]) => {
    const { failure } = await simulate({ scenario: (sim) => void ask(sim) });
    expect(failure).toMatchObject({ kind: 'error', cause: { code: 'RUNNER_INVALID_ARGUMENT' } });
  });
});

describe('a fault is described by what happens', () => {
  test.for([
    ['before', 'the request run job-1 is lost on network 1'],
    ['after', 'the reply to run job-1 is lost on network 1'],
    ['duplicated', 'the request run job-1 is duplicated on network 1'],
    ['reordered', 'the request run job-1 is held back on network 1 until another overtakes it'],
    ['stuck', 'the request run job-1 gets stuck on network 1'],
  ] as const)('%s of a call', async ([kind, text]) => {
    const call = async (sim: Simulation): Promise<void> => {
      const runner = createFakeRunner(sim.world, { name: 'worker' });
      const plan = { rates: { run: { [kind]: 0.5 } } };
      const network = createChaosRunner(sim.world, runner, { name: 'network 1', plan });
      const reply = network.run({ argv: ['x'], taskId: 'job-1' });
      reply.catch(() => undefined);
      await sim.sleep(2_000);
      await network.release();
    };
    expect(await words(call, [fault('network 1 run job-1'), 2, 1])).toBe(text);
  });

  test('a delay in milliseconds', async () => {
    const call = async (sim: Simulation): Promise<void> => {
      const runner = createFakeRunner(sim.world, { name: 'worker' });
      const network = createChaosRunner(sim.world, runner, { name: 'net', maxDelayMs: 40, delaySteps: 4 });
      await network.statusAll();
      await network.release();
    };
    expect(await words(call, [delay('net statusAll'), 4, 2])).toBe('"net statusAll" is delayed by 20 ms');
  });

  test.for([
    [2, 'the clock of n1 is 15000 ms behind'],
    [7, 'the clock of n1 is 60000 ms ahead'],
  ] as const)('a clock that is off, answer %i', async ([answer, text]) => {
    expect(await words((sim) => void chosenSkew(sim, 'n1'), [fault('n1 clock offset'), 9, answer])).toBe(
      text,
    );
  });

  test.for([
    [1, 'the checkout of abc by the filer takes 20 ms'],
    [2, 'the checkout of abc by the filer fails ("no disk")'],
    [3, 'the checkout of abc by the filer takes 40 ms and ignores cancellation'],
    [4, 'the checkout of abc by the filer hangs until it is cancelled and takes 5 ms to honour cancellation'],
  ] as const)('a filer, answer %i', async ([answer, text]) => {
    const checkOut = async (sim: Simulation): Promise<void> => {
      const { clock, choices, tracer, onHeal } = sim.world;
      const checkout = [
        { latencyMs: 20 },
        { fail: { text: 'no disk' } },
        { latencyMs: 40, deaf: true },
        { hang: true, cancelMs: 5 },
      ];
      const filer = createSimFiler({ clock, choices, tracer, onHeal, name: 'filer', menu: { checkout } });
      const made = (async () => filer.checkout('abc'))();
      made.catch(() => undefined);
      await sim.sleep(100);
      sim.heal();
    };
    expect(await words(checkOut, [fault('filer/filer checkout abc'), 5, answer])).toBe(text);
  });

  test('an output', async () => {
    const create = (sim: Simulation): void => {
      const outputs = createMemoryOutputs({ faults: chosenOutputFaults(sim, { oneIn: 2 }) });
      outputs.create('log');
    };
    expect(await words(create, [fault('output/log'), 8, 4])).toBe('output log cannot be closed');
  });

  test.for([
    ['n1 crash at n1 run job-1', 'n1 crashes as run job-1 arrives'],
    ['n1 crash at n1 run job-1 reply', 'n1 crashes before it answers run job-1'],
  ] as const)('a node: %s', async ([label, text]) => {
    const call = async (sim: Simulation): Promise<void> => {
      const node = createNode(sim, {
        name: 'n1',
        faults: { crash: 2 },
        start: (world, { name, idPrefix }) => createFakeRunner(world, { name, idPrefix }),
      });
      await node.run({ argv: ['x'], taskId: 'job-1' }).catch(() => undefined);
      sim.heal();
      await node.release();
    };
    expect(await words(call, [fault(label), 2, 1])).toBe(text);
  });

  test('a fault at some event, by that event', async () => {
    const strike = async (sim: Simulation): Promise<void> => {
      sim.atSomeEvent('the power fails', () => undefined, { within: 3 });
      await sim.sleep(5, 'breakfast');
      await sim.sleep(5, 'lunch');
    };
    expect(await words(strike, [fault('the power fails'), 4, 1])).toBe(
      'the power fails, right after "breakfast"',
    );
  });
});

describe('the nearest value that holds', () => {
  const nearest = async (n: number, fails: (value: number) => boolean, answer: number): Promise<string> => {
    const scenario = defineScenario({
      name: 'limited',
      description: 'some values fail',
      run: (sim) => sim.check(!fails(sim.choose('pause', n, (k) => `${k} ms`)), 'too long'),
    });
    const log = [{ question: choice('pause'), n, answer }];
    return (await explain(createExecutor(scenario), log)).nearestPass?.text ?? 'none';
  };

  test.for([
    ['among few, all are tried', 6, (k: number) => k > 3, 5, '3 ms instead of 5 ms'],
    ['of two at the same distance, the lesser', 6, (k: number) => k === 3, 3, '2 ms instead of 3 ms'],
    ['among many, below', 100_000, (k: number) => k > 777, 99_000, '777 ms instead of 99000 ms'],
    ['among many, above', 100_000, (k: number) => k < 777, 0, '777 ms instead of 0 ms'],
    ['on both sides, the nearer', 1_000, (k: number) => k > 10 && k < 500, 400, '500 ms instead of 400 ms'],
  ] as const)('%s', async ([, n, fails, answer, text]) => {
    expect(await nearest(n, fails, answer)).toBe(`If "pause" had been ${text}, nothing would have failed.`);
  });

  /** The middle first, then to both sides, as `Math.random` is asked for. */
  const zigzag =
    (n: number) =>
    (k: number): number =>
      n / 2 + (k % 2 === 0 ? k / 2 : -(k + 1) / 2);
  const answerOf = (n: number, value: number): number =>
    Array.from({ length: n }, (_, k) => zigzag(n)(k)).indexOf(value);

  test.for([
    ['below', 16, (value: number) => value > 12, 14, '0.12 instead of 0.14'],
    ['above', 16, (value: number) => value < 9, 3, '0.09 instead of 0.03'],
    ['among many, below', 40, (value: number) => value > 12, 34, '0.12 instead of 0.34'],
    ['among many, above', 40, (value: number) => value < 30, 4, '0.3 instead of 0.04'],
  ] as const)('is found by what the answers stand for: %s', async ([, n, fails, value, text]) => {
    expect(await nearestShare(n, fails, value, (share) => `about ${share / 100}`)).toBe(
      `If "share" had been about ${text.replace('instead of ', 'instead of about ')}, nothing would have failed.`,
    );
  });

  test.for([
    [
      'below',
      16,
      (value: number) => value > 12,
      14,
      'between 0.12 and 0.13 instead of between 0.14 and 0.15',
    ],
    [
      'among many',
      40,
      (value: number) => value < 30,
      4,
      'between 0.30 and 0.31 instead of between 0.04 and 0.05',
    ],
  ] as const)('is found by the ranges that the answers stand for: %s', async ([, n, fails, value, text]) => {
    const rangeOf = (share: number): string =>
      `between ${(share / 100).toFixed(2)} and ${((share + 1) / 100).toFixed(2)}`;
    expect(await nearestShare(n, fails, value, rangeOf)).toBe(
      `If "share" had been ${text}, nothing would have failed.`,
    );
  });

  test('is found although the words for an answer are others each time', async () => {
    let calls = 0;
    const scenario = defineScenario({
      name: 'fickle',
      description: 'one value fails',
      run(sim) {
        sim.check(sim.choose('share', 4, () => `share ${(calls += 1)}`) !== 2, 'too much');
      },
    });
    const log = [{ question: choice('share'), n: 4, answer: 2 }];
    const { nearestPass } = await explain(createExecutor(scenario), log);
    expect(nearestPass?.text).toMatch(/^If "share" had been/);
    expect(calls).toBeLessThan(200);
  });

  async function nearestShare(
    n: number,
    fails: (value: number) => boolean,
    value: number,
    textOf: (value: number) => string,
  ): Promise<string | undefined> {
    const valueOf = zigzag(n);
    const scenario = defineScenario({
      name: 'drawn',
      description: 'some values fail',
      run(sim) {
        const answer = sim.choose('share', n, (k) => textOf(valueOf(k)));
        sim.check(!fails(valueOf(answer)), 'too much');
      },
    });
    const log = [{ question: choice('share'), n, answer: answerOf(n, value) }];
    return (await explain(createExecutor(scenario), log)).nearestPass?.text;
  }
});
