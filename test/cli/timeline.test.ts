// `--timeline` and `--trace`: what they write, where they cannot, and FIFOs. Point 13 of the review: there was nothing to look at.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Timeline } from '../../src/explore/timeline/timeline.ts';
import { lanesOf, namesIn, readTimeline, type TimelineModel } from '../explore/timeline/timeline-reader.ts';
import { jsonLines, startIn, type Finished } from './command.ts';

let dir = '';
const at = (name: string): string => join(dir, name);

const SCENARIOS = `
const define = (name, run) => ({ name, description: 'of a test', run });
export const fine = define('fine', (sim) => { sim.note('all is well'); return sim.sleep(1); });
export const die = define('die', async (sim) => {
  await sim.sleep(sim.choose('before', 3));
  sim.check(sim.choose('die', 6) < 4, 'too much');
});
export const bad = define('bad', (sim) => sim.check(false, 'boom'));
export const hang = define('hang', () => { for (;;); });
export const stall = define('stall', async (sim) => {
  (async () => { for (;;) await sim.sleep(1, 'beat'); })();
  await new Promise(() => {});
});
export const long = define('long', async (sim) => { for (let i = 0; i < 60_000; i += 1) await sim.sleep(1, 'step ' + i); });
`;

const dryrunner = (...args: readonly string[]): Promise<Finished> => startIn(dir, ...args).finished;
const timeline = async (name: string): Promise<TimelineModel> =>
  readTimeline(await readFile(at(name), 'utf8'));
/** Marks and slices of the lane of the scenario. */
const story = async (name: string): Promise<string[]> => namesIn(await timeline(name), 'scenario');

/** The first seed that fails, and its execution as it is. */
let failing = 0;
let token = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dryrunner-timeline-'));
  await writeFile(at('s.mjs'), SCENARIOS);
  const { out } = await dryrunner('run', 's.mjs#die', '--seeds', '50', '--json');
  failing = Number(jsonLines(out).at(-1)?.['firstFailingSeed']);
  const explained = await dryrunner(
    'explain',
    's.mjs#die',
    '--seed',
    String(failing),
    '--no-shrink',
    '--json',
  );
  token = String(jsonLines(explained.out)[0]?.['token']);
  for (const name of ['unread', 'asleep', 'read']) spawnSync('mkfifo', [at(name)]);
});

afterAll(() => rm(dir, { recursive: true }));

describe('--timeline of run', () => {
  test('shows the first failure, and says where the file is', async () => {
    const args = ['run', 's.mjs#fine', 's.mjs#die', '--seeds', String(failing + 3), '--timeline', 't.json'];
    const { code, out } = await dryrunner(...args);
    expect(code).toBe(1);
    expect(out).toMatch(/\ntimeline: t\.json\n$/);
    expect((await story('t.json')).at(-1)).toBe('FAILS: too much');
  });

  test('shows the first execution if none fails', async () => {
    const { code, out } = await dryrunner(
      'run',
      's.mjs#fine',
      '--seeds',
      '3',
      '--timeline',
      'f.json',
      '--json',
    );
    expect(code).toBe(0);
    // Programs that read stdout get what they got.
    expect(jsonLines(out).map(({ type }) => type)).toEqual(['run', 'run', 'run', 'scenario']);
    expect(await story('f.json')).toContain('all is well');
  });

  test('has a lane per runner, as an independent reader sees it', async () => {
    await dryrunner('run', 'lost-reply', '--timeline', 'lanes.json');
    const slices = [...lanesOf(await timeline('lanes.json')).values()].flat().filter((e) => e.isComplete());
    const states = slices.filter(({ cat }) => String(cat) === 'state').map(({ name }) => name);
    expect(new Set(states)).toEqual(new Set(['PENDING', 'RUNNING']));
  });

  // A stall takes more than a hundred thousand events, and its beginning shows it.
  test('of very many events has the beginning, which is not a failure', async () => {
    const { code, out } = await dryrunner('run', 's.mjs#long', '--timeline', 'long.json');
    expect(out).toMatch(/\ntimeline: long\.json, the first 50,000 of 60,000 events\n$/);
    expect(code).toBe(0);
    const names = await story('long.json');
    expect(names.filter((name) => name.includes('step'))).toHaveLength(50_000);
    expect(names.at(-1)).toBe('not drawn: 10,000 events until the end');
  });

  test('of a stall marks the failure at its time, and says what is not drawn', async () => {
    const { code, out } = await dryrunner('run', 's.mjs#stall', '--timeline', 'stall.json');
    const [, all = ''] =
      /\ntimeline: stall\.json, the first 50,000 of ([\d,]+) events and the failure; what lies between is not drawn\n$/.exec(
        out,
      ) ?? [];
    expect(code).toBe(1);
    const left = (Number(all.replaceAll(',', '')) - 50_000).toLocaleString('en');
    const file = JSON.parse(await readFile(at('stall.json'), 'utf8')) as Timeline;
    const [skipped, failure, ...others] = file.traceEvents.filter(({ s }) => s === 'g');
    expect(skipped?.name).toBe(`not drawn: ${left} events until the failure`);
    expect(failure).toMatchObject({ name: expect.stringMatching(/^FAILS: /), args: { kind: 'stall' } });
    expect(others).toEqual([]);
    // A beat each millisecond: as late as there were beats.
    expect(failure?.ts).toBeGreaterThan(2 * (skipped?.ts ?? Infinity));
    expect(file.otherData['shown']).toContain('what lies between is not drawn');
  });
});

describe('--timeline of explain and replay', () => {
  test('shows the shrunk failure, however it is named', async () => {
    const explained = await dryrunner(
      'explain',
      's.mjs#die',
      '--seed',
      String(failing),
      '--timeline',
      'e.json',
    );
    expect(explained.out).toMatch(/\ntimeline: e\.json\n$/);
    expect(explained.code).toBe(1);
    expect((await story('e.json')).slice(-2)).toEqual(['"die" is 4 (of 0 to 5)', 'FAILS: too much']);
    const [, small = ''] = /(dr2:\S+)/.exec(explained.out) ?? [];
    const replayed = await dryrunner('replay', small, '--timeline', 'r.json');
    expect(replayed.out).toMatch(/\ntimeline: r\.json\n$/);
    expect(await readFile(at('r.json'), 'utf8')).toBe(await readFile(at('e.json'), 'utf8'));
  });

  test('is written for a trace, even where it no longer fits', async () => {
    await dryrunner('run', 's.mjs#die', '--seed', String(failing), '--trace', 't.jsonl');
    const { code, out } = await dryrunner('replay', 't.jsonl', '--timeline', 'trace.json');
    expect([code, out]).toEqual([1, expect.stringMatching(/\ntimeline: trace\.json\n$/)]);
    expect((await story('trace.json')).at(-1)).toBe('FAILS: too much');
    await writeFile(at('s.mjs'), SCENARIOS.replaceAll("'die', 6", "'other', 6"));
    const other = await dryrunner('replay', 't.jsonl', '--timeline', 'other.json');
    await writeFile(at('s.mjs'), SCENARIOS);
    expect([other.code, other.out]).toEqual([3, expect.stringMatching(/\ntimeline: other\.json\n$/)]);
    expect(await story('other.json')).not.toContain('FAILS: too much');
  });

  test('is written for an execution that holds', async () => {
    const { code, out } = await dryrunner('explain', 's.mjs#fine', '--timeline', 'held.json');
    expect([code, out]).toEqual([0, expect.stringMatching(/nothing to explain\ntimeline: held\.json\n$/)]);
    expect(await story('held.json')).toContain('all is well');
  });

  test('is not written for a hang, and says so', async () => {
    const { code, err } = await dryrunner('explain', 's.mjs#hang', '--hang', '1s', '--timeline', 'h.json');
    expect(err).toMatch(/^no timeline: the execution made no progress/m);
    expect([code, existsSync(at('h.json'))]).toEqual([1, false]);
  });
});

describe('a timeline that cannot be written', () => {
  test.each([
    ['no/such/folder.json', /^error: no\/such\/folder\.json cannot be written: ENOENT/m],
    ['.', /^error: \. cannot be written: it is a directory/m],
  ])('to %s is refused before anything runs', async (path, message) => {
    const results = await Promise.all([
      dryrunner('run', 's.mjs#fine', '--timeline', path),
      dryrunner('explain', 's.mjs#fine', '--timeline', path),
      dryrunner('replay', 'dr2:x', '--timeline', path),
    ]);
    for (const { code, out, err } of results) {
      expect([code, out]).toEqual([2, '']);
      expect(err).toMatch(message);
    }
  });

  test('because the disk is full is an error, after the result', async () => {
    const { code, out, err } = await dryrunner('explain', 's.mjs#fine', '--timeline', '/dev/full');
    expect(out).toBe('fine, seed 1: it holds, so there is nothing to explain\n');
    expect([code, err]).toEqual([2, expect.stringMatching(/^error: \/dev\/full cannot be written: ENOSPC/m)]);
  });

  test.each([
    ['run --trace', 1, /^bad, seed 1: check/m, () => ['run', 's.mjs#bad', '--trace', '/dev/full']],
    ['run --trace', 2, /^fine +held/m, () => ['run', 's.mjs#fine', '--trace', '/dev/full']],
    ['run --timeline', 1, /^bad, seed 1: check/m, () => ['run', 's.mjs#bad', '--timeline', '/dev/full']],
    ['run --timeline', 2, /^fine +held/m, () => ['run', 's.mjs#fine', '--timeline', '/dev/full']],
    ['explain', 1, /^bad fails at/m, () => ['explain', 's.mjs#bad', '--timeline', '/dev/full']],
    ['explain --trace', 1, /^bad fails at/m, () => ['explain', 's.mjs#bad', '--trace', '/dev/full']],
    ['replay', 1, / {2}reproduced/, () => ['replay', token, '--timeline', '/dev/full']],
    ['replay --trace', 1, / {2}reproduced/, () => ['replay', token, '--trace', '/dev/full']],
  ])(
    'because the disk is full does not hide the result of %s: exit %i',
    async (_command, expected, result, args) => {
      const { code, out, err } = await dryrunner(...args());
      expect(out).toMatch(result);
      expect(err).toMatch(/^error: \/dev\/full cannot be written: ENOSPC/m);
      expect(code).toBe(expected);
    },
  );

  test('with --debug, or of a recording, is wrong usage', async () => {
    await dryrunner('exec', '--trace', 'exec.jsonl', '--', 'true');
    for (const flag of ['--timeline', '--trace']) {
      const [debugged, recording] = await Promise.all([
        dryrunner('explain', 's.mjs#fine', '--debug', flag, 'd.json'),
        dryrunner('replay', 'exec.jsonl', flag, 'd.json'),
      ]);
      expect(debugged).toMatchObject({
        code: 2,
        err: expect.stringContaining(`${flag} or --debug, got both`),
      });
      expect(recording).toMatchObject({
        code: 2,
        err: expect.stringMatching(new RegExp(`^error: ${flag}: .*got a recording`, 'm')),
      });
    }
  });
});

describe('a FIFO', () => {
  // What is printed is the last thing before the file: the signal comes while it is waited for.
  test.each([
    ['run --trace', '"type":"run"', () => ['run', 's.mjs#fine', '--json', '--trace', 'unread']],
    ['replay --timeline', 'To see it again', () => ['replay', token, '--timeline', 'unread']],
  ])('that nobody reads does not keep a signal from ending %s', async (_command, printed, args) => {
    const started = startIn(dir, ...args());
    await started.prints(printed);
    started.child.kill('SIGTERM');
    const { code, err } = await started.finished;
    expect(err).toMatch(/^interrupted while nobody read from unread$/m);
    expect(code).toBe(143);
  });

  test('that somebody has opened and does not read does not keep a signal from ending run --trace', async () => {
    const reader = spawn('sh', ['-c', 'exec 3< asleep; echo open; exec sleep 600'], { cwd: dir });
    try {
      const started = startIn(dir, 'run', 'theta-pool', '--json', '--trace', 'asleep');
      await Promise.all([once(reader.stdout, 'data'), started.prints('"type":"run"')]);
      started.child.kill('SIGINT');
      const { code, err } = await started.finished;
      expect(err).toMatch(/^interrupted while nobody read from asleep$/m);
      expect(code).toBe(130);
    } finally {
      reader.kill();
    }
  });

  test.each(['--trace', '--timeline'])('that has a reader gets all of it: %s', async (flag) => {
    const reader = spawn('sh', ['-c', 'cat read > copy'], { cwd: dir });
    const closed = once(reader, 'close');
    const { code } = await dryrunner('run', 'theta-pool', flag, 'read');
    await closed;
    expect(code).toBe(0);
    await dryrunner('run', 'theta-pool', flag, 'file');
    expect(await readFile(at('copy'), 'utf8')).toBe(await readFile(at('file'), 'utf8'));
  });
});
