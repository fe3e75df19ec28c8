import { describe, expect, test } from 'vitest';
import { listFiles, listRootFiles, readProjectFile } from '../../scripts/module-graph.ts';

// The patterns are written so that this file does not contain what it looks for.
const banned: readonly (readonly [pattern: RegExp, problem: string])[] = [
  [/\b(TODO|FIXME|XXX|HACK)\b/, 'unfinished work belongs in an issue'],
  [/(?<![\w.-])\/work\/(main|shared)\b|\/tmp\/briefs|(?<!\w)\.\.\/shared\b/, 'a path of one machine'],
  [/@ts-(ignore|nocheck)/, 'use @ts-expect-error with a reason'],
  [/@ts-expect-error\s*$/, 'say why the error is expected'],
  [/eslint-disable(?!.* -- \w)/, 'say why after " -- "'],
  [
    /\b(tells?|(un)?told)\b|[a-z]Told\b|\bTOLD_|^told[A-Z]/i,
    'say reports, shows, gives, calls or distinguishes',
  ],
  [/\bwho(m|so)?ever\b/i, 'name the caller, reader or waiter, or say "those who"'],
  [/\bwhat (is|are) no (?!longer)/i, 'say "anything but"'],
  [/\b(mended|how manieth)\b/i, 'say fixed, or its number'],
  [/\bcomes? to work\b/i, 'say starts'],
  [/\b(fail(s|ed)?|end(s|ed)?) otherwise\b|\botherwise than\b/i, 'say differently'],
];

function wordingProblems(path: string, text: string): string[] {
  return text
    .split('\n')
    .flatMap((line, index) =>
      banned
        .filter(([pattern]) => pattern.test(line))
        .map(([, problem]) => `${path}:${index + 1} ${problem}: ${line.trim()}`),
    );
}

describe('wording', () => {
  const files = [
    ...listFiles(['src', 'sims', 'scripts', 'bench', 'test']),
    ...listFiles(['docs'], '.md'),
    ...listRootFiles('.md'),
  ].filter((path) => path !== 'test/tidy/wording.test.ts');

  test('nothing is left for later, names a machine, switches a check off without a reason, or sounds translated', () => {
    expect(files.flatMap((path) => wordingProblems(path, readProjectFile(path)))).toEqual([]);
  });

  test.for([
    '// TODO later',
    'read /work/shared/x',
    'see ../shared/spec',
    '// @ts-ignore',
    '// @ts-expect-error',
    '// eslint-disable-next-line eqeqeq',
    '/** Told about every event. */',
    'const isTold = true;',
    'The server tells its length.',
    'Wakes whoever waits.',
    'Refuses what is no clock.',
    'the bug is mended',
    'a process that comes to work',
    'it fails otherwise than before',
  ])('`%s` is refused', (line) => {
    expect(wordingProblems('a.ts', line)).toHaveLength(1);
  });

  test.for([
    'a TODOS list',
    'src/work/x',
    '// @ts-expect-error the contract forbids it',
    '// eslint-disable-next-line eqeqeq -- null and undefined alike',
    'the most telling line',
    'what is not there',
    'the default otherwise',
  ])('`%s` passes', (line) => {
    expect(wordingProblems('a.ts', line)).toEqual([]);
  });
});
