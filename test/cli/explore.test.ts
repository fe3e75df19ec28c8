import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeToken } from '../../src/explore/replay-token.ts';
import { strategyNames } from '../../src/explore/strategies/strategy-names.ts';
import { jsonLines, run, start, startForAtMost } from './command.ts';
import { SCENARIOS } from './explore-scenarios.ts';

let dir = '';
const at = (name: string): string => join(dir, name);
/** A corpus of its own for each test. */
let corpora = 0;
const corpus = (): string[] => ['--corpus', at(`corpus-${(corpora += 1)}`)];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dryrunner-explore-'));
  await writeFile(at('s.mjs'), SCENARIOS);
});

afterAll(() => rm(dir, { recursive: true }));

describe('wrong usage says what was expected and exits with 2', () => {
  test.for([
    [['--strategy', 'luck'], /expected one of portfolio, plain, .*exhaustive, got "luck"/],
    [['--shard', '3/2'], /such as 1\/4/],
    [['--shard', '1/2', '--strategy', 'exhaustive'], /cannot be sharded/],
    [['--resume', '--strategy', 'exhaustive'], /--strategy exhaustive cannot be resumed/],
    [['--resume', '--strategy', 'sweep'], /--strategy sweep cannot be resumed/],
    [['--workers', '2', '--strategy', 'exhaustive'], /runs on one thread, got 2/],
    [['--max-faults', '1'], /--max-faults bounds --strategy exhaustive, not portfolio/],
    [['--max-delays', '1', '--strategy', 'pct'], /--max-delays bounds --strategy exhaustive, not pct/],
    [['--time', '0'], /duration such as/],
    [['--workers', '0'], /whole number/],
  ] as const)('dryrunner explore %o', async ([args, text]) => {
    const { code, out, err } = await run('explore', at('s.mjs#held'), ...args);
    expect(err).toMatch(text);
    expect([code, out]).toEqual([2, '']);
  });

  test('a scenario that does not load is refused before any thread starts', async () => {
    const { code, err } = await run('explore', at('s.mjs#nobody'));
    expect(err).toMatch(/exports no scenario "nobody"/);
    expect(code).toBe(2);
  });

  test('help and documentation name every strategy', async () => {
    const { out } = await run('explore', '--help');
    const page = await readFile(new URL('../../docs/strategies.md', import.meta.url), 'utf8');
    for (const name of [...strategyNames, 'exhaustive']) {
      expect(out).toMatch(new RegExp(`\\b${name}\\b`));
      expect(page).toContain(`\`${name}\``);
    }
  });
});

describe('a module that installs fake timers', () => {
  const timers = `
    const real = setTimeout;
    const fake = () => ({ unref() {}, ref() {} });
    Object.assign(globalThis, { setTimeout: fake, setInterval: fake, clearTimeout: fake, clearInterval: fake });
    performance.now = () => 0;`;
  const faking = (body: string): Promise<void> => writeFile(at('faking.mjs'), `${timers}\n${body}`);

  test('does not switch off the time limit', async () => {
    await faking(`const pause = new Int32Array(new SharedArrayBuffer(4));
      export default { name: 'faking', description: 'of a test', run: () => void Atomics.wait(pause, 0, 0, 20) };`);
    const args = ['--time', '1s', '--executions', '600', '--workers', '1', '--json', ...corpus()];
    const { code, out } = await run('explore', at('faking.mjs'), ...args);
    expect([code, jsonLines(out).at(-1)]).toMatchObject([0, { stoppedBy: 'stopped' }]);
  });

  test('does not switch off the watch over loops', async () => {
    await faking(`export default { name: 'faking', description: 'of a test', run: () => { for (;;); } };`);
    const args = ['--hang', '1s', '--executions', '2', '--workers', '1', ...corpus()];
    const { code, out } = await startForAtMost(60, 'explore', at('faking.mjs'), ...args).finished;
    expect([code, out]).toEqual([1, expect.stringContaining('made no progress')]);
  });

  test('does not keep the command from ending', async () => {
    await faking(`import { createServer } from 'node:net';
      const server = createServer().listen(0);
      real(() => server.close(), 20_000);
      export default { name: 'faking', description: 'of a test', run() {} };`);
    const { code, err } = await run('run', at('faking.mjs'));
    expect([code, err]).toEqual([0, expect.stringContaining('left real timers or handles open')]);
  });
});

test('the longest time that can be typed is not over at once', async () => {
  const time = ['--time', '2147483647ms'];
  const args = ['--executions', '3', '--workers', '1', '--json', ...time, ...corpus()];
  const explored = await run('explore', at('s.mjs#held'), ...args);
  expect(jsonLines(explored.out).at(-1)).toMatchObject({ stoppedBy: 'executions', executions: 3 });
  const explained = await run('explain', at('s.mjs#coin'), '--seed', '3', '--json', ...time);
  expect(jsonLines(explained.out)).toMatchObject([{ held: false, shrinkEnd: 'minimal' }]);
});

describe('a file that is edited while it is explored', () => {
  const edited = async (loads: number, body: string): Promise<void> => {
    await rm(at('loads'), { force: true });
    await writeFile(
      at('edited.mjs'),
      `import { appendFileSync, statSync } from 'node:fs';
       const loads = new URL('./loads', import.meta.url);
       appendFileSync(loads, '.');
       if (statSync(loads).size > ${loads}) throw new SyntaxError('half an edit');
       export default { name: 'edited', description: 'of a test', ${body} };`,
    );
  };

  test('shows the failure as it was found', async () => {
    await edited(2, "run: (sim) => sim.check(sim.choose('die', 6) < 3, 'too high')");
    const args = ['explore', at('edited.mjs'), '--executions', '50', '--workers', '1', ...corpus()];
    const { code, out, err } = await run(...args);
    expect(out).toContain('too high');
    expect(err).toMatch(/^edited: the failure is shown as it was found, .*half an edit/m);
    expect(code).toBe(1);
  });

  test('shows that executions differ', async () => {
    await edited(3, "run: (sim) => sim.note('drawn ' + Math.random())");
    const args = ['explore', at('edited.mjs'), '--executions', '50', '--workers', '1', ...corpus()];
    const { code, out } = await run(...args);
    expect([code, out]).toEqual([1, expect.stringContaining('edited: ')]);
  });

  test('ends with what was found before a thread was lost', async () => {
    await edited(2, "run: (sim) => sim.choose('die', 6) < 3 || process.exit(7)");
    const args = ['explore', at('edited.mjs'), '--executions', '50', '--all', '--workers', '1', ...corpus()];
    const { code, out, err } = await run(...args);
    expect(out).toContain('process.exit(7)');
    expect(err).toMatch(/^edited: ended early, .*half an edit/m);
    expect(code).toBe(1);
  });
});

describe('what holds', () => {
  test('is said to be one schedule only if nothing was decided', async () => {
    await writeFile(at('plain.mjs'), "export default { name: 'plain', description: 'one way', run() {} };");
    const said = /\n {2}nothing was decided in (\d+) executions, so all of them were the same\. /;
    const { code, out } = await run('explore', at('plain.mjs'), '--executions', '20', ...corpus());
    expect([code, said.exec(out)?.[1]]).toEqual([0, '20']);
    for (const args of [[at('plain.mjs'), '--executions', '1'], [at('s.mjs#coin')]]) {
      const other = await run('explore', ...args, ...corpus());
      expect(other.out).not.toMatch(said);
    }
  });

  test('is reported in lines that the names of its conditions cannot break or turn', async () => {
    const { out } = await run('explore', at('s.mjs#odd'), '--executions', '20', ...corpus());
    expect(out).toContain('\n  sometimes, reached: a\\nline\n');
    expect(out).toContain('\n  sometimes, never reached: \\u202ebackwards\\u001b[31m\n');
  });

  test('is reported with its coverage, and exits with 0', async () => {
    const { code, out } = await run('explore', at('s.mjs#held'), '--executions', '150', ...corpus());
    expect(out).toMatch(/^held: no failure\n {2}150 executions in [\d.]+ s .*, 150 decisions, 0 events\n/);
    expect(out).toContain('sometimes, reached: a six');
    expect(out).toContain('sometimes, never reached: a seven');
    expect(out).toMatch(/run twice, the same to the byte: \d executions?\n$/);
    expect(code).toBe(0);
  });

  test('--strategy exhaustive ends with a certificate', async () => {
    const { code, out } = await run('explore', at('s.mjs#held'), '--strategy', 'exhaustive', ...corpus());
    expect(out).toContain('All 6 distinct schedules of held were explored, none fails.');
    expect(code).toBe(0);
  });

  test('--strategy exhaustive keeps to its bounds, and the certificate names them', async () => {
    const explored = (...args: string[]): ReturnType<typeof run> =>
      run('explore', at('s.mjs#held'), '--strategy', 'exhaustive', ...args, ...corpus());
    const few = await explored('--executions', '2');
    expect(few.out).toContain(
      'No certificate: the bound on executions stopped it after 2 distinct schedules',
    );
    expect(few.out).not.toContain('nothing is left to try');
    const plain = await explored('--max-faults', '0');
    expect(plain.out).toContain(
      'Bounds: at most 0 unusual answers per schedule, which leaves schedules out.',
    );
    expect([few.code, plain.code]).toEqual([0, 0]);
  });

  test('--strategy exhaustive fails for a scenario that has not declared its whole state', async () => {
    const args = ['--strategy', 'exhaustive', ...corpus()];
    const { code, out } = await run('explore', at('s.mjs#secretive'), ...args);
    expect(out).toMatch(/^secretive: the declared state is not complete\n/);
    expect(out).toContain('No certificate: the declared state is not complete');
    expect(out).toContain(
      'From one declared state, different ends can follow: 0 at 0 ms; pending: "scenario sleep" at 1 ms.',
    );
    expect(code).toBe(1);
  });

  test('P2: --time cuts off an execution that goes on, which is reported with its log and is not a success', async () => {
    const args = ['--time', '300ms', '--workers', '1', ...corpus()];
    const { code, out } = await run('explore', at('s.mjs#endless'), ...args);
    expect(out).toMatch(
      /^endless: cut off: The time of the campaign was up, and the execution had not ended\n/,
    );
    expect(out).toMatch(/\n {4}timer scenario sleep, due at \d+ ms\n {2}again: .* replay dr2:.+\n/);
    expect(out).toMatch(/\n {2}0 executions in \d+\.\d s, /);
    expect(code).toBe(1);
    const json = await run('explore', at('s.mjs#endless'), '--json', ...args);
    expect(jsonLines(json.out).map(({ type }) => type)).toContain('cut-off');
    expect(jsonLines(json.out).at(-1)).toMatchObject({ cutOff: [{ index: 0, token: expect.any(String) }] });
  });

  test('P2: one that is cut off is no success either if all others held', async () => {
    await writeFile(
      at('dawdles.mjs'),
      `let begun = 0;
      export default { name: 'dawdles', description: 'of a test', options: { maxEvents: 1e12 }, run: async (sim) => {
        begun += 1;
        sim.choose('die', 6);
        while (begun > 3) await sim.sleep(1);
      } };`,
    );
    const args = ['--time', '2s', '--workers', '1', ...corpus()];
    const { code, out } = await run('explore', at('dawdles.mjs'), ...args);
    expect(out).toMatch(/^dawdles: cut off: /);
    expect(out).toMatch(/\n {2}[1-9]\d* executions? in /);
    expect(code).toBe(1);
  });

  test('P2: a lost wake-up beside a heartbeat is a stall, with who waits and how it comes about', async () => {
    const args = ['--time', '10m', '--workers', '1', ...corpus()];
    const { code, out } = await run('explore', at('s.mjs#lostWakeUp'), ...args);
    expect(out).toMatch(/^lost-wake-up: stall \(R211\)\n/);
    expect(out).toMatch(
      / {2}the scenario waits here, for a promise that nothing settles\n {4}Object\.run \(\S*s\.mjs:\d+:\d+\)\n/,
    );
    expect(out).toContain('\n  repeats: heartbeat, every 1000 ms\n');
    expect(out).toContain('If "produce" had come before "look" at 5 ms, nothing would have failed.');
    expect(code).toBe(1);
  });

  test.for(['endless', 'rambling'])(
    '%s is cut off again when replayed, even if its log is too long for a line',
    async (name) => {
      const args = ['--time', '300ms', '--workers', '1', ...corpus()];
      const { out } = await run('explore', at(`s.mjs#${name}`), ...args);
      const [, line = ''] = /\n {2}again: .* replay (.+)\n/.exec(out) ?? [];
      const again = await run('replay', ...line.split(' '));
      expect(again.out).toMatch(
        /^\S+: cut off again: \d+ events have fired and the scenario has not ended\n/,
      );
      expect(again.code).toBe(1);
    },
  );

  test.for([
    ['is not there', 'absent.mjs', true],
    ['does not load', 'broken.mjs', false],
  ] as const)(
    'a token whose file %s says so, and says where to paste it only if that may help',
    async ([, name, isHinted]) => {
      await writeFile(at('broken.mjs'), 'throw new Error("no config");');
      const token = encodeToken({
        scenario: at(name),
        failureKey: 'check no',
        traceHash: '0'.repeat(16),
        decisions: [],
      });
      const { code, err } = await run('replay', token, '--allow', dir);
      expect(code).toBe(2);
      expect(err).toMatch(
        isHinted
          ? /the token names the file \S+absent\.mjs, as it was typed\. There is no such file, looked up from /
          : /does not load: no config/,
      );
      expect(err.includes('paste the token in the folder where it was made')).toBe(isHinted);
    },
  );

  test('N8: --time counts from the first execution, however long loading takes', async () => {
    await writeFile(
      at('slow-to-load.mjs'),
      `for (const until = Date.now() + 1_500; Date.now() < until; );
      export const slow = { name: 'slow', description: 'of a test', run: (sim) => sim.sleep(1) };`,
    );
    const { code, out } = await run('explore', at('slow-to-load.mjs#slow'), '--time', '200ms', ...corpus());
    expect(out).toMatch(/^slow: no failure\n {2}[1-9][\d,]* executions? in /);
    expect(code).toBe(0);
  });
});

describe('what fails', () => {
  test('is shrunk, explained, kept, and repeated by the printed line', async () => {
    const [, folder = ''] = corpus();
    const found = await run('explore', at('s.mjs#late'), '--corpus', folder);
    expect(found.code).toBe(1);
    expect(found.out).toMatch(/^late: check\nof a test\nlate fails at 5 ms: too large/);
    expect(found.out).toMatch(/What would have held\n {2}If "number \d+" had been /);
    expect(found.out).toMatch(
      // A busy machine may leave no time to prove that there is nothing smaller.
      /\n {2}shrunk in [\d,]+ executions, from \d+ choices that differ from the default to 1(?:, and might get even smaller)?\n/,
    );
    const token = /replay (dr2:\S+)/.exec(found.out)?.[1] ?? '';
    const again = await run('replay', '--allow', dir, token);
    expect(again.out).toMatch(
      /^late fails at 5 ms in \S+ \(s\.mjs:\d+\): too large.*\n {2}reproduced, trace hash [0-9a-f]{16}\nWhat happened\n/,
    );
    expect(again.code).toBe(1);

    const [name = ''] = await readdir(join(folder, 'late'));
    const kept = await run('replay', '--allow', dir, join(folder, 'late', name), '--json');
    expect(jsonLines(kept.out)).toMatchObject([{ type: 'replay', reproduced: true, held: false }]);
    expect(kept.code).toBe(1);
  });

  test('--json prints an object per event, and the failures in the last line', async () => {
    const { code, out, err } = await run('explore', at('s.mjs#coin'), '--json', ...corpus());
    const lines = jsonLines(out);
    expect(lines.find(({ type }) => type === 'failure')).toMatchObject({ key: 'check two heads' });
    const last = lines.at(-1) as { failures: Record<string, unknown>[] };
    expect(last).toMatchObject({
      type: 'explored',
      scenario: 'coin',
      strategy: 'portfolio',
      stoppedBy: 'failure',
    });
    expect(last.failures).toHaveLength(1);
    expect(last.failures[0]).toMatchObject({
      key: 'check two heads',
      sentence: expect.stringContaining('two heads'),
      executions: expect.any(Number),
      seconds: expect.any(Number),
      eventsBefore: 0,
      eventsAfter: 0,
      token: expect.stringMatching(/^dr2:/),
      history: expect.arrayContaining([expect.objectContaining({ role: 'failure' })]),
    });
    // What a scenario prints must not come between the objects.
    expect(err).toContain('a line of the scenario');
    expect(code).toBe(1);
  });

  test('--all reports each different failure; without it only the first', async () => {
    const args = ['explore', at('s.mjs#two'), '--executions', '40', '--no-shrink', '--json'] as const;
    const keysOf = (out: string): unknown[] =>
      (jsonLines(out).at(-1) as { failures: { key: string }[] }).failures.map(({ key }) => key).sort();
    expect(keysOf((await run(...args, '--all', ...corpus())).out)).toEqual([
      'check another bug',
      'check one bug',
    ]);
    expect(keysOf((await run(...args, ...corpus())).out)).toHaveLength(1);
  });

  test('a log too long for a line is repeated by the file that keeps it', async () => {
    const explored = await run('explore', at('s.mjs#wordy'), ...corpus());
    const [, file = ''] = /kept in (.*), and tried first/.exec(explored.out) ?? [];
    for (const { out, code } of [explored, await run('replay', '--allow', dir, file)]) {
      expect(out).toContain(`npx dryrunner replay ${file} --allow ${dir}\n`);
      expect(out).not.toContain('dr2:');
      expect(code).toBe(1);
    }
  });

  test('R204 leftovers fail an execution', async () => {
    const { out } = await run('explore', at('s.mjs#forgetful'), ...corpus());
    expect(out).toMatch(/^forgetful: leftovers \(R204\)\n/);
  });

  test('an endless loop costs one execution, reported with its log', async () => {
    const { code, out } = await run('explore', at('s.mjs#hang'), '--hang', '1s', '--json', ...corpus());
    const [failure] = (jsonLines(out).at(-1) as { failures: Record<string, unknown>[] }).failures;
    const looping: unknown = expect.stringMatching(
      /^it loops here\n {4}at Object\.run \(.*s\.mjs:\d+:\d+\)$/,
    );
    expect(failure).toMatchObject({ kind: 'hang', details: ['last decision: "die" out of 3', looping] });
    expect(code).toBe(1);
  });

  test('R209 nondeterminism is reported with the first difference, and exits with 1', async () => {
    const { code, out } = await run('explore', at('s.mjs#leaky'), '--executions', '3', ...corpus());
    expect(out).toMatch(
      /^leaky: not deterministic: .*\n {2}event 0 differs in text: "time 1" against "time 2"/,
    );
    expect(code).toBe(1);
  });

  test('the state of a module is named as the cause only where each new thread begins alike', async () => {
    const leaky = await run('explore', at('s.mjs#leaky'), '--executions', '3', ...corpus());
    expect(leaky.out).toMatch(
      /most likely the state of a module survives .*\n {2}Create that state inside the scenario, or let sim\.load load/,
    );
    expect(leaky.out).not.toContain('--strict lists the lines that touch');
    const chancy = await run('explore', at('s.mjs#chancy'), '--executions', '3', ...corpus());
    expect(chancy.out).toMatch(/^chancy: not deterministic: /);
    expect(chancy.out).toContain('--strict lists the lines that touch');
    expect(chancy.out).not.toContain('the state of a module');
    const json = await run('explore', at('s.mjs#leaky'), '--executions', '3', '--json', ...corpus());
    expect(jsonLines(json.out).at(-1)).toMatchObject({ audit: { differences: [{}], isModuleState: true } });
  });

  test('the shards of a scenario together find all that it has', async () => {
    const parts = await Promise.all(
      ['1/2', '2/2'].map((shard) =>
        run(
          'explore',
          at('s.mjs#two'),
          '--shard',
          shard,
          '--executions',
          '20',
          '--all',
          '--no-shrink',
          '--json',
          ...corpus(),
        ),
      ),
    );
    const found = parts.flatMap(
      ({ out }) => (jsonLines(out).at(-1) as { failures: { index: number }[] }).failures,
    );
    expect(found.some(({ index }) => index % 2 === 0) && found.some(({ index }) => index % 2 === 1)).toBe(
      true,
    );
    expect(parts.map(({ code }) => code)).toContain(1);
  });
});

describe('--strict', () => {
  test('says that nothing outside was touched', async () => {
    const { code, out } = await run(
      'explore',
      at('s.mjs#held'),
      '--strict',
      '--executions',
      '20',
      ...corpus(),
    );
    expect(out).toContain('no real time, randomness or I/O was touched');
    expect(code).toBe(0);
  });

  test('is suggested where the simulation was left', async () => {
    const args = ['explore', at('s.mjs#waits'), ...corpus()];
    const hint = '--strict lists the lines that touch';
    expect((await run(...args)).out).toContain(hint);
    expect((await run(...args, '--strict')).out).not.toContain(hint);
  });

  test('lists what was touched, with places, and exits with 1', async () => {
    const { code, out } = await run(
      'explore',
      at('s.mjs#timed'),
      '--strict',
      '--executions',
      '20',
      ...corpus(),
    );
    expect(out).toMatch(/timed: outside of the simulation: Date\.now, \d+ times\n {2}.*s\.mjs:\d+:\d+/);
    expect(code).toBe(1);
  });
});

describe('Ctrl-C', () => {
  test('prints what it has and exits with 130', async () => {
    const { child, prints, finished } = start('explore', at('s.mjs#held'), '--json', ...corpus());
    await prints('"type":"progress"');
    child.kill('SIGINT');
    const { code, out } = await finished;
    expect(jsonLines(out).at(-1)).toMatchObject({ type: 'explored', scenario: 'held', stoppedBy: 'stopped' });
    expect(code).toBe(130);
  });

  test('says that it was interrupted, and what was not explored any more', async () => {
    const first = `{ name: 'first', description: 'of a test', run: (sim) => {
      if (sim.choose('way', 1_000) === 999) console.error('it runs');
    } }`;
    await writeFile(
      at('three.mjs'),
      `export const first = ${first};
       export const second = { name: 'second', description: 'of a test', run: (sim) => sim.sleep(1) };
       export const third = { name: 'third', description: 'of a test', run: (sim) => sim.sleep(1) };`,
    );
    const { child, prints, finished } = start('explore', at('three.mjs'), ...corpus());
    await prints('it runs');
    child.kill('SIGINT');
    const { code, out, err } = await finished;
    expect(err).toMatch(/^3 scenarios, at most 60 s \(--time\) each$/m);
    expect(out).toMatch(
      /^first: interrupted, no failure until then\n {2}[\d,]+ executions .*; interrupted$/m,
    );
    expect(out).toMatch(
      /^second: not explored: interrupted before\nthird: not explored: interrupted before$/m,
    );
    expect(code).toBe(130);
  });

  test('shows the failures found so far, as small as they got', async () => {
    const { child, prints, finished } = start('explore', at('s.mjs#late'), '--all', '--json', ...corpus());
    await prints('"type":"failure"');
    child.kill('SIGINT');
    const { code, out } = await finished;
    const [failure] = (jsonLines(out).at(-1) as { failures: Record<string, unknown>[] }).failures;
    expect(failure).toMatchObject({ key: 'check too large', token: expect.stringMatching(/^dr2:/) });
    expect(failure?.['history']).not.toEqual([]);
    expect(code).toBe(130);
  });
});

test('Ctrl-C shows what is known of a failure that there was no time to explain', async () => {
  // Once it has failed, no further thread comes to an end with loading the file.
  await writeFile(
    at('once.mjs'),
    `import { existsSync, writeFileSync } from 'node:fs';
     const marker = ${JSON.stringify(at('failed'))};
     if (existsSync(marker)) { console.error('loading again'); await new Promise((go) => setTimeout(go, 600_000)); }
     export default { name: 'once', description: 'of a test', run: (sim) => {
       if (sim.choose('die', 6) < 3) return;
       writeFileSync(marker, '');
       sim.check(false, 'too much');
     } };`,
  );
  const { child, prints, finished } = start(
    'explore',
    at('once.mjs'),
    '--workers',
    '1',
    '--json',
    ...corpus(),
  );
  await prints('loading again');
  child.kill('SIGINT');
  const { code, out } = await finished;
  const [failure] = (jsonLines(out).at(-1) as { failures: Record<string, unknown>[] }).failures;
  expect(failure).toMatchObject({
    sentence: 'too much',
    history: [
      { role: 'decision', text: expect.stringMatching(/^"die" is [345] \(of 0 to 5\)$/) },
      { role: 'failure', text: 'too much' },
    ],
  });
  expect(code).toBe(130);
});

describe('a log that does not fit', () => {
  const MOVED = SCENARIOS.replaceAll("'number ' + i", "'figure ' + i");
  let token = '';
  let moved = '';

  beforeAll(async () => {
    const { out } = await run('explore', at('s.mjs#coin'), '--json', ...corpus());
    token = (jsonLines(out).at(-1) as { failures: { token: string }[] }).failures[0]?.token ?? '';
    moved = at('moved.jsonl');
    const folder = at('moved');
    await run('explore', at('s.mjs#late'), '--corpus', folder);
    const [name = ''] = await readdir(join(folder, 'late'));
    const text = await readFile(join(folder, 'late', name), 'utf8');
    await writeFile(moved, text);
    await writeFile(at('s.mjs'), MOVED);
  });

  afterAll(() => writeFile(at('s.mjs'), SCENARIOS));

  test('names the first decision that does not fit, exits with 3 and offers to continue', async () => {
    const { code, out } = await run('replay', '--allow', dir, moved);
    expect(out).toMatch(
      /decision 0 of the log does not fit: expected "number 0" out of 1000 .*got "figure 0"/,
    );
    expect(out).toContain('--continue-randomly goes on by chance from there');
    expect(code).toBe(3);
  });

  test.for([
    [
      'no longer',
      `< 2, 'two heads'`,
      `< 3, 'two heads'`,
      'fixed: it holds',
      'nothing fails any more; the log is kept for "check two heads"',
    ],
    [
      'otherwise',
      `'two heads'`,
      `'heads'`,
      'fails differently: it fails',
      'something else fails: expected "check two heads", got "check heads"',
    ],
  ] as const)('that fits and then fails %s is reported as such', async ([, text, instead, said, comes]) => {
    await writeFile(at('s.mjs'), SCENARIOS.replace(text, instead));
    const { code, out } = await run('replay', '--allow', dir, token);
    await writeFile(at('s.mjs'), MOVED);
    expect(out).toMatch(new RegExp(`#coin: ${said}\\b.*\\n {2}every decision fits, and ${comes}`));
    expect(code).toBe(3);
  });

  test('--continue-randomly goes on, and what it then finds is explained', async () => {
    const { code, out } = await run('replay', '--allow', dir, moved, '--continue-randomly');
    expect(out).toMatch(
      /does not fit, and from there it went on by chance: it (holds|fails)\b.*\n {2}decision 0 /,
    );
    expect([1, 3]).toContain(code);
  });

  test.for([
    ['cut', (text: string) => text.slice(0, -5), /token/],
    ['changed', (text: string) => text.replace(/.(?=\.)/, '!'), /token/],
    ['of another version', (text: string) => text.replace('dr2', 'dr9'), /version/],
  ] as const)('a token that was %s is refused with 2', async ([, damage, problem]) => {
    const { code, err } = await run('replay', '--allow', dir, damage(token));
    expect(err).toMatch(problem);
    expect(code).toBe(2);
  });
});
