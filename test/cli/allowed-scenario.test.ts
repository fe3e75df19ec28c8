import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { encodeToken } from '../../src/explore/replay-token.ts';
import { decisionLogLines } from '../../src/trace/decision-log-file.ts';
import { startIn, startModule, type Finished } from './command.ts';
import { choice } from '../questions.ts';

const RULE =
  'a token or a file loads only modules under the folder in which the command runs, or under a folder given with --allow';
/** A scenario that leaves a mark on the machine as soon as it is loaded. */
const scenario = (mark: string): string =>
  `import { writeFileSync } from 'node:fs';
writeFileSync(${JSON.stringify(mark)}, '');
export const coin = { name: 'coin', description: 'of a test', run: (sim) => sim.check(sim.choose('toss', 2) === 0, 'heads') };
`;

let base = '';
/** Where the command runs. */
let here = '';
let elsewhere = '';
let mark = '';

beforeAll(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'dryrunner-allowed-')));
  [here, elsewhere, mark] = [join(base, 'here'), join(base, 'else where'), join(base, 'mark')];
  mkdirSync(join(here, 'sub'), { recursive: true });
  mkdirSync(elsewhere);
  for (const folder of [here, join(here, 'sub'), elsewhere]) {
    writeFileSync(join(folder, 's.mjs'), scenario(mark));
  }
  writeFileSync(join(here, '..s.mjs'), scenario(mark));
  symlinkSync(join(elsewhere, 's.mjs'), join(here, 'out.mjs'));
  symlinkSync(elsewhere, join(here, 'out'));
  symlinkSync(join(here, 'sub'), join(elsewhere, 'in'));
  execFileSync('mkfifo', [join(here, 'pipe.mjs')]);
  mkdirSync(join(base, 'here2'));
  writeFileSync(join(base, 'here2', 's.mjs'), scenario(mark));
});
afterEach(() => rmSync(mark, { force: true }));
afterAll(() => rmSync(base, { recursive: true }));

const token = (reference: string): string =>
  encodeToken({
    scenario: reference,
    failureKey: 'check heads',
    traceHash: '00c0ffee00c0ffee',
    decisions: [{ question: choice('toss'), occurrence: 0, n: 2, answer: 1 }],
  });

describe('what a token may load', () => {
  /** The answer of the rule to each reference, asked in one process that runs in `here`. */
  async function answers(references: readonly string[], allow: readonly string[] = []): Promise<string[]> {
    const { out, err } = await startModule(
      here,
      'test/cli/allowed-scenario-process.ts',
      JSON.stringify({ references, allow }),
    ).finished;
    expect(err).toBe('');
    return JSON.parse(out) as string[];
  }

  test('modules below the folder in which the command runs, and shipped scenarios', async () => {
    const references = [
      './s.mjs',
      's.mjs#coin',
      'sub/s.mjs',
      './sub/../s.mjs',
      `${here}/s.mjs`,
      '..s.mjs',
      '../else where/in/s.mjs',
      'theta-pool',
    ];
    expect(await answers(references)).toEqual(references.map(() => 'allowed'));
  });

  test('nothing else, under any name', async () => {
    const references = [
      '../else where/s.mjs',
      `${elsewhere}/s.mjs#coin`,
      '../here2/s.mjs',
      './out.mjs',
      'out/s.mjs',
      './pipe.mjs',
      './sub/',
      '/dev/stdin',
      '/etc/passwd',
      '/etc/no-such-file.mjs',
      '../../../../../../etc/passwd',
      `file://${elsewhere}/s.mjs`,
      'data:text/javascript,export default 1',
      `${elsewhere}/s.mjs\0`,
      'node:fs/promises',
    ];
    const said = await answers(references);
    expect(references.filter((_, at) => !said[at]?.startsWith(`${RULE}: it names `))).toEqual([]);
    expect(said[3]).toBe(
      `${RULE}: it names "./out.mjs", which is ${JSON.stringify(join(elsewhere, 's.mjs'))}`,
    );
  });

  test('modules below a folder given by --allow, which must exist', async () => {
    const allow = ['sub', elsewhere];
    expect(await answers(['./out.mjs', `${elsewhere}/s.mjs`, '../here2/s.mjs'], allow)).toEqual([
      'allowed',
      'allowed',
      `${RULE}: it names "../here2/s.mjs"`,
    ]);
    expect(await answers(['theta-pool'], ['no such folder'])).toEqual([
      '--allow: expected a folder, got "no such folder"',
    ]);
  });
});

describe('replay loads only what is allowed', () => {
  const replay = (...args: readonly string[]): Promise<Finished> => startIn(here, 'replay', ...args).finished;

  test.for(['a token', 'a log', 'a simulation'] as const)(
    'named by %s, unless --allow says so',
    async (kind) => {
      const reference = '../else where/s.mjs#coin';
      const lines = decisionLogLines([{ question: choice('toss'), n: 2, answer: 1 }], {
        scenario: 'coin',
        meta: { reference },
        ...(kind === 'a simulation' ? { seed: '1' } : {}),
      });
      writeFileSync(join(here, 'log.jsonl'), [...lines].join(''));
      const what = kind === 'a token' ? token(reference) : 'log.jsonl';
      const refused = await replay(what);
      expect(refused.err).toBe(`error: ${RULE}: it names "../else where/s.mjs"\n`);
      expect([refused.code, refused.out, existsSync(mark)]).toEqual([2, '', false]);
      const allowed = await replay(what, '--allow', '/no', '--allow', elsewhere);
      expect(allowed.err).toContain('--allow: expected a folder, got "/no"');
      const { err } = await replay(what, '--allow', 'sub', '--allow', elsewhere);
      expect([err, existsSync(mark)]).toEqual(['', true]);
    },
  );

  test('a path that a person types may lie anywhere, and the printed line repeats it', async () => {
    const explored = await startIn(here, 'explore', '../else where/s.mjs', '--executions', '20').finished;
    const [, line = ''] = /(replay dr2:\S+ --allow .*)/.exec(explored.out) ?? [];
    expect(line).toMatch(/ --allow '\.\.\/else where'$/);
    const words = line.slice(0, -"'../else where'".length).trim().split(' ');
    const again = await startIn(here, ...words, '../else where').finished;
    expect(again.out).toMatch(/^coin fails at .*\n {2}reproduced/);
    expect(again.code).toBe(1);
  });
});
