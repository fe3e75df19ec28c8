import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { listFiles, listRootFiles, projectRoot, readProjectFile } from '../../scripts/module-graph.ts';
import { anchorsOf, linksOf, type PageLink } from './page-links.ts';

/** Made from the sources, so that a clone does not have it. */
const GENERATED = /^api\//;

function isBroken({ path, anchor }: PageLink): boolean {
  if (GENERATED.test(path)) return false;
  if (!existsSync(join(projectRoot, path))) return true;
  return anchor !== '' && !anchorsOf(readProjectFile(path)).has(anchor);
}

describe('links of pages', () => {
  test('lead to files and headings that exist', () => {
    const pages = [...listRootFiles('.md'), ...listFiles(['docs', 'fixtures'], '.md')];
    const links = pages.flatMap((page) =>
      linksOf(page, readProjectFile(page)).map((link) => ({ page, ...link })),
    );
    expect(links.length).toBeGreaterThan(200);
    const broken = links.filter(isBroken);
    expect(broken.map(({ page, line, path, anchor }) => `${page}:${line} ${path}#${anchor}`)).toEqual([]);
  });

  test('in sources and messages lead to pages and headings that exist', () => {
    const named = listFiles(['src', 'sims'], '.ts').flatMap((file) =>
      [...readProjectFile(file).matchAll(/\b(docs\/[\w-]+\.md)(?:#([\w-]+))?/g)].map(
        ([, path = '', anchor = '']) => ({ file, line: 0, path, anchor }),
      ),
    );
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter(isBroken).map(({ file, path, anchor }) => `${file} ${path}#${anchor}`)).toEqual([]);
  });

  test.for([
    ['see [b](b.md#c) and [d](../d/) and [web](https://x.org/)', ['docs/b.md#c', 'd#']],
    ['see [here](#e)', ['docs/a.md#e']],
    ['`[b](b.md)`', []],
    ['```md\n[b](b.md)\n```\n[c](c.md)', ['docs/c.md#']],
    ['````md\n```\n[b](b.md)\n```\n````', []],
  ] as const)('are found in %j', ([text, expected]) => {
    expect(linksOf('docs/a.md', text).map(({ path, anchor }) => `${path}#${anchor}`)).toEqual(expected);
  });

  test('anchors are those of GitHub', () => {
    const text =
      '# What `simTest` runs, and when\n## A [link](x.md) é\n## Twice\n## Twice\n```sh\n# no\n```\n## a_b-c';
    expect([...anchorsOf(text)]).toEqual([
      'what-simtest-runs-and-when',
      'a-link-é',
      'twice',
      'twice-1',
      'a_b-c',
    ]);
  });
});
