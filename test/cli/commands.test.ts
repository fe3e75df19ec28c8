import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeToken } from '../../src/explore/replay-token.ts';
import { decisionLogLines } from '../../src/trace/decision-log-file.ts';
import { jsonLines, run, start } from './command.ts';
import { choice } from '../questions.ts';

/** The shipped scenarios, in their order. */
const SHIPPED: readonly string[] = [
  'theta-pool',
  'timeout-race',
  'lost-reply',
  'restart',
  'filer-faults',
  'polling-client',
  'three-runners-two-aborts',
  'raft',
  'fencing',
  'work-queue',
  'two-phase-commit',
  'lease',
  'failure-detector',
  'build-farm',
];

/** Zombies that nobody reaps do not count as alive. */
function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

let dir = '';
const at = (name: string): string => join(dir, name);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dryrunner-cli-'));
  await writeFile(
    at('failing.mjs'),
    `export default { name: 'failing', description: 'fails', run: (sim) => sim.check(sim.choose('luck', 2) === 0, 'out of luck') };
     export const forgetful = { name: 'forgetful', description: 'leaves a timer', run: (sim) => { sim.world.clock.timer('left', 5, () => {}); } };`,
  );
  await writeFile(at('broken.mjs'), 'export default {');
  await writeFile(at('nothing.mjs'), 'const unused = 1;');
  await writeFile(at('wrong.mjs'), 'export const scenario = { name: "x", run() {} };');
  await writeFile(at('helpers.mjs'), 'export class Server {} export const settings = { name: "x" };');
  await writeFile(
    at('list.mjs'),
    "export const scenarios = [{ name: 'x', description: 'y', run: () => {} }, 7];",
  );
  await writeFile(
    at('loading.mjs'),
    "process.stderr.write('loading\\n'); await new Promise((resolve) => setTimeout(resolve, 600_000)); export default 7;",
  );
  await writeFile(
    at('endless.mjs'),
    `export default { name: 'endless', description: 'goes on', run: async (sim) => { for (;;) await sim.sleep(1); } };`,
  );
});

afterAll(() => rm(dir, { recursive: true }));

describe('wrong usage says what was expected and exits with 2', () => {
  test.for([
    [['nonsense'], /unknown command 'nonsense'/],
    [['nonsense', '--help'], /unknown command 'nonsense'/],
    [['run', './README.md'], /^error: .* Unknown file extension "\.md"(?!.*TypeScript)/m],
    [['run', '--sed', '3'], /unknown option '--sed'[^]*Did you mean --seed/],
    [['run', '--seeds', '0'], /whole number ≥ 1/],
    [['run', '--seed', ''], /Expected any text but an empty one/],
    [['explore', 'timeout-race', '--seed', ''], /Expected any text but an empty one/],
    [
      ['explore', 'timeout-race', '--seed', 'dr2:WyJ0aW1l'],
      /Expected a seed, got a token, which dryrunner replay/,
    ],
    [['run', 'timeout-race', '--seed', 'dr2:WyJ0aW1l'], /Expected a seed, got a token/],
    [['explain', 'timeout-race', '--seed='], /Expected any text but an empty one/],
    [['run', '--seed', '1', '--seeds', '2'], /either --seed S or --seeds N/],
    [['run', 'no-such-scenario'], /no scenario is called "no-such-scenario"; there are theta-pool, /],
    [
      ['run', '--trace', 't.jsonl'],
      new RegExp(`expected one scenario and one seed, got ${SHIPPED.length} scenarios`),
    ],
    [['run', 'theta-pol'], /no scenario is called "theta-pol"; the nearest is theta-pool; there are /],
    [
      ['replay', '/no/such/file'],
      /^error: expected a token \(dr2:…\) or a file that can be read, got "\/no\/such\/file" \(ENOENT/,
    ],
  ] as const)('dryrunner %o', async ([args, text]) => {
    const { code, out, err } = await run(...args);
    expect(err).toMatch(text);
    expect([code, out]).toEqual([2, '']);
  });

  test.for([
    ['broken.mjs', /broken\.mjs does not load: Unexpected/],
    ['nothing.mjs', /expected it to export scenarios, got a module without exports/],
    ['wrong.mjs', /its export scenario is no scenario: scenario\.description: expected a line of text/],
    ['helpers.mjs', /expected it to export a scenario, got Server, settings: make one with defineScenario/],
    ['list.mjs', /its export scenarios\[1\] is no scenario: scenario: expected a scenario definition, got 7/],
    ['absent.mjs', /absent\.mjs: expected a file that exports scenarios, but there is no such file\n/],
    ['.', /^error: \S+: expected a file that exports scenarios, got a directory\n$/],
    ['failing.mjs#other', /exports no scenario "other"; it has failing, forgetful/],
  ] as const)('an unusable scenario file: %s', async ([name, text]) => {
    const { code, err } = await run('run', at(name));
    expect(err).toMatch(text);
    expect(code).toBe(2);
  });
});

describe('P2: of several seeds', () => {
  /** What each seed came to, in their order. */
  async function resultsOf(name: string, isEndless: string, events: number): Promise<unknown[]> {
    await writeFile(
      at(`${name}.mjs`),
      `export default { name: '${name}', description: 'may take long', run: async (sim) => {
         const isEndless = ${isEndless};
         for (let nap = 0; isEndless || nap < ${events}; nap += 1) await sim.sleep(1, 'nap ' + nap);
       } };`,
    );
    const { code, out } = await run('run', at(`${name}.mjs`), '--seeds', '4', '--json');
    const verdicts = jsonLines(out).filter((line) => line['type'] === 'run') as unknown as {
      readonly seed: string;
      readonly events: number;
      readonly failure?: { readonly kind: string };
    }[];
    return [code, ...verdicts.map((one) => [one.seed, one.events, one.failure?.kind])];
  }

  test('one that goes on forever is ended early once another has ended', async () => {
    const isEndless = "sim.choose('how it goes on', 2) === 1";
    expect(await resultsOf('often', isEndless, 10)).toEqual([
      1,
      ['1', 250_000, 'budget'],
      ['2', 250_000, 'budget'],
      ['3', 250_000, 'budget'],
      ['4', 10, undefined],
    ]);
  });

  test('all may take long, and one that goes on forever twenty times as long as those', async () => {
    const isEndless = "sim.choose('how it goes on', 2) === 0";
    expect(await resultsOf('long', isEndless, 260_000)).toEqual([
      1,
      ['1', 260_000, undefined],
      ['2', 260_000, undefined],
      ['3', 260_000, undefined],
      ['4', 5_200_000, 'budget'],
    ]);
  });
});

test('a file may export other things beside its scenarios', async () => {
  await writeFile(
    at('beside.mjs'),
    "export class Server {} export const limits = [1, 2]; export default { name: 'beside', description: 'y', run: () => {} };",
  );
  expect(await run('run', at('beside.mjs'))).toMatchObject({
    code: 0,
    out: expect.stringContaining('beside') as string,
  });
});

describe('loaded code can fail in any way', () => {
  test.for([
    [
      'waits.mjs',
      'await new Promise(() => {}); export default {};',
      /awaits a promise that nobody will settle/,
    ],
    ['throws.mjs', 'throw null;', /throws\.mjs does not load/],
    [
      'throws-error.mjs',
      "\nthrow new Error('no config');",
      /does not load: no config \(at .*throws-error\.mjs:2:7\)/,
    ],
    [
      'unprepared.mjs',
      "export default { name: 'x', description: 'y', prepare: () => { throw new Error('no input'); }, run: () => {} };",
      /unprepared\.mjs#x: prepare failed: no input/,
    ],
  ] as const)('%s exits with 2 and one line', async ([name, text, expected]) => {
    await writeFile(at(name), text);
    const { code, err } = await run('run', at(name));
    expect(err).toMatch(expected);
    expect(code).toBe(2);
  });

  describe('a scenario that cannot be prepared', () => {
    const define = (name: string, body: string): string =>
      `export const ${name} = { name: '${name}', description: 'y', ${body} };`;
    const unprepared = define('unprepared', "prepare: () => { throw new Error('no input'); }, run: () => {}");
    const fails = define('fails', "run: (sim) => sim.check(false, 'broken')");
    const late = fails.replaceAll('fails', 'wrong');
    const holds = define('whole', 'run: () => {}');
    const commands = [['run'], ['explore', '--executions', '3', '--workers', '1']] as const;

    test.for(commands)('does not hide a failure that %s finds', async ([command, ...options]) => {
      const corpus = command === 'explore' ? ['--corpus', at('corpus')] : [];
      for (const [file, failing] of [['before.mjs', fails] as const, ['after.mjs', late] as const]) {
        await writeFile(at(file), [failing, unprepared].join('\n'));
        const { code, out, err } = await run(command, at(file), ...options, ...corpus);
        expect(out).toContain('broken');
        expect(err).toMatch(new RegExp(`^error: .*${file}#unprepared: prepare failed: no input$`, 'm'));
        expect(code).toBe(1);
      }
    });

    test.for(commands)(
      'lets %s go on with the others, and makes its exit code 2',
      async ([command, ...options]) => {
        const corpus = command === 'explore' ? ['--corpus', at('corpus')] : [];
        await writeFile(at('between.mjs'), [unprepared, holds].join('\n'));
        const { code, out, err } = await run(command, at('between.mjs'), ...options, ...corpus);
        expect(out).toMatch(command === 'run' ? /^whole +held /m : /^whole: no failure$/m);
        expect(err).toMatch(/between\.mjs#unprepared: prepare failed: no input/);
        expect(code).toBe(2);
      },
    );
  });

  test('a seed count too large for any machine is refused', async () => {
    const { code, err } = await run('run', 'timeout-race', '--seeds', '9007199254740991');
    expect(err).toContain('whole number ≥ 1 and ≤ 10000000');
    expect(code).toBe(2);
  });
});

describe('run', () => {
  test('R209 prints a verdict row per scenario, and the same line of JSON for the same seed', async () => {
    const table = await run('run', 'timeout-race', '--seed', 'any text');
    expect(table.out).toMatch(/^scenario +verdict +seeds +runs[^]*\ntimeout-race +held +1 +20 /);
    const lines = await Promise.all(
      [1, 2].map(async () =>
        jsonLines((await run('run', 'timeout-race', '--seed', 'any text', '--json')).out),
      ),
    );
    const [[first], [second]] = lines as [[Record<string, unknown>], [Record<string, unknown>]];
    expect(first).toMatchObject({
      type: 'run',
      scenario: 'timeout-race',
      seed: 'any text',
      held: true,
      runs: 20,
    });
    expect(first['traceHash']).toMatch(/^[0-9a-f]{16}$/);
    expect(second['traceHash']).toBe(first['traceHash']);
    expect(table.code).toBe(0);
  });

  test('a failed property shows the seed, the message and the line that repeats it, and exits with 1', async () => {
    const { code, out } = await run('run', at('failing.mjs#failing'), '--seeds', '10');
    expect(code).toBe(1);
    expect(out).toMatch(
      /failing, seed \d+: check at 0 ms\n {2}out of luck\n {4}at .*failing\.mjs:\d+:\d+\)?\n {2}again: npx dryrunner run .*failing\.mjs#failing --seed \d+\n/,
    );
  });

  test('R204 leftovers alone fail a scenario', async () => {
    const { code, out } = await run('run', at('failing.mjs#forgetful'), '--json');
    expect(code).toBe(1);
    expect(jsonLines(out)[0]).toMatchObject({
      held: false,
      failure: {
        kind: 'leftovers',
        rule: 'R204',
        details: [
          'timer left, due at 5 ms',
          expect.stringMatching(
            /^clear, await or release .* or allow it with the option leftovers: 'ignore'$/,
          ),
        ],
      },
    });
  });

  test('Ctrl-C prints what was done and exits with 130', async () => {
    const { child, prints, finished } = start('run', 'timeout-race', at('endless.mjs'), '--json');
    await prints('"type":"scenario"');
    child.kill('SIGINT');
    const { code, out } = await finished;
    expect(code).toBe(130);
    expect(jsonLines(out)[0]).toMatchObject({ type: 'run', scenario: 'timeout-race', held: true });
  });
});

test('an uncaught error of a scenario fails its seed, and the next seed is run', async () => {
  const scenario = (name: string, body: string): string =>
    `export const ${name} = { name: '${name}', description: 'x', run: async (sim) => { ${body} } };\n`;
  await writeFile(
    at('stray.mjs'),
    [
      scenario('forgets', "void (async () => { await null; throw new Error('lost'); })();"),
      scenario(
        'late',
        "let fail; new Promise((_, reject) => { fail = reject; }); await sim.sleep(5); queueMicrotask(() => fail('late'));",
      ),
      scenario('endless', "void Promise.reject('early'); for (;;) await sim.sleep(1);"),
      scenario('starved', "void sim.sleep(1).then(() => { throw 'dead'; }); await new Promise(() => {});"),
      scenario('tick', "process.nextTick(() => { throw 'tick'; }); await sim.sleep(9);"),
      scenario('micro', "queueMicrotask(() => { throw 'micro'; }); await sim.sleep(9);"),
      scenario('checks', "void sim.sleep(1).then(() => sim.check(false, 'the check')); await sim.sleep(9);"),
      scenario('both', "void Promise.reject('other'); sim.check(false, 'the check');"),
      scenario('before', "void Promise.reject('other'); await sim.sleep(1); sim.check(false, 'the check');"),
      scenario('fine', 'await sim.sleep(1);'),
    ].join(''),
  );
  const { code, out } = await run('run', at('stray.mjs'), '--seeds', '2', '--json');
  const runs = jsonLines(out).filter(({ type }) => type === 'run');
  const failures = runs.map(({ scenario: name, seed, failure }) => {
    const { kind, message, details } = (failure ?? {}) as Record<string, unknown>;
    return [name, seed, kind, message, details];
  });
  const table: [string, string, string, string[]][] = [
    ['forgets', 'error', 'unhandled rejection in the scenario: lost', []],
    ['late', 'error', 'unhandled rejection in the scenario: late', []],
    ['endless', 'error', 'unhandled rejection in the scenario: early', []],
    ['starved', 'error', 'unhandled rejection in the scenario: dead', []],
    ['tick', 'error', 'uncaught exception in the scenario: tick', []],
    ['micro', 'error', 'uncaught exception in the scenario: micro', []],
    ['checks', 'check', 'the check', []],
    ['both', 'check', 'the check', ['unhandled rejection in the scenario: other']],
    ['before', 'error', 'unhandled rejection in the scenario: other', []],
  ];
  const expected = [...table, ['fine', undefined, undefined, undefined] as const];
  const bySeed = expected.flatMap(([name, ...rest]) => ['1', '2'].map((seed) => [name, seed, ...rest]));
  const inOrder = (rows: readonly (readonly unknown[])[]): string[] =>
    rows.map((row) => JSON.stringify(row)).sort();
  expect(inOrder(failures)).toEqual(inOrder(bySeed));
  expect(code).toBe(1);
});

test('Ctrl-C while scenario files still load says so and exits with 130', async () => {
  const { child, prints, finished } = start('run', at('loading.mjs'));
  await prints('loading');
  child.kill('SIGINT');
  expect(await finished).toEqual({
    code: 130,
    out: '',
    err: 'loading\ninterrupted while scenarios were loading\n',
  });
});

test('Ctrl-\\ ends a scenario that keeps the thread busy, which Ctrl-C cannot', async () => {
  await writeFile(at('busy.mjs'), "console.error('busy'); for (;;);");
  const { child, prints, finished } = start('run', at('busy.mjs'));
  await prints('busy');
  child.kill('SIGINT');
  child.kill('SIGQUIT');
  expect(await finished).toMatchObject({ out: '', err: 'busy\n' });
  expect(child.signalCode).toBe('SIGQUIT');
});

describe('replay', () => {
  test.each([
    ['replay', 'workload-mine'],
    ['replay', 'parts-mine'],
    ['explain', 'scheduler-mine'],
  ])('%s of a token of %s, which a program has printed, says where to give it', async (verb, scenario) => {
    const kept = { scenario, failureKey: 'check it failed', traceHash: '0123456789abcdef' };
    const { code, err } = await run(verb, encodeToken({ ...kept, decisions: [] }));
    expect(code).toBe(2);
    expect(err).toMatch(
      /^error: the token is of [a-z]+-mine, which a program of yours has explored \(exploreRunner and the like\)[^]*\{ replay: 'dr2:…' \}/,
    );
  });

  test('of a token of another scenario that nobody has says which there are', async () => {
    const kept = { scenario: 'mine', failureKey: 'check it failed', traceHash: '0123456789abcdef' };
    const { err } = await run('replay', encodeToken({ ...kept, decisions: [] }));
    expect(err).toMatch(/^error: no scenario is called "mine"; there are theta-pool, /);
  });

  test('R209 a trace is reproduced; a damaged, truncated or too new one is refused with its line', async () => {
    expect((await run('run', 'lost-reply', '--seed', '4', '--trace', at('t.jsonl'))).code).toBe(0);
    const again = await run('replay', at('t.jsonl'));
    expect([again.code, again.out]).toEqual([
      0,
      expect.stringMatching(
        /^lost-reply, seed 4, holds, at .* after [\d,]+ events\n {2}reproduced, trace hash [0-9a-f]{16}\n$/,
      ),
    ]);
    const text = await readFile(at('t.jsonl'), 'utf8');
    await writeFile(at('damaged.jsonl'), text.replace('"answer":1', '"answer":0'));
    await writeFile(at('truncated.jsonl'), text.slice(0, text.length / 2));
    await writeFile(at('new.jsonl'), text.replace(/"version":\d+/, '"version":7'));
    for (const [name, problem] of [
      ['damaged.jsonl', /line \d+: expected/],
      ['truncated.jsonl', /line \d+/],
      ['new.jsonl', /version 7/],
    ] as const) {
      const { code, err } = await run('replay', at(name));
      expect(err).toMatch(problem);
      expect(code).toBe(2);
    }
  });

  test('of a trace prints each line of the message of its failure once, and escapes what stands in a line', async () => {
    const bad = [
      ['long', 'the first line\\n  and the second\\n\\nat length \\u001b[31m'],
      ['short', 'in \\u202etwo\\n lines'],
    ].map(
      ([name = '', text = '']) =>
        `export const ${name} = { name: '${name}', description: 'fails', run: () => { throw new Error('${text}'); } };\n`,
    );
    await writeFile(at('lines.mjs'), bad.join(''));
    for (const name of ['long', 'short']) {
      await run('run', `${at('lines.mjs')}#${name}`, '--trace', at(`${name}.jsonl`));
    }
    const replayed = (name: string): ReturnType<typeof run> =>
      run('replay', at(`${name}.jsonl`), '--allow', at('.'));
    const [long, short] = [await replayed('long'), await replayed('short')];
    expect(long.out.match(/and the second/g)).toHaveLength(2);
    expect(long.out).toMatch(
      /: the first line and the second\n {2}.*\n {2}the first line\n {4}and the second\n/,
    );
    expect(long.out).toContain('at length');
    expect(short.out.match(/lines$/gm)).toHaveLength(1);
    expect(short.out).toMatch(/: in \\u202etwo lines\n/);
    expect(long.out + short.out).not.toMatch(/[\u001b\u202e]/);
  });

  test('a trace of a trace says nothing of a seed where none is known', async () => {
    const found = { scenario: 'timeout-race', failureKey: 'check it failed', traceHash: '0123456789abcdef' };
    await run('replay', encodeToken({ ...found, decisions: [] }), '--trace', at('first.jsonl'));
    const again = await run('replay', at('first.jsonl'), '--trace', at('second.jsonl'), '--json');
    const [line = ''] = again.out.split('\n');
    expect(JSON.parse(line)).toMatchObject({ type: 'replay', scenario: 'timeout-race' });
    expect(JSON.parse(line)).not.toHaveProperty('seed');
    for (const name of ['first.jsonl', 'second.jsonl']) {
      const [header = ''] = (await readFile(at(name), 'utf8')).split('\n');
      expect(JSON.parse(header)).toMatchObject({ kind: 'simulation', scenario: 'timeout-race' });
      expect(JSON.parse(header)).not.toHaveProperty('seed');
    }
  });

  test('a decision log that no longer fits names the first entry that differs, and exits with 3', async () => {
    const lines = decisionLogLines([{ question: choice('nobody asks'), n: 3, answer: 1 }], {
      scenario: 'timeout-race',
      seed: '1',
    });
    await writeFile(at('stale.jsonl'), [...lines].join(''));
    const { code, out } = await run('replay', at('stale.jsonl'));
    expect(out).toMatch(
      /^timeout-race: the log does not fit; now, with its answers to the questions that are still asked: it .*\n {2}decision 0 of the log does not fit: expected "nobody asks" out of 3 .*, got "/,
    );
    expect(code).toBe(3);
  });

  test('a trace that cannot be written is an error, and nothing else is lost', async () => {
    const { code, err } = await run('run', 'timeout-race', '--trace', '/dev/full');
    expect(err).toMatch(/dev\/full/);
    expect(code).toBe(2);
  });
});

describe('exec', () => {
  test.for(['/no/such/folder/t.jsonl', tmpdir()])(
    'a trace that cannot go to %s is refused before the command runs',
    async (trace) => {
      const { code, out, err } = await run('exec', '--trace', trace, '--', 'echo', 'ran');
      expect(err).toContain('cannot be written');
      expect([code, out]).toEqual([125, '']);
    },
  );

  test('shows statuses and output, and exits with the code of the command', async () => {
    const { code, out, err } = await run('exec', '--', 'sh', '-c', 'echo hello; echo oops >&2; exit 3');
    expect(out).toBe('hello\n');
    expect(err).toMatch(/PENDING\n[^]*RUNNING\n[^]*oops\n[^]*COMPLETE 3\n/);
    expect(code).toBe(3);
  });

  test('--json prints statuses and output as objects', async () => {
    const { out } = await run('exec', '--json', '--', 'echo', 'hi');
    expect(jsonLines(out).map(({ type, state, text }) => [type, state ?? text])).toEqual([
      ['status', 'PENDING'],
      ['status', 'RUNNING'],
      ['output', 'hi\n'],
      ['status', 'COMPLETE'],
    ]);
  });

  test('--json gives whole characters, wherever the bytes of the command were split', async () => {
    // An odd byte first, so that every even piece ends in the middle of a character; the last character never ends.
    const program =
      "process.stdout.write('x' + 'é'.repeat(40_000)); process.stderr.write(Buffer.from([0x61, 0xc3]))";
    const { out } = await run('exec', '--json', '--', process.execPath, '-e', program);
    const lines = jsonLines(out);
    const textOf = (name: string): string =>
      lines.flatMap(({ stream, text }) => (stream === name ? [String(text)] : [])).join('');
    expect([textOf('stdout'), textOf('stderr')]).toEqual([`x${'é'.repeat(40_000)}`, 'a\uFFFD']);
    expect(lines.at(-1)).toMatchObject({ type: 'status', state: 'COMPLETE' });
  });

  test.for([
    ['a timeout', ['--timeout', '300ms'], ['sleep', '30'], 'TIMEDOUT'],
    ['an exit code', [], ['sh', '-c', 'echo out; echo err >&2; exit 7'], 'COMPLETE 7'],
    ['no such program', [], ['/no/such/program'], 'FAILED 240'],
  ] as const)('a recording of %s is reproduced in virtual time', async ([, options, argv, end]) => {
    const file = at(`recording-${end}.jsonl`);
    await run('exec', ...options, '--trace', file, '--', ...argv);
    const { code, out } = await run('replay', file);
    expect(out).toContain(`  ${end} after `);
    expect(code).toBe(0);
  });

  test('a changed recording differs, and the first difference is named', async () => {
    const file = at('changed.jsonl');
    await run('exec', '--trace', file, '--', 'true');
    const { recordingLines, readRecording } = await import('../../src/trace/recording/recording-file.ts');
    const { entries } = await readRecording([await readFile(file, 'utf8')]);
    const changed = entries.map((entry) =>
      entry.type === 'status' && entry.status.state === 'COMPLETE'
        ? { ...entry, status: { ...entry.status, exitCode: 9 } }
        : entry,
    );
    await writeFile(file, [...recordingLines({ entries: changed })].join(''));
    const { code, out } = await run('replay', file);
    expect(out).toMatch(
      /the recording was not reproduced\n {2}entry \d+ \(line \d+ of its file\) differs in status.exitCode: expected 9, got 0 /,
    );
    expect(code).toBe(3);
  });

  test.for(['SIGINT', 'SIGHUP'] as const)(
    '%s stops the command with its children and exits with its number',
    async (signal) => {
      const { child, prints, finished } = start('exec', '--', 'sh', '-c', 'sleep 61 & echo child $!; wait');
      await prints('child ');
      child.kill(signal);
      const { code, out } = await finished;
      expect(code).toBe(128 + constants.signals[signal]);
      const pid = Number(/child (\d+)/.exec(out)?.[1]);
      expect(isAlive(pid)).toBe(false);
    },
  );
});

test('list and help show every command', async () => {
  const list = await run('list', '--json');
  expect(jsonLines(list.out).map(({ name }) => name)).toEqual(SHIPPED);
  const own = await run('list', '--json', at('failing.mjs'));
  expect(jsonLines(own.out).map(({ name }) => name)).toEqual(['failing', 'forgetful']);
  const help = await run('--help');
  expect([help.code, help.out]).toEqual([0, expect.stringMatching(/start .*\n[^]*Exit codes: 0 held, 1 /)]);
});

test('list names scenarios in the order in which they run: files as given, and those of one by their exports', async () => {
  const scenario = (name: string): string => `{ name: '${name}', description: 'one of two', run() {} }`;
  await writeFile(
    at('two.mjs'),
    `export const b = ${scenario('a-second')};\nexport const a = ${scenario('z-first')};\n`,
  );
  await writeFile(at('one.mjs'), `export const c = ${scenario('a-first')};\n`);
  const inOrder = ['timeout-race', 'z-first', 'a-second', 'a-first'];
  const references = ['timeout-race', at('two.mjs'), at('one.mjs')];
  const namesOf = async (command: string): Promise<unknown[]> =>
    jsonLines((await run(command, '--json', ...references)).out)
      .filter(({ type }) => type === 'scenario')
      .map((line) => line['scenario'] ?? line['name']);
  expect(await namesOf('run')).toEqual(inOrder);
  expect(await namesOf('list')).toEqual(inOrder);
});

test('the help of explore says what its time is for', async () => {
  const { out } = await run('explore', '--help');
  expect(out.replace(/\s+/g, ' ')).toContain(
    'not counting the time to load it and to shrink and explain a failure',
  );
});

test('R210 start rehearses the shipped scenarios, then compares the simulated with the real runner', async () => {
  const { code, out } = await run('start', '--seeds', '1', '--json');
  const lines = jsonLines(out);
  expect(lines.filter(({ type }) => type === 'scenario')).toHaveLength(SHIPPED.length);
  const agreements = lines.filter(({ type }) => type === 'agreement');
  expect(agreements).toHaveLength(7);
  for (const agreement of agreements) {
    expect(agreement).toMatchObject({ agrees: true, simulated: agreement['real'] });
  }
  expect(code).toBe(0);
});
