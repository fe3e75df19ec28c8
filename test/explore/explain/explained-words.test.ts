import { expect, test } from 'vitest';
import { createSimulatedRunner, defineScenario, simulate } from '../../../src/index.ts';
import { ambientTime } from '../../../src/ambient/index.ts';
import { createSimExecer } from '../../../src/kit/index.ts';
import { createExecutor, explain } from '../../../src/explore/index.ts';
import { RunnerError } from '../../../src/kernel/errors.ts';
import { pick } from '../../../sims/zoo/odds.ts';
import type { Decision, DescribeAnswer } from '../../../src/kernel/decisions.ts';
import type { TraceEvent } from '../../../src/model/trace-event.ts';
import { choice, order } from '../../questions.ts';

const chosen = (name: string, answer = 1, n = 2): Decision => ({
  question: choice(name),
  n,
  answer,
});

test('names up to three choices, and says of more that they differ from the default', async () => {
  const labels = ['a', 'b', 'c', 'd'];
  const scenarioOf = (count: number) =>
    defineScenario({
      name: 'choosy',
      description: 'fails when all of its choices are odd',
      run(sim) {
        const odd = labels.slice(0, count).map((label) => sim.choose(label, 2));
        sim.check(odd.includes(0), 'all are odd');
      },
    });
  const sentences = [];
  for (const count of [3, 4]) {
    const log = labels.slice(0, count).map((label) => chosen(label));
    sentences.push((await explain(createExecutor(scenarioOf(count)), log)).sentence);
  }
  expect(sentences).toEqual([
    'choosy fails at 0 ms: all are odd, when "a" is 1 (of 0 to 1) and "b" is 1 (of 0 to 1) and "c" is 1 (of 0 to 1).',
    expect.stringMatching(/ and "c" is 1 \(of 0 to 1\), and 1 more choice differs from the default\.$/),
  ]);
});

test('shows 60 lines of a message, and counts the others', async () => {
  const scenario = defineScenario({
    name: 'long',
    description: 'says much',
    run: (sim) =>
      sim.check(false, `all is wrong\n\n${Array.from({ length: 250 }, (_, n) => `line ${n}`).join('\n')}`),
  });
  const { details } = await explain(createExecutor(scenario), []);
  const texts = details.map(({ text }) => text).filter((text) => /^line |lines\)$/.test(text));
  expect(texts).toHaveLength(61);
  expect(texts.slice(-2)).toEqual(['line 59', '… (190 more lines)']);
});

test('leaves no hole where a scenario gives an empty text', async () => {
  const sentenceOf = async (run: () => void): Promise<string> => {
    const scenario = defineScenario({ name: 'mute', description: 'says nothing', run });
    return (await explain(createExecutor(scenario), [])).sentence;
  };
  const explained = await explain(
    createExecutor(
      defineScenario({
        name: 'mute',
        description: 'says nothing',
        run(sim) {
          sim.note('');
          sim.check(false, '');
        },
      }),
    ),
    [],
  );
  expect(explained.sentence).toBe(
    'mute fails at 0 ms: (without a message), even with every choice at its default.',
  );
  expect(explained.history.map(({ text }) => text)).toEqual(['note: ""', '(without a message)']);
  const thrown = await sentenceOf(() => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- an empty text that is thrown is what this is about
    throw '';
  });
  expect(thrown).toBe('mute fails at 0 ms: "" was thrown, even with every choice at its default.');
});

test('says of a choice what its asker says of the answer in a sentence', async () => {
  const describe: DescribeAnswer = Object.assign((answer: number) => answer, {
    sentence: (answer: number) => `the barn has ${answer} doors`,
  });
  const scenario = defineScenario({
    name: 'barn',
    description: 'must have no doors',
    run: (sim) => sim.check(sim.choose('doors', 4, describe) === 0, 'it is open'),
  });
  const { sentence, nearestPass } = await explain(createExecutor(scenario), [chosen('doors', 3, 4)]);
  expect(sentence).toBe('barn fails at 0 ms: it is open, when the barn has 3 doors.');
  expect(nearestPass?.text).toBe('With this instead, nothing would have failed: the barn has 0 doors.');
});

test.each([
  ['a TypeError', 'TypeError "lost" was thrown', new TypeError('lost')],
  ['a RunnerError', 'RUNNER_RELEASED "lost" was thrown', new RunnerError('RUNNER_RELEASED', 'lost')],
  ['an Error', '"lost" was thrown', new Error('lost')],
])('says of %s which error was thrown', async (_case, said, error) => {
  const scenario = defineScenario({
    name: 'throws',
    description: 'throws',
    run() {
      throw error;
    },
  });
  const { what } = await explain(createExecutor(scenario), []);
  expect(what).toBe(`${said}, even with every choice at its default.`);
});

test('the circumstances of a call to the outside do not continue the advice', async () => {
  const scenario = defineScenario({
    name: 'online',
    description: 'calls a server',
    options: { ambient: ambientTime() },
    async run() {
      await fetch('http://localhost');
    },
  });
  const { what } = await explain(createExecutor(scenario), []);
  expect(what).toMatch(/ lets it through\. It fails even with every choice at its default\.$/);
});

type OfWait = Extract<TraceEvent, { readonly type: 'acquired' | 'freed' | 'abandoned' }>;

const wait = (owner: string, type: OfWait['type']): Omit<OfWait, 'at'> => ({
  ...{ type, runner: '', runId: '', resource: 'waiter', name: 'the door', owner },
});

test('what happens again in the same words and instant is one line with its count, and so is who waits for the same', async () => {
  const scenario = defineScenario({
    name: 'barn',
    description: 'its door is never opened',
    async run(sim) {
      for (const text of ['knocks', 'knocks', 'rings', 'knocks']) sim.note(text);
      await sim.sleep(5);
      for (const text of ['knocks', 'knocks', 'knocks']) sim.note(text);
      for (const owner of ['ann', 'ann', 'bob']) {
        sim.world.tracer.record({ at: 5, ...wait(owner, 'acquired') });
      }
      // Only the nearest lines of a stack are shown.
      const nested = (depth: number): void => {
        if (depth > 0) nested(depth - 1);
        else sim.world.tracer.record({ at: 5, ...wait('cat', 'acquired') });
      };
      for (const depth of [7, 8]) nested(depth);
      await new Promise<void>(() => {});
    },
  });
  const { history, details } = await explain(createExecutor(scenario), []);
  const texts = history.map(({ atMs, text }) => `${atMs} ${text}`);
  expect(texts.filter((text) => text.includes('note'))).toEqual([
    '0 note: knocks (2 times)',
    '0 note: rings',
    '0 note: knocks',
    '5 note: knocks (3 times)',
  ]);
  expect(details.map(({ text }) => text).filter((text) => text.includes('the door'))).toEqual([
    expect.stringMatching(/^ann waits for the door since 5 ms.* \(2 times\)$/),
    expect.stringMatching(/^bob waits for the door since 5 ms[^()]*$/),
    'cat waits for the door since 5 ms (2 times)',
  ]);
});

test('a count is of what happened, also where not all of it would be shown', async () => {
  // At growing distances, so that nothing takes turns.
  const waits = [0, 2, 5, 9, 14, 20, 27, 35, 44, 54];
  const scenario = defineScenario({
    name: 'barn',
    description: 'its door is never opened',
    async run(sim) {
      for (let n = 0; n < 60; n += 1) sim.note('knocks');
      await sim.sleep(5);
      for (let n = 0; n < 60; n += 1) {
        sim.note('rings');
        if (waits.includes(n)) sim.world.tracer.record({ at: sim.now(), ...wait('ann', 'acquired') });
      }
      sim.check(false, 'nobody opens');
    },
  });
  const { history, leftOut } = await explain(createExecutor(scenario), []);
  const texts = history.map(({ atMs, text }) => `${atMs} ${text}`);
  expect(texts[0]).toBe('0 note: knocks (60 times)');
  const rings = texts.flatMap((text) =>
    text.includes('note: rings') ? [Number(/ \((\d+) times\)$/.exec(text)?.[1] ?? 1)] : [],
  );
  expect(rings.reduce((sum, count) => sum + count)).toBe(60);
  expect(rings.length).toBeGreaterThan(1);
  expect(leftOut).toBe(waits.length - (texts.length - 2 - rings.length));
});

test('who waits for the same is counted before some are left out', async () => {
  const scenario = defineScenario({
    name: 'barn',
    description: 'its door is never opened',
    async run(sim) {
      for (const owner of ['ann', 'bob']) {
        for (let n = 0; n < 30; n += 1) sim.world.tracer.record({ at: 0, ...wait(owner, 'acquired') });
      }
      await new Promise<void>(() => {});
    },
  });
  const { sentence, details } = await explain(createExecutor(scenario), []);
  expect(sentence).toContain('60 resources');
  expect(details.map(({ text }) => text).filter((text) => text.includes('the door'))).toEqual([
    'ann waits for the door since 0 ms (30 times)',
    'bob waits for the door since 0 ms (30 times)',
  ]);
  const { failure } = await simulate({ scenario: (sim) => scenario.run(sim, undefined) });
  expect(failure?.details).toEqual(
    expect.arrayContaining([
      'ann waits for the door since 0 ms (30 times)',
      'bob waits for the door since 0 ms (30 times)',
    ]),
  );
});

test('leaves what a workload is made of to the history where there are callers', async () => {
  const sentences = [];
  for (const isSetup of [false, true]) {
    const describe: DescribeAnswer = Object.assign((answer: number) => answer, { isSetup });
    const scenario = defineScenario({
      name: 'barn',
      description: 'must have no doors',
      run(sim) {
        const doors = sim.choose('doors', 4, describe);
        const call = { runner: 'ann', to: 'barn', kind: 'call', name: 'open', id: 1 } as const;
        sim.world.tracer.record({ at: 0, type: 'message', step: 'sent', ...call });
        sim.check(doors === 0, 'it is open');
      },
    });
    const { sentence } = await explain(createExecutor(scenario), [chosen('doors', 3, 4)]);
    sentences.push(sentence);
  }
  expect(sentences).toEqual([
    'barn fails at 0 ms: it is open, when "doors" is 3.',
    'barn fails at 0 ms: it is open.',
  ]);
});

test('says in one line that an event was passed over repeatedly', async () => {
  const scenario = defineScenario({
    name: 'late',
    description: 'the cancel comes before the third step',
    async run(sim) {
      const turn = (label: string): Promise<void> =>
        new Promise((resolve) => {
          sim.world.clock.post(label, resolve);
        });
      let isCancelled = false;
      const steps = async (): Promise<void> => {
        for (const step of ['one', 'two', 'three']) await turn(step);
        sim.check(isCancelled, 'not yet cancelled');
      };
      const cancel = async (): Promise<void> => {
        await turn('the cancel');
        isCancelled = true;
      };
      await Promise.all([cancel(), steps()]);
    },
  });
  const log = [1, 2, 3].map(() => ({ question: order('the cancel'), n: 2, answer: 1 }));
  const { sentence, history } = await explain(createExecutor(scenario), log);
  const text = '3 events, from "one" to "three", come before "the cancel", due at the same time';
  expect(sentence).toBe(`late fails at 0 ms: not yet cancelled, when ${text}.`);
  expect(history.map((line) => line.text)).toEqual([text, 'not yet cancelled']);
});

test('says once that a process started, though the machine and the run both record it', async () => {
  const scenario = defineScenario({
    name: 'forgetful',
    description: 'leaves a process that never ends',
    async run(sim) {
      const execer = createSimExecer({ ...sim.world, runner: 'worker' });
      await createSimulatedRunner(sim.world, { name: 'worker', execer }).run({ argv: ['pause'] });
      await sim.sleep(5);
    },
  });
  const { history } = await explain(createExecutor(scenario), []);
  expect(history.filter(({ text }) => text === 'the process of run 0 of worker started')).toHaveLength(1);
});

test('does not say that it failed by a time before the failure', async () => {
  const scenario = defineScenario({
    name: 'silent',
    description: 'what is sent at 10 ms is missed at 50 ms',
    async run(sim) {
      const isSilent = sim.choose('is silent', 2) === 1;
      await sim.sleep(10, 'news');
      if (!isSilent) sim.note('sent');
      await sim.sleep(40, 'look');
      sim.check(!isSilent, 'nothing was sent');
    },
  });
  const { nearestPass } = await explain(createExecutor(scenario), [chosen('is silent')]);
  expect(nearestPass?.difference).toBe(
    'In the passing execution: 10 ms: note: sent. In the failing execution: that does not happen.',
  );
});

test('compares with the value that shares most of its words, and with what came of it', async () => {
  const programs = [
    ['complete 0'],
    ['fork', 'orphan'],
    ['mem 200', 'complete 7'],
    ['stdout a'],
    ['mem 200', 'sleep 30'],
  ];
  const scenario = defineScenario({
    name: 'hungry',
    description: 'who has much memory and sleeps is too slow',
    async run(sim) {
      const runner = createSimulatedRunner(sim.world, { name: 'worker' });
      const argv = pick(sim, 'program', programs, 20, (program) => program);
      await runner.run({ argv });
      await sim.sleep(10);
      await runner.release();
      sim.check(argv.at(-1) !== 'sleep 30', 'too slow');
    },
  });
  const { nearestPass, places } = await explain(createExecutor(scenario), [chosen('program', 23, 24)]);
  expect(nearestPass?.text).toBe(
    'If "program" had been ["mem 200","complete 7"] instead of ["mem 200","sleep 30"], nothing would have failed.',
  );
  expect(nearestPass?.difference).not.toContain('accepted');
  expect(places.flatMap(({ frames }) => frames).join()).not.toContain('odds.ts');
});

test('says which of two due events came first, and which never came', async () => {
  const scenario = defineScenario({
    name: 'cancelling',
    description: 'of two timers the first cancels the other, and somebody waits for that',
    async run(sim) {
      const { clock } = sim.world;
      await new Promise<void>((resolve) => {
        clock.timer('the first', 10, () => {
          other.cancel();
        });
        const other = clock.timer('the other', 10, resolve);
      });
    },
  });
  const { details } = await explain(createExecutor(scenario), []);
  expect(details.map(({ text }) => text)).toContainEqual(
    'due together at 10 ms: first "the first" fired; "the other" was cancelled then, and never fired',
  );
});

test('leaves out that a runner starts healthy, and what it counts', async () => {
  const scenario = defineScenario({
    name: 'well',
    description: 'fails at once',
    run(sim) {
      createSimulatedRunner(sim.world, { name: 'worker' });
      sim.check(false, 'failed');
    },
  });
  const { history } = await explain(createExecutor(scenario), []);
  expect(history.map(({ text }) => text)).toEqual(['failed']);
});

test('says of what fails nearby that one of it fails differently', async () => {
  const scenario = defineScenario({
    name: 'two-ways',
    description: 'fails in one way or in another',
    run(sim) {
      const length = sim.choose('length of the job', 3, (answer) => `${answer + 1} ms`);
      sim.check(length !== 2, 'the timer is left');
      sim.check(false, 'the job was too short');
    },
  });
  const { nearestSearch, nearestPass } = await explain(createExecutor(scenario), []);
  expect(nearestPass).toBeUndefined();
  expect(nearestSearch.otherFailure).toBe(
    'with "length of the job" 3 ms it fails differently: the timer is left',
  );
});
