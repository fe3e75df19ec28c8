import { describe, expect, test } from 'vitest';
import { exampleBlocks, markdownBlocks } from './code-blocks.ts';

const fence = '```';

describe('code blocks', () => {
  test('on a page know their language, place and reason not to run', () => {
    const page = [
      'text',
      `${fence}ts no-run needs a server`,
      'a();',
      fence,
      '',
      `${fence}sh`,
      'npm ci',
      fence,
    ].join('\n');
    expect(markdownBlocks('a.md', page)).toEqual([
      { file: 'a.md', line: 3, language: 'ts', code: 'a();\n', noRun: 'needs a server' },
      { file: 'a.md', line: 7, language: 'sh', code: 'npm ci\n' },
    ]);
  });

  test('that never end are refused', () => {
    expect(() => markdownBlocks('a.md', `${fence}ts\na();`)).toThrow('a.md:1 opens a block that never ends');
  });

  test('in a doc comment are its examples, fenced or bare, up to the next tag', () => {
    const source = [
      '/**',
      ' * Does a.',
      ' *',
      ' * @example',
      ` * ${fence}ts`,
      ' * a({',
      ' *   b: 1,',
      ' * });',
      ` * ${fence}`,
      ' * @throws never',
      ' */',
      'export const a = 1;',
      '/**',
      ' * @example',
      ' * b();',
      ' * @returns nothing',
      ' */',
    ].join('\n');
    expect(exampleBlocks('a.ts', source)).toEqual([
      { file: 'a.ts', line: 6, language: 'ts', code: 'a({\n  b: 1,\n});\n' },
      { file: 'a.ts', line: 15, language: 'ts', code: 'b();\n' },
    ]);
  });
});
