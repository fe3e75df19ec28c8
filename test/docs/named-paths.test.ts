import { describe, expect, test } from 'vitest';
import { listFiles, listRootFiles, readProjectFile } from '../../scripts/module-graph.ts';
import { isNamed, namedPaths, projectFiles } from './named-paths.ts';

/** Here files are also named without their folder. */
const FOR_MAINTAINERS = new Set(['ARCHITECTURE.md', 'CONTRIBUTING.md', 'docs/internals.md']);
/** What has changed is named as it was. */
const HISTORY = 'CHANGELOG.md';

describe('paths that pages name', () => {
  test('exist', () => {
    const files = projectFiles();
    const pages = [...listRootFiles('.md'), ...listFiles(['docs'], '.md')].filter((file) => file !== HISTORY);
    const named = pages.flatMap((page) =>
      namedPaths(readProjectFile(page), FOR_MAINTAINERS.has(page)).map((path) => ({ page, ...path })),
    );
    expect(named.length).toBeGreaterThan(300);
    const missing = named.filter(({ text }) => !isNamed(text, files));
    expect(missing.map(({ page, line, text }) => `${page}:${line} ${text}`)).toEqual([]);
  });

  test.for([
    ['see `src/kernel/clock.ts` and `clock.ts`', true, ['src/kernel/clock.ts', 'clock.ts']],
    ['see `src/kernel/clock.ts` and `clock.ts`', false, ['src/kernel/clock.ts']],
    ['`src/kernel/`, `test/*-cases.ts`, `dryrunner/kit`', false, ['src/kernel/', 'test/*-cases.ts']],
    ['```sh\n`src/kernel/`\n```', true, []],
  ] as const)('are found in %j', ([page, takesNames, expected]) => {
    expect(namedPaths(page, takesNames).map(({ text }) => text)).toEqual(expected);
  });

  test.for([
    ['src/kernel/clock.ts', true],
    ['src/kernel/', true],
    ['src/kern', false],
    ['clock.ts', true],
    ['*-cases.ts', true],
    ['lock.ts', false],
    ['src/cases/*-cases.ts', true],
    ['src/*-cases.ts', false],
    ['src/FOLDER', true],
    ['src/FOLDER/FOLDER', true],
    ['src/FOLDER/FOLDER/FOLDER', false],
  ] as const)('%s is there: %s', ([text, expected]) => {
    expect(isNamed(text, ['src/kernel/clock.ts', 'src/cases/lock-cases.ts'])).toBe(expected);
  });
});
