import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explain } from '../../../src/explore/explain/explanation.ts';
import type { Explanation } from '../../../src/explore/explain/explanation.ts';
import { formatExplanation } from '../../../src/explore/explain/explanation-text.ts';
import { checkReplay } from '../../../src/explore/replay-check.ts';
import { decodeToken } from '../../../src/explore/replay-token.ts';
import { shrink } from '../../../src/explore/shrink/shrinker.ts';
import type { ShrinkResult } from '../../../src/explore/shrink/shrinker.ts';
import { createChaosRunner } from '../../../src/network/chaos-runner.ts';
import { createFakeRunner } from '../../../src/runners/fake/fake-runner.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import { finalStatus } from '../../../src/model/status-lookup.ts';
import { createNode } from '../../../src/simulation/service-node.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import type { ScenarioDefinition } from '../../../src/simulation/scenario.ts';
import { findFailure, keyOfVerdict } from '../failing-logs.ts';
import { plantedBugs } from '../planted-bugs.ts';
import { question } from '../../../src/kernel/question.ts';
import { choice, draw, fault, order } from '../../questions.ts';

async function explained(bug: ScenarioDefinition, seed = 1): Promise<[Explanation, ShrinkResult]> {
  const executor = createExecutor(bug);
  const found = await findFailure(executor, seed);
  const shrunk = await shrink(executor, found.decisions(), keyOfVerdict(found), { maxExecutions: 400 });
  return [await explain(executor, shrunk.log), shrunk];
}

const bugNamed = (name: string): ScenarioDefinition => {
  const bug = plantedBugs.find((other) => other.name === name);
  if (bug === undefined) throw new Error(`no bug is called ${name}`);
  return bug;
};

describe.each(plantedBugs)('the explanation of $name', (bug) => {
  let explanation: Explanation;
  let shrunk: ShrinkResult;
  beforeAll(async () => {
    [explanation, shrunk] = await explained(bug);
  });

  test('has one sentence, a history of at most a dozen lines in the order of time, and the failure last', () => {
    const { sentence, history } = explanation;
    expect(sentence).toContain(shrunk.verdict.failure?.message);
    expect(sentence).not.toContain('\n');
    expect(history.length).toBeLessThanOrEqual(12);
    const times = history.map(({ atMs }) => atMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(history.at(-1)).toMatchObject({ role: 'failure', text: shrunk.verdict.failure?.message });
  });

  test('shows every decision that is not the default', () => {
    const notPlain = shrunk.log.filter(({ answer }) => answer > 0);
    expect(explanation.history.filter(({ role }) => role === 'decision')).toHaveLength(notPlain.length);
  });

  test('names one decision that would have let it hold, and the source line that made it', () => {
    const { nearestPass, places } = explanation;
    expect(nearestPass).toMatchObject({
      changes: 1,
      text: expect.stringMatching(
        /^(If .*, nothing would have failed|Without this, nothing would have failed: .*)\.$/,
      ),
    });
    expect(places[0]?.frames[0]).toMatch(/planted-bugs\.ts:\d+:\d+|src\/runners\//);
    expect(places.flatMap(({ frames }) => frames).join()).not.toContain('node:');
    expect(places.flatMap(({ frames }) => frames.slice(0, 1)).join()).toContain('planted-bugs.ts');
  });

  test('ends with a line that repeats it byte for byte', async () => {
    const line = formatExplanation(explanation).at(-1);
    expect(line?.role).toBe('command');
    const [, word = ''] = /^checkReplay\(executor, decodeToken\('(.*)'\)\)$/.exec(line?.text ?? '') ?? [];
    const report = await checkReplay(createExecutor(bug), decodeToken(word));
    expect([report.isReproduced, report.verdict.traceHash]).toEqual([true, shrunk.verdict.traceHash]);
  });

  test('ends with a command line if a file of the scenario is known, or its token cannot be read', async () => {
    const named = await explain(createExecutor(bug), shrunk.log, { reference: './bugs.ts#bug' });
    expect(formatExplanation(named).at(-1)?.text).toBe(`dryrunner replay ${named.token}`);
    const stored = { ...explanation, token: 'dr1:of-another-version' };
    expect(formatExplanation(stored).at(-1)?.text).toBe('dryrunner replay dr1:of-another-version');
  });

  test('is plain data', () => {
    expect(structuredClone(explanation)).toEqual(explanation);
    expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation);
  });

  test('is the same for the same log', async () => {
    expect(await explain(createExecutor(bug), shrunk.log)).toEqual(explanation);
  });
});

test('half of all histories have at most seven lines', async () => {
  const lengths = [];
  for (const bug of plantedBugs) lengths.push((await explained(bug, 2))[0].history.length);
  lengths.sort((a, b) => a - b);
  expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThanOrEqual(7);
});

describe('a failure that is explained', () => {
  test('reads from the top: what, how, what instead, where, and the line to paste', async () => {
    const [explanation] = await explained(bugNamed('abort-wins'));
    const lines = formatExplanation(explanation).map(({ text }) => text);
    const isFrame = (line: string): boolean => line.startsWith('    ');
    expect(lines.filter((line) => !isFrame(line)).slice(0, -1)).toEqual([
      'abort-wins fails at 50 ms: run 0 was aborted and is TIMEDOUT, when "patience in round 0" is 2 (of 0 to 2) and the deadline of run 0 comes before the sleep set in run (planted-bugs.ts:77), due at the same time.',
      'What happened',
      '   0 ms   worker accepted run 0: ["sleep 80","complete 0"], timeout 50 ms',
      '   0 ms ? "patience in round 0" is 2 (of 0 to 2)',
      '   0 ms   run 0 of worker became RUNNING  (by "worker start", set at the start)',
      '  50 ms ? the deadline of run 0 comes before the sleep set in run (planted-bugs.ts:77), due at the same time  (set at 0 ms by "worker start")',
      '  50 ms   worker was asked to abort run 0  (by the sleep set in run (planted-bugs.ts:77), set at the start)',
      '  50 ms   run 0 of worker became TIMEDOUT  (by the end of the process of run 0, set at 50 ms by the deadline of run 0)',
      '  50 ms ! run 0 was aborted and is TIMEDOUT',
      'What would have held',
      '  If the sleep set in run (planted-bugs.ts:77) had come before the deadline of run 0 at 50 ms, nothing would have failed.',
      '  In the passing execution: 50 ms: run 0 of worker became ABORTED. In the failing execution: 50 ms: run 0 of worker became TIMEDOUT.',
      'Where',
      '  the deadline of run 0 goes back to "worker start", which was set',
      '  the sleep set in run (planted-bugs.ts:77)',
      '  the failure was noticed',
      '  "patience in round 0" was decided',
      'To see it again',
    ]);
    expect(lines).toContainEqual(expect.stringMatching(/^ {4}Object\.run \(.*planted-bugs\.ts:\d+:\d+\)$/));
  });

  test('says which job a run was for, because that is the name its author knows', async () => {
    const [{ history }] = await explained(bugNamed('double-start'));
    const starts = history.filter(({ text }) => / accepted run .* for job-0/.test(text));
    expect(starts).toHaveLength(2);
  });

  test('says which other runs did not complete, where there is room', async () => {
    const scenario = defineScenario({
      name: 'one-after-the-other',
      description: 'what becomes of the last job depends on the first',
      async run(sim) {
        const runner = createSimulatedRunner(sim.world, { history: 0 });
        for (const sleepMs of [9, 3, 3, 3, 3, 9]) {
          const command = { argv: [`sleep ${sleepMs}`, 'complete 1'], timeoutMs: 5 };
          await finalStatus(runner, (await runner.run(command)).runId);
        }
        await runner.release();
        sim.check(false, 'run 5 has not ended as it should');
      },
    });
    const { history } = await explain(createExecutor(scenario), []);
    expect(history.map(({ text }) => text)).toContain('run 0 of runner became TIMEDOUT');
  });

  test('shows drawn values, and not the answers that made them', async () => {
    const tired = defineScenario({
      name: 'tired',
      description: 'short lists of small numbers, or so its author believes',
      run(sim) {
        const pauses = sim.draw(fc.array(fc.nat(9), { maxLength: 5 }), 'pauses');
        const limit = sim.draw(fc.integer({ min: 3, max: 90 }), 'limit');
        const eager = sim.draw(fc.boolean(), 'eager');
        sim.check(eager || pauses.length < 2 || limit < 20, 'too tired');
      },
    });
    const executor = createExecutor(tired);
    const found = await findFailure(executor, 1);
    const { log } = await shrink(executor, found.decisions(), keyOfVerdict(found), { maxExecutions: 2_000 });
    const { sentence, history, nearestPass, places } = await explain(executor, log);
    expect(sentence).toBe('tired fails at 0 ms: too tired, when "pauses" is [0,0] and "limit" is 20.');
    expect(history.map(({ text }) => text)).toEqual(['"pauses" is [0,0]', '"limit" is 20', 'too tired']);
    expect(nearestPass?.text).toBe('If "limit" had been 19 instead of 20, nothing would have failed.');
    expect(places[0]?.what).toBe('"limit" was drawn');
  });

  test('says for how long a fault of a node lasts, and how long it may', async () => {
    const patient = defineScenario({
      name: 'patient',
      description: 'a node is there again in time, or so its author believes',
      async run(sim) {
        const node = createNode(sim, {
          name: 'n1',
          faults: { crash: 2, strikesMax: 1, downMsMax: 400 },
          start: (world, { name, idPrefix }) => createFakeRunner(world, { name, idPrefix }),
        });
        await node.statusAll().catch(() => undefined);
        await sim.sleep(150);
        sim.check(node.state === 'up', 'it is not back');
        await node.release();
      },
    });
    const [{ sentence, nearestPass, valueOutcomes }] = await explained(patient);
    expect(sentence).toContain('and n1 is down for 200 ms');
    expect(nearestPass?.text).toBe(
      'If n1 had been down for 100 ms instead of 200 ms, nothing would have failed.',
    );
    expect(valueOutcomes.map(({ what, fails }) => ({ what, fails }))).toContainEqual({
      what: 'how long n1 is down',
      fails: ['200 ms', '300 ms'],
    });
  });

  test.each([
    [0, 'If "network status 0" had not been delayed, nothing would have failed.'],
    [1, 'If "network status 0" had been delayed by 10 ms instead of 20 ms, nothing would have failed.'],
  ])('shows the length of a delay, and one that is short enough: %i', async (late, text) => {
    const hasty = defineScenario({
      name: 'hasty',
      description: 'a reply comes at once, or so its author believes',
      async run(sim) {
        const worker = createSimulatedRunner(sim.world, { name: 'worker' });
        const options = { name: 'network', maxDelayMs: 40, delaySteps: 4 };
        const network = createChaosRunner(sim.world, worker, options);
        const { runId } = await worker.run({ argv: ['complete 0'] });
        await sim.sleep(5);
        const beganAtMs = sim.now();
        await network.status(runId);
        sim.check(sim.now() - beganAtMs <= late * 10, 'too late');
        await network.release();
      },
    });
    const found = await findFailure(createExecutor(hasty), 1);
    const log = found
      .decisions()
      .map((entry) => (entry.question.kind === 'delay' ? { ...entry, answer: late + 1 } : entry));
    const { sentence, nearestPass } = await explain(createExecutor(hasty), log);
    expect(sentence).toContain(`"network status 0" is delayed by ${(late + 1) * 10} ms`);
    expect(nearestPass?.text).toBe(text);
  });

  test('says that a drawn value had been another one where both read the same', async () => {
    const wordy = defineScenario({
      name: 'wordy',
      description: 'long texts differ in their last letter',
      run(sim) {
        const text = sim.draw(fc.constantFrom('x'.repeat(200), `${'x'.repeat(200)}y`), 'text');
        sim.check(!text.endsWith('y'), 'it ends in y');
      },
    });
    const { nearestPass } = await explain(createExecutor(wordy), [
      { question: draw('text integer'), n: 2, answer: 1 },
    ]);
    expect(nearestPass?.text).toBe('If "text" had been another value, nothing would have failed.');
  });

  test('names a draw apart from a choice of the same name', async () => {
    const twice = defineScenario({
      name: 'twice',
      description: 'draws and chooses under one name',
      run(sim) {
        const chosen = sim.choose('x', 4);
        const value = sim.draw(fc.integer({ min: 0, max: 9 }), 'x');
        sim.check(value < 3 || chosen < 2, 'both are large');
      },
    });
    const log = [
      { question: choice('x'), n: 4, answer: 2 },
      { question: question('draw', { owner: 'x', what: 'integer' }), n: 10, answer: 3 },
    ];
    const { sentence, history, nearestPass } = await explain(createExecutor(twice), log);
    expect(sentence).toBe(
      'twice fails at 0 ms: both are large, when "x" is 2 (of 0 to 3) and draw "x" is 3.',
    );
    expect(history.map(({ text }) => text)).toEqual([
      '"x" is 2 (of 0 to 3)',
      'draw "x" is 3',
      'both are large',
    ]);
    expect(nearestPass?.text).toBe('If draw "x" had been 2 instead of 3, nothing would have failed.');
  });

  test('shows a difference only where one can be read', async () => {
    const tagged = defineScenario({
      name: 'tagged',
      description: 'differs in what no line of the trace shows',
      async run(sim) {
        const variable = sim.choose('variable', 2);
        const worker = createSimulatedRunner(sim.world, { name: 'worker' });
        await worker.run({ argv: ['complete 0'], envVars: { CHOICE: String(variable) } });
        await worker.release();
        sim.check(variable === 0, 'not the plain one');
      },
    });
    const { nearestPass } = await explain(createExecutor(tagged), [
      { question: choice('variable'), n: 2, answer: 1 },
    ]);
    expect(nearestPass).toEqual({
      text: 'If "variable" had been 0 instead of 1, nothing would have failed.',
      changes: 1,
    });
  });

  test('says one sentence about a message of many lines, and shows the others below', async () => {
    const pictured = defineScenario({
      name: 'pictured',
      description: 'fails with a drawing',
      run: (sim) => sim.check(false, 'no order explains it\n\na |---|\nb   |---|'),
    });
    const explanation = await explain(createExecutor(pictured), []);
    const lines = formatExplanation(explanation).map(({ text }) => text);
    expect(lines.slice(0, 6)).toEqual([
      'pictured fails at 0 ms: no order explains it, even with every choice at its default.',
      'What happened',
      '  0 ms ! no order explains it',
      'In detail',
      '  a |---|',
      '  b   |---|',
    ]);
  });

  test('R204 names what is left, since when, and the line that made it', async () => {
    const forgetful = defineScenario({
      name: 'forgetful',
      description: 'releases its runner, or so its author believes',
      async run(sim) {
        const worker = createSimulatedRunner(sim.world, { name: 'worker' });
        await worker.run({ argv: ['sleep 1000'] });
        await sim.sleep(10);
      },
    });
    const { details, places, sentence, history } = await explain(createExecutor(forgetful), []);
    expect(sentence).toMatch(
      /^forgetful fails at 10 ms: The scenario has ended and left .* even with every choice at its default\.$/,
    );
    expect(details.map(({ text }) => text)).toContainEqual(
      expect.stringContaining('the process of run 0 on worker'),
    );
    expect(places.flatMap(({ frames }) => frames).join('\n')).toContain('explanation.test.ts');
    expect(history.map(({ text }) => text)).toContain('the process of run 0 of worker started');
  });

  test('R211 names who waits in a deadlock, and where', async () => {
    const endless = defineScenario({
      name: 'endless',
      description: 'waits for what never ends',
      async run(sim) {
        const worker = createFakeRunner(sim.world, { name: 'worker', capacity: 1 });
        const { runId } = await worker.run({ argv: ['x'] });
        if (sim.choose('impatient', 2) === 1) await worker.release();
        await finalStatus(worker, runId);
        await worker.release();
      },
    });
    const { details, nearestPass } = await explain(createExecutor(endless), []);
    expect(details.map(({ text }) => text).join('\n')).toMatch(
      /^the wait for the end of run 0 on worker, since 0 ms$/m,
    );
    expect(details.flatMap(({ frames }) => frames).join('\n')).toContain('explanation.test.ts');
    expect(nearestPass?.text).toBe('If "impatient" had been 1 instead of 0, nothing would have failed.');
  });

  test('R211 names who waits in a hook of the end, and where, behind the error of a hook before', async () => {
    const closing = defineScenario({
      name: 'closing',
      description: 'does not close',
      run(sim) {
        sim.onEnd(async () => {
          await Promise.race([]);
        });
        sim.onEnd(() => {
          throw new Error('not closed');
        });
      },
    });
    const { details } = await explain(createExecutor(closing), []);
    expect(details.map(({ text }) => text)).toEqual([
      'the scenario waits here, for a promise that nothing settles',
      'that promise was made here',
      'Deadlock: nothing is due any more, and the scenario awaits a promise that nothing is left to settle',
    ]);
    expect(details[0]?.frames.join('\n')).toContain('explanation.test.ts');
  });

  test('R211 shows the phase in which a run is stuck, and the notes of the scenario, rather than each log that it holds', async () => {
    const stuck = defineScenario({
      name: 'stuck',
      description: 'uploads to a store that never answers',
      async run(sim) {
        const uploader = { cancelBoundMs: Infinity, upload: () => new Promise<never>(() => {}) };
        sim.note('the store of logs is away');
        const worker = createSimulatedRunner(sim.world, { name: 'worker', uploader });
        const { runId } = await worker.run({ argv: ['complete 0'] });
        await finalStatus(worker, runId);
      },
    });
    const { history } = await explain(createExecutor(stuck), []);
    const texts = history.map(({ text }) => text);
    expect(texts).toContain('note: the store of logs is away');
    expect(texts.filter((text) => text.includes('phase'))).toEqual(['run 0 of worker began phase upload']);
    expect(texts.filter((text) => text.includes('output'))).toEqual([]);
  });

  test('needs several decisions to hold where no single one does', async () => {
    const either = defineScenario({
      name: 'either',
      description: 'two ways to fail',
      run(sim) {
        const faults = ['a', 'b', 'c', 'd'].filter((name) => sim.world.choices.choose(fault(name), 3) > 0);
        sim.check(faults.length < 2, 'faults');
      },
    });
    const log = ['a', 'b', 'c', 'd'].map((name) => ({ question: fault(name), n: 3, answer: 1 }));
    const { nearestPass } = await explain(createExecutor(either), log);
    expect(nearestPass).toMatchObject({
      changes: 3,
      text: 'If no fault had struck "b", and no fault had struck "c", and no fault had struck "d", nothing would have failed.',
    });
  });

  test('says so if nothing nearby holds', async () => {
    const hopeless = defineScenario({
      name: 'hopeless',
      description: 'always fails',
      run(sim) {
        sim.choose('anything', 3);
        throw new TypeError('broken');
      },
    });
    const explanation = await explain(createExecutor(hopeless), [
      { question: choice('anything'), n: 3, answer: 1 },
    ]);
    expect(explanation.nearestPass).toBeUndefined();
    expect(explanation.sentence).toContain('"broken" was thrown');
    expect(explanation.places[0]?.what).toBe('the error was thrown');
    expect(formatExplanation(explanation).map(({ text }) => text)).toContain(
      '  Nothing nearby: 2 executions with other decisions fail as well.',
    );
    const { nearestSearch } = explanation;
    const skipping = { ...explanation, nearestSearch: { ...nearestSearch, hasSkippedAnswers: true } };
    expect(formatExplanation(skipping).map(({ text }) => text)).toContain(
      '  Nothing nearby: 2 executions with other decisions fail as well; the pauses of its clients were not varied.',
    );
  });

  test.for([
    [
      0,
      [1, 1],
      { executions: 0, isComplete: false, untried: 2, stoppedBy: 'executions' },
      'Unknown: nothing nearby was tried, because no more executions were allowed, with 2 decisions left to vary.',
    ],
    [
      2,
      [1, 1],
      { executions: 2, isComplete: false, untried: 1, stoppedBy: 'executions' },
      'Unknown: none of the 2 executions tried nearby holds; no more executions were allowed, with 1 decision left to vary.',
    ],
  ] as const)(
    'of at most %i executions, with the answers %o, claims no more than was tried',
    async ([maxExecutions, answers, nearestSearch, text]) => {
      const hopeless = defineScenario({
        name: 'hopeless',
        description: 'always fails',
        run(sim) {
          for (const index of answers.keys()) sim.choose(`choice ${index}`, 3);
          throw new TypeError('broken');
        },
      });
      const log = answers.map((answer, index) => ({ question: choice(`choice ${index}`), n: 3, answer }));
      const explanation = await explain(createExecutor(hopeless), log, { maxExecutions });
      expect(explanation.nearestSearch).toEqual(nearestSearch);
      expect(formatExplanation(explanation).map((line) => line.text)).toContain(`  ${text}`);
    },
  );

  test('a search stopped before it begins does not claim that nothing holds', async () => {
    const executor = createExecutor(bugNamed('abort-wins'));
    const log = (await findFailure(executor, 1)).decisions();
    const explanation = await explain(executor, log, { shouldStop: () => true });
    expect(explanation.nearestSearch).toEqual({
      ...{ executions: 0, isComplete: false, stoppedBy: 'stopped' },
      untried: log.length,
    });
    expect(formatExplanation(explanation).map(({ text }) => text)).toContain(
      `  Unknown: nothing nearby was tried, because the search was stopped, with ${log.length} decisions left to vary.`,
    );
  });

  test('keeps to its limits of lines and executions', async () => {
    const executor = createExecutor(bugNamed('double-start'));
    const found = await findFailure(executor, 1);
    let executions = 0;
    const counting = {
      ...executor,
      execute: (request: Parameters<typeof executor.execute>[0]) => {
        executions += 1;
        return executor.execute(request);
      },
    };
    const { history, leftOut } = await explain(counting, found.decisions(), {
      linesMax: 5,
      maxExecutions: 2,
    });
    expect(history).toHaveLength(5);
    expect(leftOut).toBeGreaterThan(20);
    // The failing one, two on the search, and the passing one if it was found.
    expect(executions).toBeLessThanOrEqual(4);
  });

  test('shows a dozen lines at most, however much there is to show', async () => {
    const scenario = defineScenario({
      name: 'talkative',
      description: 'much happens',
      run(sim) {
        for (let i = 0; i < 40; i += 1) sim.note(`note ${i}`);
        sim.check(false, 'it was too much');
      },
    });
    const { history, leftOut } = await explain(createExecutor(scenario), []);
    expect(history).toHaveLength(12);
    expect(leftOut).toBe(29);
  });

  test('says how many decided orders it leaves out', async () => {
    const scenario = defineScenario({
      name: 'races',
      description: 'forty races, each of two',
      async run(sim) {
        for (let race = 0; race < 40; race += 1) {
          await Promise.all([sim.sleep(5, `hare ${race}`), sim.sleep(5, `tortoise ${race}`)]);
        }
        sim.check(false, 'the hare sleeps');
      },
    });
    const log = Array.from({ length: 40 }, (_, race) => {
      return { question: order(`hare ${race}`), n: 2, answer: 1 };
    });
    const explanation = await explain(createExecutor(scenario), log, { maxExecutions: 0 });
    const decided = explanation.history.filter(({ role }) => role === 'decision');
    expect(decided).toHaveLength(11);
    expect(explanation.leftOut).toBe(29);
    const texts = formatExplanation(explanation).map(({ text }) => text.trim());
    expect(texts).toContain('(29 more lines left out; explain with linesMax: Infinity shows them)');
  });

  test('refuses an execution that holds', async () => {
    const executor = createExecutor(bugNamed('abort-wins'));
    await expect(explain(executor, [])).rejects.toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
    await expect(explain(3 as never, [])).rejects.toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
    expect(() => formatExplanation(3 as never)).toThrow(
      expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT' }),
    );
  });
});
