import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bugs } from '../../scripts/zoo/catalog.ts';
import { hunt, type HuntOptions } from '../../scripts/zoo/hunt.ts';
import { PackageCopies } from '../../scripts/zoo/package-copy.ts';

const folder = join(import.meta.dirname, '../../.dryrunner', `zoo-test-${process.pid}`);
const copies = new PackageCopies(folder);
const SLEEP = bugs.find(({ id }) => id === 'D67')!;

function options(more: Partial<HuntOptions> & Pick<HuntOptions, 'folder'>): HuntOptions {
  return {
    scenario: SLEEP.scenario,
    strategy: 'portfolio',
    seed: '1',
    timeMs: 60_000,
    executions: 2_000,
    shrinks: true,
    corpus: 'corpus',
    signal: new AbortController().signal,
    ...more,
  };
}

beforeAll(() => copies.makeBase());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a hunt', () => {
  test('D67 finds a planted bug, says in one sentence what is wrong and shows a short history', async () => {
    const found = await hunt(options({ folder: copies.makeMutant(SLEEP) }));
    expect(found).toMatchObject({ found: true });
    expect(found.executions).toBeLessThanOrEqual(2_000);
    expect(found.sentence).not.toBe('');
    expect(found.history?.length).toBeLessThanOrEqual(12);
    expect(found.eventsAfter).toBeGreaterThan(0);
  });

  test('finds nothing where nothing is planted, although a mutant shares its files', async () => {
    copies.makeMutant(SLEEP);
    const held = await hunt(options({ folder: copies.base, executions: 300 }));
    expect(held).toEqual({
      found: false,
      executions: 300,
      sentence: '',
      seconds: expect.any(Number) as number,
    });
  });

  test('in a package that does not load finds nothing, and says why', async () => {
    const broken = copies.makeMutant({ id: 'broken', edits: [] });
    rmSync(join(broken, 'dist/index.js'));
    const result = await hunt(options({ folder: broken }));
    expect(result).toMatchObject({ found: false, executions: 0, hasDied: true });
    expect(result.sentence).toContain('index.js');
  });

  test('that is stopped ends with its child, and finds nothing', async () => {
    const stop = new AbortController();
    const result = hunt(options({ folder: copies.base, executions: 10_000_000, signal: stop.signal }));
    stop.abort();
    expect(await result).toMatchObject({ found: false });
  });
});

describe('a copy of the package', () => {
  test('differs from the base only in the edited file', () => {
    const mutant = copies.makeMutant(SLEEP);
    const file = 'dist/execers/sim-process.js';
    const read = (root: string, path: string): string => readFileSync(join(root, path), 'utf8');
    expect(read(mutant, file)).not.toBe(read(copies.base, file));
    expect(read(mutant, 'dist/index.js')).toBe(read(copies.base, 'dist/index.js'));
    expect(existsSync(join(mutant, 'package.json'))).toBe(true);
  });
});
