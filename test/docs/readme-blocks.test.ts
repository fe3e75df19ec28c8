import { format } from 'node:util';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { typeErrors, writeBlocks } from './block-program.ts';
import { listFiles, readProjectFile } from '../../scripts/module-graph.ts';
import { readCodeBlocks } from './code-blocks.ts';

const all = readCodeBlocks().filter(({ language }) => language === 'ts');
/** Those that import a file of their own are files of a folder that the tests know. */
const isFile = ({ code }: (typeof all)[number]): boolean => / from '\.\//.test(code);
const blocks = all.filter((block) => !isFile(block));
const files = writeBlocks('code-blocks', blocks);
const runnable = files.filter(({ block }) => block.noRun === undefined);
const declaresTests = ({ block }: (typeof files)[number]): boolean =>
  /from '(vitest|dryrunner\/vitest)'/.test(block.code);
const load = (path: string): Promise<unknown> => import(/* @vite-ignore */ path);

/** What the block says that it prints: comments behind `console.log`. */
function promised(code: string): string[] {
  return Array.from(code.matchAll(/console\.log\(.*\); \/\/ (.+)/g), ([, text = '']) => text);
}

/** Loads the block and gives the lines that it printed. */
async function printed(path: string): Promise<string[]> {
  const log = vi.spyOn(console, 'log').mockReturnValue(undefined);
  onTestFinished(() => log.mockRestore());
  await load(path);
  return log.mock.calls.map((values) => format(...values));
}

describe('code in README, docs and doc comments', () => {
  test('has the right types', () => {
    expect(typeErrors(files)).toEqual([]);
  });

  test('that needs a file beside it is a fixture, letter by letter', () => {
    const fixtures = listFiles(['fixtures']).map((file) => readProjectFile(file));
    const shown = all.filter(isFile);
    expect(shown.length).toBeGreaterThan(0);
    expect(
      shown.filter(({ code }) => !fixtures.includes(code)).map(({ file, line }) => `${file}:${line}`),
    ).toEqual([]);
  });

  test('is not run only for a stated reason', () => {
    const silent = blocks.filter(({ noRun }) => noRun === '');
    expect(silent.map(({ file, line }) => `${file}:${line}`)).toEqual([]);
  });

  for (const file of runnable) {
    const place = `${file.block.file}:${file.block.line}`;
    // A block that declares tests has to be loaded while tests are collected: its tests become tests here.
    if (declaresTests(file)) {
      describe(place, async () => {
        await load(file.path);
      });
    } else {
      test(`${place} runs and prints what it says`, async () => {
        const lines = await printed(file.path);
        expect(lines).toEqual(expect.arrayContaining(promised(file.block.code)));
      });
    }
  }
});
