// The blocks of `docs/debugging.md` that are neither code nor output.
import { format } from 'prettier';
import { expect, test } from 'vitest';
import { readManifest } from '../../scripts/package-doors.ts';
import { readCodeBlocks } from './code-blocks.ts';
import { commandLineProblem } from './command-lines.ts';

const PAGE = 'docs/debugging.md';

function onlyBlock(language: string): string {
  const found = readCodeBlocks().filter((block) => block.file === PAGE && block.language === language);
  expect(found).toHaveLength(1);
  return found[0]!.code;
}

test('launch.json starts the command of the package with flags that it has', () => {
  const { configurations } = JSON.parse(onlyBlock('json')) as {
    readonly configurations: readonly { readonly program: string; readonly args: readonly string[] }[];
  };
  const { bin } = readManifest();
  for (const { program, args } of configurations) {
    expect(program).toBe(`\${workspaceFolder}/node_modules/dryrunner/${bin['dryrunner']}`);
    expect(commandLineProblem(`dryrunner ${args.join(' ')}`, {})).toBeUndefined();
  }
  expect(configurations).toHaveLength(1);
});

test('the workflow is YAML, and its steps have flags that exist', async () => {
  const workflow = onlyBlock('yaml');
  expect(await format(workflow, { parser: 'yaml', singleQuote: true, printWidth: 150 })).toBe(workflow);
  const commands = [...workflow.matchAll(/^ *- run: (.*)$/gm)].map(([, command = '']) => command);
  expect(commands.map((command) => commandLineProblem(command, {}))).toEqual(commands.map(() => undefined));
  expect(commands.filter((command) => command.startsWith('npx dryrunner explore '))).toHaveLength(1);
});
