import { format } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { typeErrors, writeBlocks, type BlockFile } from './block-program.ts';
import { listFiles, readProjectFile } from '../../scripts/module-graph.ts';
import { placeOf, readCodeBlocks, type CodeBlock } from './code-blocks.ts';
import { expectShown, isCommand } from './shown-output.ts';

const documented = readCodeBlocks();
const all = documented.filter(({ language }) => language === 'ts');
const shown = documented.filter((block) => block.language === 'text' && !isCommand(block));
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

const outputs = new Map<string, Promise<string[]>>();

/** The lines that the block prints; it is run once, as its module is. */
function printed({ path }: BlockFile): Promise<string[]> {
  const lines = outputs.get(path) ?? printedByLoading(path);
  outputs.set(path, lines);
  return lines;
}

async function printedByLoading(path: string): Promise<string[]> {
  const log = vi.spyOn(console, 'log').mockReturnValue(undefined);
  try {
    await load(path);
    return log.mock.calls.map((values) => format(...values));
  } finally {
    log.mockRestore();
  }
}

/** The `ts` block above, which prints what the text shows. */
function programAbove(text: CodeBlock): BlockFile {
  const above = runnable.filter(({ block }) => block.file === text.file && block.line < text.line);
  const nearest = above.at(-1);
  if (nearest === undefined) throw new Error(`${placeOf(text)} shows output, but no block above prints any`);
  return nearest;
}

describe('code in README, docs and doc comments', () => {
  test('has the right types', () => {
    expect(typeErrors(files)).toEqual([]);
  });

  test('that needs a file beside it is a fixture, letter by letter', () => {
    const fixtures = listFiles(['fixtures']).map((file) => readProjectFile(file));
    const fromFiles = all.filter(isFile);
    expect(fromFiles.length).toBeGreaterThan(0);
    expect(fromFiles.filter(({ code }) => !fixtures.includes(code)).map(placeOf)).toEqual([]);
  });

  test('is not run only for a stated reason', () => {
    const silent = blocks.filter(({ noRun }) => noRun === '');
    expect(silent.map(placeOf)).toEqual([]);
  });

  for (const file of runnable) {
    const place = placeOf(file.block);
    // A block that declares tests has to be loaded while tests are collected: its tests become tests here.
    if (declaresTests(file)) {
      describe(place, async () => {
        await load(file.path);
      });
    } else {
      test(`${place} runs and prints what it says`, async () => {
        const lines = await printed(file);
        expect(lines).toEqual(expect.arrayContaining(promised(file.block.code)));
      });
    }
  }
});

test.for(shown.map((block) => [placeOf(block), block] as const))(
  '%s is the output of the block above',
  async ([, block]) => {
    const lines = await printed(programAbove(block));
    expectShown(block.code, lines.join('\n'));
  },
);
