// Names and values of a scenario's code may hold line breaks and escape sequences; a report stays in its lines.
import { describe, expect, test } from 'vitest';
import { createMemoryDisk } from '../../../src/disks/memory-disk.ts';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explain } from '../../../src/explore/explain/explanation.ts';
import { formatExplanation, formatHistory } from '../../../src/explore/explain/explanation-text.ts';
import { formatEffort, formatUnexplained } from '../../../src/explore/explain/failing-text.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import { simulate } from '../../../src/simulation/simulate.ts';
import { factText } from '../../../src/simulation/failure-fact.ts';
import { formatEntry } from '../../../src/trace/recording/entry-text.ts';
import { formatEvent } from '../../../src/trace/event-text.ts';
import { choice } from '../../questions.ts';
import { createMutex } from '../../../src/locks/mutex.ts';
import { failingWith } from '../failing-executions.ts';

const NAME = 'one\n  7 ms ! two\u001b[2J';
const SHOWN = 'one\\n  7 ms ! two\\u001b[2J';
const BREAKING = /[\p{Cc}\u2028\u2029]/u;

const hostile = defineScenario({
  name: 'hostile',
  description: 'names of all kinds break lines',
  async run(sim) {
    const disk = createMemoryDisk(sim.world, { name: `disk ${NAME}` }).mount(sim.world);
    sim.note(`note ${NAME}`);
    await disk.write(`file ${NAME}`, 'text');
    const letter = sim.choose(`choice ${NAME}`, 2);
    await sim.sleep(5, `sleep ${NAME}`);
    if (letter === 1) throw new Error(`message ${NAME}`);
  },
});
const LOG = [{ question: choice(`choice ${NAME}`), n: 2, answer: 1 }];

describe('an explanation of names that break lines', () => {
  test('has as many lines as it composes, with each name in its line', async () => {
    const explanation = await explain(createExecutor(hostile), LOG);
    const lines = formatExplanation(explanation).map(({ text }) => text);
    expect(lines.filter((line) => BREAKING.test(line))).toEqual([]);
    for (const what of ['note', 'file', 'disk', 'choice']) {
      expect(lines.filter((line) => line.includes(`${what} ${SHOWN}`)).length, what).toBeGreaterThan(0);
    }
    const { history, leftOut } = explanation;
    const heads = formatHistory(history, leftOut).filter(({ text }) => /^ +\d+ ms [ ?!]/.test(text));
    expect(heads).toHaveLength(history.length);
  });

  test('shortens long names in the middle, and nothing that a reader copies', async () => {
    const long = `a${'x'.repeat(9_998)}z`;
    const flood = defineScenario({
      name: 'flood',
      description: 'names that are long',
      async run(sim) {
        sim.note(`note ${long}`);
        await sim.sleep(5, `sleep ${long}`);
        sim.check(sim.choose(`choice ${long}`, 2) === 0, `message ${long}`);
      },
    });
    const log = [{ question: choice(`choice ${long}`), n: 2, answer: 1 }];
    const explanation = await explain(createExecutor(flood), log);
    const lines = formatExplanation(explanation);
    const text = lines.flatMap((line) => (line.role === 'command' ? [] : [line.text])).join('\n');
    expect(text).not.toContain('x'.repeat(121));
    for (const what of ['note', 'choice', 'message']) {
      const shown = `${what} a${'x'.repeat(119)}…(`;
      expect(text, what).toContain(shown);
    }
    expect(text).toMatch(/…\(9840 characters\)…x{39}z/);
    expect(lines.at(-1)?.text).toBe(`checkReplay(executor, decodeToken('${explanation.token}'))`);
    expect(explanation.sentence).toContain(long);
  });

  test('keeps a path with a long folder and an address with a long query whole, also in the headline', async () => {
    const path = `/work/${'f'.repeat(230)}/a.txt`;
    const address = `https://example.org/a?query=${'q'.repeat(230)}`;
    const scenario = defineScenario({
      name: 'lost-file',
      description: 'a file is lost',
      run(sim) {
        sim.note(`asks for ${address}`);
        sim.check(false, `${path} is lost`);
      },
    });
    const lines = formatExplanation(await explain(createExecutor(scenario), [])).map(({ text }) => text);
    expect(lines[0]).toContain(`lost-file fails at 0 ms: ${path} is lost`);
    expect(lines.slice(1, 4)).toEqual([
      'What happened',
      `  0 ms   note: asks for ${address}`,
      `  0 ms ! ${path} is lost`,
    ]);
  });

  test('names who waits for what in one line', async () => {
    const stuck = defineScenario({
      name: 'stuck',
      description: 'a lock is never freed',
      async run(sim) {
        const lock = createMutex(sim.world, { name: `lock ${NAME}` });
        await lock.acquire({ owner: `first ${NAME}` });
        await lock.acquire({ owner: `second ${NAME}` });
      },
    });
    const lines = formatExplanation(await explain(createExecutor(stuck), [])).map(({ text }) => text);
    expect(lines.filter((line) => BREAKING.test(line))).toEqual([]);
    expect(lines.join('\n')).toContain(`lock ${SHOWN}`);
  });
});

test('without an explanation, a message keeps its lines, each indented, and names break none', () => {
  const shown = formatUnexplained({
    message: `first\r\nsecond \u001b[2J`,
    details: [`a detail\nbelow it \u0007`],
    decisions: LOG,
    atMs: 5,
  });
  expect(shown.map(({ text }) => text)).toEqual([
    '  first',
    '  second \\u001b[2J',
    '    a detail',
    '    below it \\u0007',
    'What was decided',
    `    ? "choice ${SHOWN}" is 1 (of 0 to 1)`,
    '  5 ms ! first second \\u001b[2J',
  ]);
});

test('a fact of a failure is one line, and its stack keeps its lines', () => {
  expect(factText({ kind: 'wait', text: `wait ${NAME}`, count: 2, stack: 'at a\nat b' })).toBe(
    `wait ${SHOWN} (2 times)\nat a\nat b`,
  );
});

test('what became of a failure is one line each', () => {
  const lines = formatEffort(failingWith({ file: `folder ${NAME}` }), () => '', undefined);
  expect(lines).toEqual([`  kept in folder ${SHOWN}, and tried first next time`]);
});

test('events and entries of a recording are described in one line', () => {
  const runner = `runner ${NAME}`;
  expect(formatEvent({ type: 'note', at: 5, runner, text: NAME })).toBe(
    `5 ms: runner ${SHOWN} notes: ${SHOWN}`,
  );
  expect(formatEntry({ type: 'runner', at: 5, runner } as never)).toBe(
    `5 ms: runner runner ${SHOWN} was made`,
  );
});

// Libraries of assertions colour their messages where they find a terminal; a failure has the same key without one.
test('a failure is the same with and without the colours of its message', async () => {
  const { failure } = await simulate({
    scenario: (sim) => sim.check(false, '\u001b[32m+ actual\u001b[39m \u001b[2J'),
  });
  expect(failure?.message).toBe('+ actual \u001b[2J');
});
