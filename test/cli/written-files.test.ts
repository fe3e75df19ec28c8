// `--trace` and `--timeline`: a path that cannot be written, or that belongs to what is read or written besides, is refused before anything runs.
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { builtCommand, startIn, type Finished } from './command.ts';

let dir = '';
const at = (name: string): string => join(dir, name);
const dryrunner = (...args: readonly string[]): Promise<Finished> => startIn(dir, ...args).finished;

const SMALL = `export const small = { name: 'small', description: 'of a test', run: (sim) => sim.sleep(1) };\n`;
const TOSSED = `export const tossed = {
  name: 'tossed',
  description: 'of a test',
  run: (sim) => sim.check(sim.choose('toss', 1000) === 0, 'tails'),
};
`;
/** The events are those of `time` alone, whatever comes of it. */
const judged = (time: number, verdict: string): string => `export const judged = {
  name: 'judged',
  description: 'of a test',
  run: async (sim) => { await sim.sleep(${time}); ${verdict} },
};
`;
const PROGRAM = '#!/bin/sh\necho ran\n';
let trace = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dryrunner-written-'));
  await writeFile(at('small.mjs'), SMALL);
  await writeFile(at('tossed.mjs'), TOSSED);
  await writeFile(at('program.sh'), PROGRAM, { mode: 0o755 });
  await symlink('small.mjs', at('link'));
  await symlink('.', at('here'));
  await symlink('out', at('dangling'));
  await dryrunner('run', './small.mjs', '--trace', 'in.jsonl');
  trace = await readFile(at('in.jsonl'), 'utf8');
});

afterAll(() => rm(dir, { recursive: true }));

describe('what a command reads, or also writes, is not overwritten', () => {
  beforeEach(async () => {
    await rm(at('out'), { force: true });
  });

  test.each([
    ['the scenario of explain', ['explain', './small.mjs', '--seed', '1', '--timeline', 'small.mjs']],
    ['it by a link', ['explain', './small.mjs#small', '--timeline', 'link']],
    ['the scenario of run', ['run', './small.mjs', '--timeline', 'here/small.mjs']],
    ['the scenario of run by --trace', ['run', './small.mjs', '--trace', 'small.mjs']],
    ['the file of replay', ['replay', 'in.jsonl', '--timeline', 'in.jsonl']],
    ['the file of explain', ['explain', 'in.jsonl', '--timeline', './here/in.jsonl']],
    ['the scenario that a file names', ['replay', 'in.jsonl', '--timeline', 'link']],
    ['the file of replay by --trace', ['replay', 'in.jsonl', '--trace', 'in.jsonl']],
    ['the scenario of explain by --trace', ['explain', './small.mjs#small', '--trace', 'link']],
    ['--trace by a link', ['run', './small.mjs', '--trace', 'out', '--timeline', 'dangling']],
    ['--trace, which is not there yet', ['run', './small.mjs', '--trace', 'out', '--timeline', 'here/out']],
  ])('%s', async (_what, args) => {
    const { code, out, err } = await dryrunner(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/^error: --t(race|imeline): expected a file of its own, got /m);
    expect(existsSync(at('out'))).toBe(false);
    expect(await readFile(at('small.mjs'), 'utf8')).toBe(SMALL);
    expect(await readFile(at('in.jsonl'), 'utf8')).toBe(trace);
  });

  test.each([
    ['its program', ['--trace', 'here/program.sh', '--', './program.sh']],
    ['its input', ['--stdin', 'program.sh', '--trace', 'program.sh', '--', 'sh']],
  ])('exec: %s', async (_what, args) => {
    const { code, out, err } = await dryrunner('exec', ...args);
    expect([code, out]).toEqual([125, '']);
    expect(err).toMatch(/^error: --trace: expected a file of its own, got /m);
    expect(await readFile(at('program.sh'), 'utf8')).toBe(PROGRAM);
  });

  test.each([
    ['run', ['./small.mjs', '--trace', 'notes.md']],
    ['run', ['./small.mjs', '--timeline', 'notes.md']],
    ['explain', ['./small.mjs#small', '--trace', 'notes.md']],
    ['replay', ['in.jsonl', '--timeline', 'log.jsonl']],
    ['exec', ['--trace', 'notes.md', '--', 'sh', '-c', 'echo ran']],
  ])('a file of the user, or a log of a corpus: %s %j', async (command, args) => {
    const content = {
      'notes.md': '# Notes\n',
      'log.jsonl': '{"format":"dryrunner","version":2,"kind":"decisions"}\n',
    };
    for (const [name, text] of Object.entries(content)) await writeFile(at(name), text);
    const { code, out, err } = await dryrunner(command, ...args);
    expect([code, out]).toEqual([command === 'exec' ? 125 : 2, '']);
    expect(err).toMatch(
      /^error: --t(race|imeline): expected a new file, or one that --trace or --timeline has written, got [a-z.]+, which has other content: delete it first$/m,
    );
    for (const [name, text] of Object.entries(content)) expect(await readFile(at(name), 'utf8')).toBe(text);
  });

  test('a trace, a timeline and an empty file are replaced', async () => {
    await writeFile(at('again.jsonl'), '');
    await writeFile(at('again.json'), '');
    const both = ['--trace', 'again.jsonl', '--timeline', 'again.json'];
    for (let n = 0; n < 2; n += 1) {
      expect(await dryrunner('run', './small.mjs', ...both)).toMatchObject({ code: 0 });
    }
    expect(await readFile(at('again.jsonl'), 'utf8')).toBe(trace);
    for (let n = 0; n < 2; n += 1) {
      const exec = ['exec', '--trace', 'again.jsonl', '--', 'sh', '-c', 'echo ran'];
      expect(await dryrunner(...exec)).toMatchObject({ code: 0 });
    }
    expect(await readFile(at('again.jsonl'), 'utf8')).toContain('"kind":"recording"');
  });

  test('a device may be both read and written', async () => {
    const both = ['--trace', '/dev/null', '--timeline', '/dev/null'];
    expect(await dryrunner('run', './small.mjs', ...both)).toMatchObject({ code: 0 });
  });
});

describe('an impossible path', () => {
  test.each(['', 'new/', 'in.jsonl/', 'x'.repeat(256)])(
    '%j is refused before anything runs',
    async (path) => {
      const results = await Promise.all([
        dryrunner('exec', '--trace', path, '--', 'sh', '-c', 'echo ran; exit 7'),
        dryrunner('run', './small.mjs', '--trace', path),
        dryrunner('run', './small.mjs', '--timeline', path),
      ]);
      expect(results.map(({ code, out }) => [code, out])).toEqual([
        [125, ''],
        [2, ''],
        [2, ''],
      ]);
    },
  );
});

test('the longest name that a file can have is written', async () => {
  const name = 'y'.repeat(255);
  expect(await dryrunner('exec', '--trace', name, '--', 'sh', '-c', 'exit 7')).toMatchObject({ code: 7 });
  expect(await readFile(at(name), 'utf8')).toContain('COMPLETE');
  expect((await readdir(dir)).filter((entry) => entry.endsWith('.partial'))).toEqual([]);
});

describe('the trace of an execution', () => {
  const replayed = async (name: string): Promise<string[]> =>
    (await dryrunner('replay', name)).out.split('\n').slice(0, 2);

  test('of a token is written, and replayed: the same failure and hash', async () => {
    const { out } = await dryrunner('explain', './tossed.mjs', '--seed', '1', '--trace', 'small.jsonl');
    const [, token = ''] = /(dr2:\S+)/.exec(out) ?? [];
    const again = await dryrunner('replay', token, '--trace', 'token.jsonl');
    const [verdict = '', hash] = again.out.split('\n');
    expect(verdict).toMatch(/^tossed fails at 0 ms in \S+ \(tossed\.mjs:\d+\): tails, when .*/);
    expect(await replayed('small.jsonl')).toEqual([
      verdict.replace(' fails', ', seed 1, fails').replace(/, when.*/, ''),
      hash,
    ]);
    expect(await replayed('token.jsonl')).toEqual([
      expect.stringMatching(/^tossed(, seed 1,)? fails at 0 ms in \S+ \(tossed\.mjs:\d+\): tails$/),
      hash,
    ]);
  });

  test('of a trace is that trace, and what holds has one too', async () => {
    await dryrunner('replay', 'in.jsonl', '--trace', 'copy.jsonl');
    expect(await readFile(at('copy.jsonl'), 'utf8')).toBe(trace);
    const { code, out } = await dryrunner('explain', './small.mjs#small', '--trace', 'held.jsonl');
    expect([code, out]).toEqual([
      0,
      'small, seed 1: it holds, so there is nothing to explain\ntrace: held.jsonl\n',
    ]);
    expect(await replayed('held.jsonl')).toEqual([
      'small, seed 1, holds, at 1 ms after 1 event',
      expect.stringMatching(/^ {2}reproduced, trace hash [0-9a-f]{16}$/),
    ]);
  });

  test.each([
    ['gone', "sim.check(false, 'too late')", '', 'expected "check too late", got "it held"', true],
    [
      'another',
      "sim.check(false, 'too late')",
      "sim.check(false, 'too early')",
      'expected "check too late", got "check too early"',
      false,
    ],
    ['new', '', "sim.check(false, 'too late')", 'expected "it held", got "check too late"', false],
  ])(
    'is not reproduced if the events are the same and the failure is %s',
    async (_what, before, after, difference, held) => {
      await writeFile(at('judged.mjs'), judged(5, before));
      await dryrunner('run', './judged.mjs', '--trace', 'judged.jsonl');
      expect((await replayed('judged.jsonl'))[1]).toMatch(/^ {2}reproduced, trace hash /);
      await writeFile(at('judged.mjs'), judged(5, after));
      const { code, out } = await dryrunner('replay', 'judged.jsonl');
      const [verdict, second] = out.split('\n');
      expect(verdict).toMatch(/^judged, seed 1, diverged from its trace; now it (holds, at|fails at) 5 ms/);
      expect(second).toBe(`  the events are the same, but what came of them is not: ${difference}`);
      expect(code).toBe(3);
      const json = await dryrunner('replay', 'judged.jsonl', '--json');
      expect(JSON.parse(json.out)).toMatchObject({ reproduced: false, sameTrace: true, held });
    },
  );

  test('is said where it is, on stderr for programs', async () => {
    const plain = await dryrunner('run', './small.mjs', '--trace', 'said.jsonl');
    expect(plain.out).toMatch(/\ntrace: said\.jsonl\n$/);
    const json = await dryrunner('run', './small.mjs', '--trace', 'said.jsonl', '--json');
    expect([json.out.includes('trace:'), json.err]).toEqual([false, 'trace: said.jsonl\n']);
    const again = await dryrunner('replay', 'said.jsonl', '--trace', 'again.jsonl');
    expect(again.out).toMatch(/\ntrace: again\.jsonl\n$/);
    const fails = await dryrunner('explain', './tossed.mjs', '--seed', '1', '--trace', 'small.jsonl');
    expect(fails.out).toMatch(/\ntrace: small\.jsonl\n$/);
  });

  test('gives the time of a verdict as a token does, in milliseconds', async () => {
    await writeFile(at('judged.mjs'), judged(125_000, "sim.check(false, 'too late')"));
    const { out } = await dryrunner('explain', './judged.mjs', '--trace', 'late.jsonl');
    const [, token = ''] = /(dr2:\S+)/.exec(out) ?? [];
    expect((await replayed(token))[0]).toMatch(/^judged fails at 125000 ms /);
    const [verdict] = await replayed('late.jsonl');
    expect(verdict).toMatch(/^judged, seed 1, fails at 125000 ms /);
    await writeFile(at('judged.mjs'), judged(125_000, ''));
    await dryrunner('run', './judged.mjs', '--trace', 'late.jsonl');
    expect((await replayed('late.jsonl'))[0]).toBe('judged, seed 1, holds, at 125000 ms after 1 event');
  });
});

test.for([['--trace'], ['--timeline']] as const)(
  '%s refuses the file that stdout is redirected to',
  async ([flag]) => {
    const stdout = openSync(at('printed'), 'w');
    const args = [...builtCommand, 'run', './small.mjs', flag, '/dev/stdout'];
    const { status, stderr } = spawnSync(process.execPath, args, {
      cwd: dir,
      stdio: ['ignore', stdout, 'pipe'],
    });
    closeSync(stdout);
    expect(stderr.toString()).toContain(
      `error: ${flag}: expected a file of its own, got /dev/stdout, which is the file that this command prints to`,
    );
    expect(status).toBe(2);
    expect(await readFile(at('printed'), 'utf8')).toBe('');
  },
);

describe('files that were asked for are written although nobody reads what is printed', () => {
  const unread = (...args: readonly string[]): Promise<Finished> => {
    const { child, finished } = startIn(dir, ...args);
    child.stdout?.destroy();
    return finished;
  };

  test('by run, explain and replay', async () => {
    const { code } = await unread('run', './small.mjs', '--trace', 'a.jsonl', '--timeline', 'a.json');
    expect([code, await readFile(at('a.jsonl'), 'utf8')]).toEqual([141, trace]);
    expect(JSON.parse(await readFile(at('a.json'), 'utf8'))).toMatchObject({
      displayTimeUnit: 'ms',
      otherData: { scenario: 'small' },
    });
    const args = ['--trace', 'b.jsonl', '--timeline', 'b.json'];
    expect((await unread('explain', './tossed.mjs', '--seed', '1', ...args)).code).toBe(141);
    expect(JSON.parse(await readFile(at('b.json'), 'utf8'))).toHaveProperty('traceEvents');
    expect(await readFile(at('b.jsonl'), 'utf8')).toContain('"type":"end"');
    const again = ['--trace', 'c.jsonl', '--timeline', 'c.json'];
    expect((await unread('replay', 'b.jsonl', ...again)).code).toBe(141);
    expect(await readFile(at('c.jsonl'), 'utf8')).toContain('"type":"end"');
    expect(existsSync(at('c.json'))).toBe(true);
  });

  test('by exec, which ends a command that prints for ever', async () => {
    const { code } = await unread('exec', '--trace', 'd.jsonl', '--', 'yes');
    expect(code).toBe(141);
    expect(await readFile(at('d.jsonl'), 'utf8')).toContain('"state":"ABORTED"');
  });

  test.runIf(existsSync('/dev/full'))(
    'or it is said why not; skipped without /dev/full, because no other file is full',
    async () => {
      const { code, err } = await unread('run', './small.mjs', '--trace', '/dev/full');
      expect(code).toBe(141);
      expect(err).toMatch(/^error: \/dev\/full cannot be written: ENOSPC/m);
    },
  );
});
