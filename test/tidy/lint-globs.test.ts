import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { listFiles, projectRoot } from '../../scripts/module-graph.ts';

interface ConfigEntry {
  readonly files?: readonly unknown[];
  readonly ignores?: readonly string[];
}

const areas = ['src', 'sims', 'scripts', 'bench', 'test'];

/** `a/{b,c}` is `a/b` and `a/c`. */
function expanded(glob: string): string[] {
  const [, before = '', inside = '', after = ''] = /^(.*?)\{([^{}]*)\}(.*)$/.exec(glob) ?? [];
  if (inside === '') return [glob];
  return inside.split(',').flatMap((part) => expanded(`${before}${part}${after}`));
}

/** Only `*` and `**`, which is all that the configuration uses. */
function pattern(glob: string): RegExp {
  const source = glob
    .split(/(\*\*\/|\*\*|\*)/)
    .map((part) => {
      if (part === '**/') return '(?:.*/)?';
      if (part === '**') return '.*';
      return part === '*' ? '[^/]*' : part.replace(/[.+?^$()|[\]\\]/g, '\\$&');
    })
    .join('');
  return new RegExp(`^${source}$`);
}

/** The globs of one area of the checkout that no file of it fits. */
function withoutFiles(globs: readonly string[]): string[] {
  const files = listFiles(areas);
  return globs
    .flatMap(expanded)
    .filter((glob) => areas.some((area) => glob.startsWith(`${area}/`)))
    .filter(
      (glob) => !files.some((file) => pattern(glob).test(file)) && !existsSync(join(projectRoot, glob)),
    );
}

/** The configuration is JavaScript without declarations, so its type is stated here. */
async function configured(): Promise<string[]> {
  const path = join(projectRoot, 'eslint.config.js');
  const { default: entries } = (await import(path)) as { default: readonly ConfigEntry[] };
  return entries.flatMap(({ files = [], ignores = [] }) => [...files.flat().map(String), ...ignores]);
}

describe('the lint configuration', () => {
  test('names only folders and files that exist', async () => {
    const globs = await configured();
    expect(globs.length).toBeGreaterThan(20);
    expect(withoutFiles(globs)).toEqual([]);
  });

  test.for([
    ['src/{kernel,viewer}/**/*.ts', ['src/viewer/**/*.ts']],
    ['test/kernel/{drain,wall-clock}*', ['test/kernel/wall-clock*']],
    ['src/**/*.ts', []],
    ['src/index.ts', []],
  ] as const)('of %s, missing: %o', ([glob, missing]) => {
    expect(withoutFiles([glob])).toEqual(missing);
  });
});
