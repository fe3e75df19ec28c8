import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtCommand, jsonLines, run, start, type Finished } from './command.ts';
import { SCENARIOS } from './explore-scenarios.ts';

let dir = '';
const at = (name: string): string => join(dir, name);
/** A corpus of its own for each test. */
let corpora = 0;
const corpus = (): string[] => ['--corpus', at(`corpus-${(corpora += 1)}`)];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dryrunner-explore-corpus-'));
  await writeFile(at('s.mjs'), SCENARIOS);
});

afterAll(() => rm(dir, { recursive: true }));

test('--resume continues where the last campaign of the same scenario, strategy, seed and shard ended', async () => {
  const folder = corpus();
  const args = [
    'explore',
    at('s.mjs#two'),
    '--strategy',
    'random',
    '--all',
    '--no-shrink',
    '--json',
    ...folder,
  ];
  let said = '';
  const ended = async (...more: string[]): Promise<unknown> => {
    const { out, err } = await run(...args, ...more);
    said = err;
    return jsonLines(out).at(-1)?.['nextIndex'];
  };
  expect(await ended('--executions', '10')).toBe(10);
  expect(await ended('--executions', '6', '--resume')).toBe(16);
  expect(said).toContain('two: goes on at index 10');
  expect(await ended('--executions', '6')).toBe(6);
  expect(await ended('--executions', '4', '--shard', '2/2')).toBe(9);
  expect(await ended('--executions', '4', '--shard', '2/2', '--resume')).toBe(17);
  expect(await ended('--executions', '5', '--seed', 'other', '--resume')).toBe(5);
  expect(said).toContain('two: nothing was kept for this scenario, strategy, seed and shard: it begins anew');
  await writeFile(at('same-names.mjs'), SCENARIOS);
  const elsewhere = ['explore', at('same-names.mjs#two'), ...args.slice(2), '--executions', '3', '--resume'];
  expect(jsonLines((await run(...elsewhere)).out).at(-1)?.['nextIndex']).toBe(3);
  expect(await ended('--executions', '2', '--resume')).toBe(8);
});

test('a state that cannot be written is reported once', async () => {
  const [flag = '', path = ''] = corpus();
  const args = ['explore', at('s.mjs#held'), '--strategy', 'random', flag, path];
  await run(...args, '--executions', '1');
  const [state = ''] = (await readdir(join(path, 'held'))).filter((name) => name.startsWith('state-'));
  const inItsPlace = join(path, 'held', state);
  await rm(inItsPlace);
  await mkdir(join(inItsPlace, 'folder'), { recursive: true });
  const { err } = await run(...args, '--time', '4s');
  expect(err.match(/where to resume is not kept/g)).toHaveLength(1);
});

// a campaign that was killed began anew.
test('R-12 a campaign that is killed keeps its failures, and --resume continues near that point', async () => {
  const [flag = '', path = ''] = corpus();
  const options = ['--strategy', 'random', '--all', '--no-shrink', '--json', flag, path];
  const args = ['explore', at('s.mjs#two'), '--workers', '1', ...options];
  const { child, finished } = start(...args);
  const kept = async (ending: RegExp): Promise<string[]> =>
    (await readdir(join(path, 'two')).catch(() => [])).filter((name) => ending.test(name));
  const keptIndex = async (): Promise<number> => {
    const [name] = await kept(/^state-.*\.json$/);
    if (name === undefined) return 0;
    return (JSON.parse(await readFile(join(path, 'two', name), 'utf8')) as { nextIndex: number }).nextIndex;
  };
  await expect.poll(keptIndex, { timeout: 50_000 }).toBeGreaterThan(0);
  await expect.poll(() => kept(/\.jsonl$/), { timeout: 50_000 }).toHaveLength(2);
  child.kill('SIGKILL');
  await finished;
  const failures = await kept(/\.jsonl$/);
  expect(failures).toHaveLength(2);
  for (const name of failures) {
    const again = await run('replay', '--allow', dir, join(path, 'two', name), '--json');
    expect(jsonLines(again.out)).toMatchObject([{ reproduced: true }]);
  }
  const index = await keptIndex();
  const again = await run(...args, '--resume', '--executions', '1');
  expect(again.err).toContain(`two: goes on at index ${index.toLocaleString('en-US')}`);
  // Both kept failures are tried first.
  expect(jsonLines(again.out).at(-1)).toMatchObject({ executions: 3, nextIndex: index + 1 });
});

test('--resume refuses a damaged state', async () => {
  const [flag = '', path = ''] = corpus();
  const args = ['explore', at('s.mjs#held'), '--strategy', 'random', '--executions', '3', flag, path];
  await run(...args);
  const [state = ''] = (await readdir(join(path, 'held'))).filter((name) => name.startsWith('state-'));
  await writeFile(join(path, 'held', state), '{"format":');
  const { code, err } = await run(...args, '--resume');
  expect(err).toMatch(/--resume: .*state-random-.*: expected the state of a campaign, .*got something else/);
  expect(code).toBe(2);
});

// N5: ten million events were replayed where the campaign had given up after a fraction of these.
test('the log of an execution that ran out of events is replayed no further than it went', async () => {
  await writeFile(
    at('endless.mjs'),
    `export default { name: 'endless', description: 'of a test', run: async (sim) => {
       if (sim.choose('die', 3) > 0) for (;;) await sim.sleep(1);
     } };`,
  );
  const folder = at('endless');
  const explored = await run('explore', at('endless.mjs'), '--no-shrink', '--json', '--corpus', folder);
  const [failure] = (jsonLines(explored.out).at(-1) as { failures: Record<string, unknown>[] }).failures;
  expect(failure).toMatchObject({ kind: 'budget' });
  const [name = ''] = await readdir(join(folder, 'endless')).then((names) =>
    names.filter((each) => each.endsWith('.jsonl')),
  );
  for (const what of [join(folder, 'endless', name), String(failure?.['token'])]) {
    const again = await run('replay', '--allow', dir, what, '--json');
    expect(jsonLines(again.out)).toMatchObject([
      { reproduced: true, failure: { kind: 'budget' }, events: failure?.['eventsBefore'] },
    ]);
    expect(again.code).toBe(1);
  }
});

describe('the corpus', () => {
  test('is tried first; what no longer fails is reported and set aside', async () => {
    const folder = at('kept');
    await run('explore', at('s.mjs#coin'), '--corpus', folder);
    const second = await run('explore', at('s.mjs#coin'), '--corpus', folder);
    expect(second.out).toMatch(
      /found in execution 1, after .*, by a log kept from before, which failed then$/m,
    );

    await writeFile(at('s.mjs'), SCENARIOS.replaceAll('< 2', '< 3'));
    const fixed = await run('explore', at('s.mjs#coin'), '--corpus', folder, '--executions', '10');
    await writeFile(at('s.mjs'), SCENARIOS);
    expect(fixed.err).toContain('coin: fixed, a kept failure no longer happens: check two heads');
    expect(fixed.code).toBe(0);
    expect((await readdir(join(folder, 'coin'))).filter((name) => name.endsWith('.jsonl'))).toEqual([]);
    expect(await readdir(join(folder, 'coin', 'fixed'))).toHaveLength(1);
  });

  test('a kept failure ends an exhaustive search before it begins, unless with --all', async () => {
    const folder = at('ended');
    const search = (...options: string[]): Promise<Finished> =>
      run('explore', at('s.mjs#coin'), '--corpus', folder, '--strategy', 'exhaustive', ...options);
    const first = await search();
    expect(first.out).toContain('No certificate: it was stopped at a failure after ');
    const second = await search();
    expect(second.out).toContain(
      '\n  No certificate: a kept failure ended it before the search began; --all goes on.\n',
    );
    expect(second.out).not.toContain('none fails');
    const all = await search('--all');
    expect(all.out).toContain('All 4 distinct schedules of coin were explored, 1 fails.');
  });

  test('a file that no longer fails, or fails differently, is not reproduced', async () => {
    const { out } = await run('explore', at('s.mjs#coin'), ...corpus());
    const [, file = ''] = /kept in (.*), and tried first/.exec(out) ?? [];
    expect((await run('replay', '--allow', dir, file)).out).toContain('reproduced');
    const checkedAt = SCENARIOS.split('\n').findIndex((text) => text.includes("'two heads'")) + 1;
    for (const [change, line] of [
      [SCENARIOS.replaceAll('< 2', '< 3'), 'fixed: it holds, at 0 ms after 0 events\n'],
      [
        SCENARIOS.replaceAll("'two heads'", "'both heads'"),
        `fails differently: it fails at 0 ms in Object.run (s.mjs:${checkedAt}): both heads, when "first toss" is 1 (of 0 to 1) and "second toss" is 1 (of 0 to 1).\n`,
      ],
    ] as const) {
      await writeFile(at('s.mjs'), change);
      const again = await run('replay', '--allow', dir, file);
      expect(again.out).toContain(`coin: ${line}`);
      expect(again.code).toBe(3);
      const { out: explained } = await run('explain', '--allow', dir, file);
      expect(explained).toContain(`coin: ${line.replace(/ at 0 ms.*\n/, '')}`);
    }
    await writeFile(at('s.mjs'), SCENARIOS);
  });

  test('a log that was kept for what it reached is named so, and kept logs are counted apart', async () => {
    const folder = at('reached');
    const door = new URL('../index.js', pathToFileURL(builtCommand[0] ?? '')).href;
    const reach = (verdict: string): string => `import { createSimulatedRunner, finalStatus } from '${door}';
      export const reach = { name: 'reach', description: 'of a test', run: async (sim) => {
        const runner = createSimulatedRunner(sim.world);
        const { runId } = await runner.run({ argv: ['sleep ' + sim.choose('ms', 9), 'complete ' + sim.choose('code', 3)] });
        await finalStatus(runner, runId);
        await runner.release();
        ${verdict}
      } };`;
    const explore = (): Promise<Finished> =>
      run('explore', at('reach.mjs'), '--corpus', folder, '--executions', '50');
    await writeFile(at('reach.mjs'), reach(''));
    const first = await explore();
    expect(first.out).toMatch(/^reach: no failure\n {2}50 executions in /m);
    const again = await explore();
    expect(again.out).toMatch(/^reach: no failure\n {2}50 executions and \d+ logs? of the corpus in /m);
    await writeFile(at('reach.mjs'), reach("sim.check(false, 'never');"));
    const failing = await explore();
    expect(failing.out).toMatch(
      /found in execution \d+, after .*, by a log kept from before, which held then: it had reached something new$/m,
    );
  });

  test('what fails differently is reported, and kept under its new failure', async () => {
    const folder = at('renamed');
    await run('explore', at('s.mjs#coin'), '--corpus', folder, '--no-shrink');
    await writeFile(at('s.mjs'), SCENARIOS.replaceAll("'two heads'", "'both heads'"));
    const { out, err, code } = await run('explore', at('s.mjs#coin'), '--corpus', folder);
    await writeFile(at('s.mjs'), SCENARIOS);
    expect(err).toContain('coin: fails differently, a kept failure is another one now: check two heads');
    expect(out).toContain('by a log kept from before');
    expect(code).toBe(1);
    expect((await readdir(join(folder, 'coin'))).filter((name) => name.endsWith('.jsonl'))).toHaveLength(1);
    expect(await readdir(join(folder, 'coin', 'changed'))).toHaveLength(1);
  });

  test('a damaged file is skipped, and one that cannot be written is reported once', async () => {
    await mkdir(at('broken/coin'), { recursive: true });
    await writeFile(at('broken/coin/0.jsonl'), 'not a log');
    const damaged = await run('explore', at('s.mjs#coin'), '--corpus', at('broken'), '--no-shrink');
    expect(damaged.err).toMatch(/0\.jsonl is left out: line 1/);
    expect(damaged.code).toBe(1);

    await writeFile(at('a-file'), '');
    const unwritable = await run(
      'explore',
      at('s.mjs#two'),
      '--all',
      '--executions',
      '30',
      '--corpus',
      at('a-file/below'),
    );
    expect(unwritable.err.match(/^not kept: /gm)).toHaveLength(1);
    expect(unwritable.out).toContain('one bug');
    expect(unwritable.code).toBe(1);
  });
});
