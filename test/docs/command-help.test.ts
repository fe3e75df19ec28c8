import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { expect, test } from 'vitest';
import { projectRoot, readProjectFile } from '../../scripts/module-graph.ts';
import { EXEC_HELP } from '../../src/cli/help-texts.ts';
import { builtCommand } from '../cli/command.ts';
import { SUBCOMMANDS } from './command-lines.ts';

test.for<[name: string, flags: Readonly<Record<string, boolean>>]>([
  ...Object.entries(SUBCOMMANDS),
  ['--help', { '--version': false }],
])(
  'the help of `%s` lists the flags that documents may use and no others, in 80 columns',
  ([name, flags]) => {
    const { stdout, status, stderr } = spawnSync(process.execPath, [...builtCommand, name, '--help'], {
      cwd: projectRoot,
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const listed = [...stdout.matchAll(/^ {2}(?:-\w, )?(?<flag>--[\w-]+)(?<value> <)?/gm)];
    const takesValue = listed.map(({ groups }) => [groups?.['flag'], groups?.['value'] !== undefined]);
    expect(Object.fromEntries(takesValue)).toEqual({ ...flags, '--help': false });
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  },
);

test('the help of `exec` names each exit code of its page', () => {
  const [, page = ''] = readProjectFile('docs/scenarios.md').split('### Real commands');
  const rows = page.match(/(?<=^\| )(?:\d+|128 \+ N)(?= \|)/gm) ?? [];
  expect(rows).toEqual(expect.arrayContaining(['124', '128 + N']));
  const [, codes = ''] = EXEC_HELP.split('Exit codes: ');
  expect(rows.filter((row) => !codes.replaceAll('\n', ' ').includes(row))).toEqual([]);
});
