import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRandomStream } from '../../src/kernel/seeded-random.ts';
import { decisionLogLines } from '../../src/trace/decision-log-file.ts';
import { jsonLines, run, startIn, type Finished } from './command.ts';
import { choice } from '../questions.ts';

let dir = '';
/** A seed under which each of them fails. */
let dieSeed = '';
let streamSeed = '';
const at = (name: string): string => join(dir, name);

const SCENARIOS = `
import { writeSync } from 'node:fs';
const define = (name, run) => ({ name, description: 'of a test', run });
export const die = define('die', async (sim) => {
  await sim.sleep(3);
  sim.check(sim.choose('die', 6) < 4 || sim.choose('another', 6) < 1, 'too much');
});
// Never fails with the random stream of an exploration.
export const stream = define('stream', (sim) => {
  const drawn = sim.world.random.int(1_000);
  sim.check(drawn === ${createRandomStream('1').int(1_000)} || sim.choose('toss', 2) === 0, 'odd');
});
export const noted = define('noted', (sim) => {
  for (let step = 0; step < 30; step += 1) sim.note('step ' + step);
  sim.check(false, 'noted enough');
});
export const sender = define('sender', (sim) => {
  const message = { type: 'message', runner: 'a', to: 'b', step: 'sent', kind: 'message', name: 'put', id: 1 };
  sim.world.tracer.record({ at: 0, ...message, detail: 'much' });
  sim.note('before');
});
export const fine = define('fine', (sim) => sim.sleep(1));
export const hang = define('hang', (sim) => { if (sim.choose('die', 3) < 9) for (;;); });
export const spin = define('spin', (sim) => {
  for (let toss = 0; toss < 9_000; toss += 1) sim.choose('toss', 3);
  for (;;);
});
export const stalled = {
  ...define('stalled', async (sim) => {
    const beat = () => sim.world.clock.timer('heartbeat', 10, beat);
    beat();
    await releaseOf(sim.choose('is it lost', 4) < 3);
  }),
  options: { leftovers: 'ignore' },
};
async function releaseOf(isReleased) {
  const released = isReleased ? 'at once' : new Promise(() => {});
  await released;
}
export const endless = { ...define('endless', async (sim) => { for (;;) await sim.sleep(1); }), options: { maxEvents: 260_000 } };
export const stuck = define('stuck', async (sim) => { await new Promise(() => {}); });
export const slow = define('slow', (sim) => {
  const answer = sim.choose('die', 6);
  writeSync(2, 'ran\\n');
  // As a breakpoint does: no turn of the event loop, for longer than --hang.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
  sim.check(answer > 9, 'small');
});
`;

const dryrunner = (...args: readonly string[]): Promise<Finished> => startIn(dir, ...args).finished;
/** The first of the seeds 1 to 50 that fails. */
async function failingSeed(name: string): Promise<string> {
  const { out } = await dryrunner('run', `s.mjs#${name}`, '--seeds', '50', '--json');
  return String(jsonLines(out).at(-1)?.['firstFailingSeed']);
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dryrunner-explain-'));
  await writeFile(at('s.mjs'), SCENARIOS);
  [dieSeed, streamSeed] = await Promise.all([failingSeed('die'), failingSeed('stream')]);
});

afterAll(() => rm(dir, { recursive: true }));

test('a shipped scenario comes before a folder of its name', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dryrunner-named-'));
  try {
    await mkdir(join(folder, 'lost-reply'));
    const { code, out, err } = await startIn(folder, 'explain', 'lost-reply', '--seed', '1').finished;
    expect([code, out, err]).toEqual([0, expect.stringContaining('it holds'), '']);
  } finally {
    await rm(folder, { recursive: true });
  }
});

// N4: no command shrank or explained a given seed.
describe('explain', () => {
  test('shrinks and explains the failure of a seed, and exits with 1; run names the command', async () => {
    const ran = await dryrunner('run', 's.mjs#die', '--seed', dieSeed);
    expect(ran.out).toContain(`  to explain it: npx dryrunner explain s.mjs#die --seed ${dieSeed}\n`);
    const { code, out } = await dryrunner('explain', 's.mjs#die', '--seed', dieSeed);
    expect(out).toMatch(
      /^die, seed 5: check\nof a test\ndie fails at 3 ms: too much[^]*What happened\n[^]*"die" is 4 \(of 0 to 5\)[^]*What would have held\n[^]*nothing would have failed[^]* \d+ executions/,
    );
    expect(code).toBe(1);
    const [, token = ''] = /(dr2:\S+)/.exec(out) ?? [];
    for (const again of await Promise.all([dryrunner('replay', token), dryrunner('explain', token)])) {
      expect(again.out).toContain('"die" is 4 (of 0 to 5)');
      expect(again.code).toBe(1);
    }
  });

  test('--no-shrink explains it as found, and --json gives one object', async () => {
    const [found, ...more] = jsonLines(
      (await dryrunner('explain', 's.mjs#die', '--seed', dieSeed, '--no-shrink', '--json')).out,
    );
    expect(more).toEqual([]);
    expect(found).toMatchObject({
      ...{ type: 'explained', scenario: 'die', held: false, kind: 'check', key: 'check too much' },
      shrinkEnd: 'executions',
      token: expect.stringMatching(/^dr2:/),
      nearestPass: { text: expect.stringContaining('nothing would have failed') },
    });
    expect(found?.['history']).not.toEqual([]);
  });

  test('--all-lines leaves out no line, which a history with fewer says', async () => {
    const short = await dryrunner('explain', 's.mjs#noted');
    expect(short.out).toMatch(/\(\d+ more lines left out; explain TOKEN --all-lines shows them\)\n/);
    expect(short.out).not.toContain('note: step 3\n');
    const [, token = ''] = /(dr2:\S+)/.exec(short.out) ?? [];
    const all = await dryrunner('explain', token, '--all-lines');
    expect(all.out).toContain('note: step 3\n');
    expect(all.out).not.toContain('left out');
    const [found] = jsonLines((await dryrunner('explain', token, '--all-lines', '--json')).out);
    expect(found?.['history']).toHaveLength(31);
  });

  test('a stall is shrunk and explained: where it waits, and what runs for ever', async () => {
    const { code, out } = await dryrunner('explain', 's.mjs#stalled', '--seed', await failingSeed('stalled'));
    expect(out).toMatch(
      /In detail\n {2}the scenario waits here, for a promise that nothing settles\n {4}releaseOf \(\S*s\.mjs:\d+:\d+\)\n[^]* {2}repeats: heartbeat, every 10 ms\n/,
    );
    expect(out).toContain('If "is it lost" had been 2 instead of 3, nothing would have failed.');
    const [, token = ''] = /(dr2:\S+)/.exec(out) ?? [];
    const again = await dryrunner('replay', token);
    expect(again.out).toMatch(/^stalled fails at \d+ ms: .*\n {2}reproduced, trace hash [^]*releaseOf \(/);
    expect([code, again.code]).toEqual([1, 1]);
  });

  test('an endless execution is explained by its beginning, and says so', async () => {
    const { out } = await dryrunner('explain', 's.mjs#endless', '--time', '10m');
    expect(out).toMatch(
      /\n {2}nothing to shrink: it fails with every choice at its default\n {2}explained by the first 250,000 of its 260,000 events\n/,
    );
  });

  test('a failure that depends on the random stream of its seed is repeated by its token', async () => {
    const { out } = await dryrunner('explain', 's.mjs#stream', '--seed', streamSeed);
    const [, token = ''] = /(dr2:\S+)/.exec(out) ?? [];
    const again = await dryrunner('replay', token);
    expect(again.out).toMatch(
      /^stream fails at 0 ms in \S+ \(s\.mjs:\d+\): odd, .*\n {2}reproduced, trace hash /,
    );
    expect(again.code).toBe(1);
  });

  test('takes a trace and a log of the corpus', async () => {
    await Promise.all([
      dryrunner('run', 's.mjs#die', '--seed', dieSeed, '--trace', 'die.jsonl'),
      dryrunner('explore', 's.mjs#die', '--corpus', 'corpus', '--no-shrink'),
    ]);
    const [log = ''] = await readdir(at('corpus/die'));
    const files = ['die.jsonl', join('corpus', 'die', log)];
    for (const { code, out } of await Promise.all(files.map((file) => dryrunner('explain', file)))) {
      expect(out).toMatch(/^die: check\n[^]*"die" is 4 \(of 0 to 5\)[^]*What would have held/);
      expect(code).toBe(1);
    }
  });

  test('an execution that holds is reported as such, with exit 0', async () => {
    expect(await dryrunner('explain', 's.mjs#fine', '--seed', '8')).toMatchObject({
      code: 0,
      out: 'fine, seed 8: it holds, so there is nothing to explain\n',
    });
    const { out } = await dryrunner('explain', 's.mjs#fine', '--json');
    expect(jsonLines(out)).toMatchObject([{ type: 'explained', scenario: 'fine', held: true }]);
  });

  test('a hang is reported with the decisions that led there, a deadlock with who waits', async () => {
    const hang = await dryrunner('explain', 's.mjs#hang', '--hang', '1s', '--seed', '2');
    expect(hang.out).toMatch(
      /^hang, seed 2: hang\n[^]*made no progress for [^]*last decision: "die" out of 3/,
    );
    const stuck = await dryrunner('explain', 's.mjs#stuck');
    expect(stuck.out).toMatch(/^stuck, seed 1: deadlock[^]*What happened/);
    expect([hang.code, stuck.code]).toEqual([1, 1]);
  });

  // The time at which a thread died is unknown; 9,000 decisions make a token of 70,000 characters.
  test('what takes its thread down after many decisions has no time, and a line that can be typed', async () => {
    const { code, out } = await dryrunner('explain', 's.mjs#spin', '--hang', '1s', '--seed', '8');
    expect(out).toMatch(
      /\n {2}! the execution made no progress for [^]*earlier decisions left out\)\n {2}again: npx dryrunner explain s\.mjs#spin --seed 8\n/,
    );
    expect(out).not.toMatch(/ ms !|dr2:/);
    expect(code).toBe(1);
  });

  test.for([
    ['check too much', 3, /hang: fails differently, hang\n {2}expected "check too much"\n/],
    [undefined, 1, /hang: hang\n/],
  ] as const)(
    'a log kept for %j that takes its thread down is judged as by replay: %i',
    async ([failureKey, code, text]) => {
      const meta = { reference: at('s.mjs#hang'), ...(failureKey === undefined ? {} : { failureKey }) };
      const lines = decisionLogLines([{ question: choice('die'), n: 3, answer: 1 }], {
        scenario: 'hang',
        meta,
      });
      await writeFile(at('hang.jsonl'), [...lines].join(''));
      for (const command of ['replay', 'explain']) {
        const ended = await dryrunner(command, 'hang.jsonl', '--hang', '1s');
        expect(ended.out).toMatch(text);
        expect(ended.code).toBe(code);
        // Only an explanation calls the scenario by its name alone.
        expect(ended.out.startsWith('hang: ')).toBe(command === 'explain' && failureKey === undefined);
      }
    },
  );

  test.for([
    [['s.mjs'], /s\.mjs: expected one scenario, got 11: give one of s\.mjs#die, /],
    [['s.mjs#nobody'], /exports no scenario "nobody"/],
    [['no-such'], /no scenario is called "no-such"/],
    [['no-such.jsonl'], /no-such\.jsonl/],
    [['dr2:abc'], /replay token: expected a whole token/],
    [['true.jsonl'], /expected a simulated execution, got a recording of real commands/],
    [['log.jsonl', '--seed', '8'], /--seed: expected with a scenario/],
    [['s.mjs#die', '--time', 'soon'], /duration such as/],
    [['true.jsonl', '--debug'], /expected a simulated execution/],
  ] as const)('%o is wrong usage', async ([args, text]) => {
    await writeFile(at('log.jsonl'), '');
    if (args[0] === 'true.jsonl') await dryrunner('exec', '--trace', at('true.jsonl'), '--', 'true');
    const { code, out, err } = await dryrunner('explain', ...args);
    expect(err).toMatch(text);
    expect([code, out]).toEqual([2, '']);
  });

  test('does not load a module outside the folder that a token names', async () => {
    const { out } = await run('explain', `${dir}/s.mjs#die`, '--seed', dieSeed);
    const [, token = ''] = /(dr2:\S+)/.exec(out) ?? [];
    const { code, err } = await run('explain', token);
    expect(err).toContain('a token or a file loads only modules under the folder');
    expect(code).toBe(2);
    expect((await run('explain', token, '--allow', dir)).code).toBe(1);
  });
});

// N5: a breakpoint of 14 s was reported as a hang, after the scenario had run four times.
describe('--debug', () => {
  test.for(['explain', 'replay'] as const)('%s runs it once, however long it is paused', async (command) => {
    const first = await dryrunner('explain', 's.mjs#slow', '--debug', '--hang', '1s');
    expect([first.code, first.err]).toEqual([1, 'ran\n']);
    expect(first.out).toMatch(
      /^s\.mjs#slow: run once, it fails \(check\), trace hash \w+\n {2}small\n {4}at .*s\.mjs:/,
    );
    const header = { scenario: 'slow', meta: { reference: 's.mjs#slow', failureKey: 'check small' } };
    await writeFile(
      at('slow.jsonl'),
      [...decisionLogLines([{ question: choice('die'), n: 6, answer: 4 }], header)].join(''),
    );
    const again = await dryrunner(command, 'slow.jsonl', '--debug', '--hang', '1s', '--json');
    expect([again.code, again.err]).toEqual([1, 'ran\n']);
    expect(jsonLines(again.out)).toMatchObject([
      { type: 'replay', reproduced: true, failure: { kind: 'check', message: 'small' } },
    ]);
  });

  test('is refused for a recording, which cannot be paused', async () => {
    await dryrunner('exec', '--trace', at('sleep.jsonl'), '--', 'true');
    const { code, err } = await dryrunner('replay', 'sleep.jsonl', '--debug');
    expect(err).toContain('--debug: a recording is of a real command');
    expect(code).toBe(2);
  });
});

// N6: an added note made a token worthless, and two lines were all that was said.
describe('a log after the code has changed', () => {
  const change = async (from: string, to: string): Promise<void> =>
    writeFile(at('s.mjs'), (await readFile(at('s.mjs'), 'utf8')).replace(from, to));
  let token = '';

  beforeAll(async () => {
    const { out } = await dryrunner('explain', 's.mjs#die', '--seed', dieSeed);
    token = /(dr2:\S+)/.exec(out)?.[1] ?? '';
    await dryrunner('run', 's.mjs#die', '--seed', dieSeed, '--trace', 'noted.jsonl');
  });

  test('still fits if only notes were added', async () => {
    await change('await sim.sleep(3);', "sim.note('begins'); await sim.sleep(3);");
    const { code, out } = await dryrunner('replay', token);
    expect(out).toMatch(
      /^die fails at 3 ms in \S+ \(s\.mjs:\d+\): too much, .*\n {2}reproduced, after other events: .*\nWhat happened\n[^]*begins/,
    );
    expect(code).toBe(1);
    const trace = await dryrunner('replay', 'noted.jsonl');
    expect(trace.out).toMatch(
      /^die, seed \d+, fails at 3 ms in \S+ \(s\.mjs:\d+\): too much\n {2}reproduced, with other notes: .*begins/,
    );
    expect(trace.code).toBe(1);
    await writeFile(at('s.mjs'), SCENARIOS);
  });

  test('is reproduced if only notes and details for people have changed', async () => {
    await dryrunner('run', 's.mjs#sender', '--trace', 'sender.jsonl');
    await writeFile(
      at('s.mjs'),
      SCENARIOS.replace("detail: 'much'", "detail: 'less'").replace("note('before')", "note('after')"),
    );
    const { code, out } = await dryrunner('replay', 'sender.jsonl');
    await writeFile(at('s.mjs'), SCENARIOS);
    expect(out).toContain('reproduced, with other notes: event 1 differs in text: "before" against "after"');
    expect(code).toBe(0);
  });

  test.for([
    [
      'still fails',
      "choose('another', 6)",
      "choose('another', 7)",
      /still asked: it fails at 3 ms in \S+ \(s\.mjs:\d+\): too much, .*\n.*expected "another" out of 6 .*, got "another" out of 7 [^]*What happened/,
    ],
    [
      'holds',
      "choose('die', 6)",
      "choose('dice', 6)",
      /still asked: it holds, at 3 ms after 1 event\n.*expected "die" out of 6 .*, got .*\n[^]*What happened\n[^]*it holds/,
    ],
  ] as const)('that no longer fits is shown with what happens now: it %s', async ([, from, to, now]) => {
    await change(from, to);
    const all = await Promise.all([
      dryrunner('replay', token),
      dryrunner('explain', token),
      dryrunner('replay', 'noted.jsonl'),
    ]);
    await writeFile(at('s.mjs'), SCENARIOS);
    for (const { code, out } of all) {
      expect(out).toMatch(
        /^s\.mjs#die: the log does not fit; now, .*\n {2}decision \d of the log does not fit: /,
      );
      expect(out).toMatch(now);
      expect(code).toBe(3);
    }
  });
});
