import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  asArgument,
  explainLine,
  fileLine,
  ownLine,
  replayLine,
  rerunLine,
  type Invocation,
} from '../../src/cli/rerun-line.ts';
import { encodeToken } from '../../src/explore/replay-token.ts';
import { choice } from '../questions.ts';

const packaged: Invocation = {
  runsSources: false,
  nodeOptions: [],
  script: '/app/node_modules/.bin/dryrunner',
  cwd: '/app',
};

test.for([
  ['the package', packaged, 'npx dryrunner run ./mine.mjs#mine --seed 7'],
  [
    'a package with a loader',
    { ...packaged, nodeOptions: ['--import', 'tsx'] },
    'node --import tsx node_modules/.bin/dryrunner run ./mine.mjs#mine --seed 7',
  ],
  [
    'a package under npx tsx, with paths from its folder where they lie in it',
    {
      ...packaged,
      nodeOptions: [
        ...['--require', '/app/node_modules/tsx/dist/preflight.cjs'],
        ...['--import', 'file:///app/node_modules/tsx/dist/loader.mjs'],
        ...['--import=/app/..own.mjs', '--import', 'file:///elsewhere/loader.mjs', '--max-old-space-size=99'],
      ],
    },
    'node --require ./node_modules/tsx/dist/preflight.cjs --import ./node_modules/tsx/dist/loader.mjs --import=./..own.mjs --import file:///elsewhere/loader.mjs --max-old-space-size=99 node_modules/.bin/dryrunner run ./mine.mjs#mine --seed 7',
  ],
  [
    'a package with a loader, from a folder that was removed',
    { ...packaged, nodeOptions: ['--import', 'tsx'], cwd: undefined },
    'node --import tsx /app/node_modules/.bin/dryrunner run ./mine.mjs#mine --seed 7',
  ],
  [
    'the checkout',
    { ...packaged, runsSources: true, nodeOptions: ['--require', '/tsx.cjs'] },
    'npm run dryrunner -- run ./mine.mjs#mine --seed 7',
  ],
] as const)('in %s the printed line starts the same program', ([, invocation, line]) => {
  expect(rerunLine('./mine.mjs#mine', '7', invocation)).toBe(line);
});

test('a failure whose token is too long for a line is repeated by its file or its seed', () => {
  const tokenOf = (count: number): string =>
    encodeToken({
      ...{ scenario: 'coin', failureKey: 'check', traceHash: '0'.repeat(16) },
      decisions: Array.from({ length: count }, (_, occurrence) => ({
        ...{ question: choice('toss'), n: 2, answer: 1, occurrence },
      })),
    });
  const [short, long] = [tokenOf(2), tokenOf(5_000)];
  const seed = { reference: 'coin', seed: '8' };
  expect(replayLine(short, seed, packaged)).toBe(`npx dryrunner replay ${short}`);
  expect(replayLine(long, seed, packaged)).toBe('npx dryrunner explain coin --seed 8');
  expect(replayLine(long, 'kept.jsonl', packaged)).toBe('npx dryrunner replay kept.jsonl');
  expect(replayLine(long, undefined, packaged)).toBe(`npx dryrunner replay ${long}`);
});

test('a path that begins with a dash is no option', () => {
  expect(fileLine('replay', '-t.jsonl', 'coin', packaged)).toBe('npx dryrunner replay ./-t.jsonl');
  expect(explainLine('-s.mjs', '1', packaged)).toBe('npx dryrunner explain ./-s.mjs --seed 1');
  expect(ownLine(['run', asArgument('-s.mjs')], packaged)).toBe('npx dryrunner run ./-s.mjs');
});

test('a shell splits the line into the words it was made of, whatever they are', () => {
  const word = fc.string({
    unit: fc.constantFrom('a', ' ', "'", '"', '$', '`', '\\', '#', '!', '\n', 'é', '-'),
  });
  fc.assert(
    fc.property(word, word, (reference, seed) => {
      const line = rerunLine(reference, seed, packaged).replace(/^npx dryrunner/, 'printf "%s\\0"');
      const { stdout } = spawnSync('sh', ['-c', line], { encoding: 'utf8' });
      expect(stdout.split('\0')).toEqual(['run', reference.replace(/^-/, './-'), '--seed', seed, '']);
    }),
    { numRuns: 50 },
  );
});

test('the printed line has no character that a terminal would act on, and a shell restores them', () => {
  const word = fc.string({
    unit: fc.constantFrom('a', ' ', "'", '\\', '\n', '\u001b', '\r', '\t', '\u007f', '\u202e', '\u2028'),
    minLength: 1,
  });
  fc.assert(
    fc.property(word, (seed) => {
      const line = rerunLine('a', `${seed}\u001b`, packaged);
      expect(line).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
      const { stdout } = spawnSync('bash', ['-c', line.replace(/^npx dryrunner/, 'printf "%s\\0"')], {
        encoding: 'utf8',
        env: { ...process.env, LC_ALL: 'C.UTF-8' },
      });
      expect(stdout.split('\0')).toEqual(['run', 'a', '--seed', `${seed}\u001b`, '']);
    }),
    { numRuns: 50 },
  );
});
