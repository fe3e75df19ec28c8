import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { expect, test } from 'vitest';
import { projectRoot } from '../../scripts/module-graph.ts';
import { builtCommand } from '../cli/command.ts';
import { SUBCOMMANDS } from './command-lines.ts';

test.for<[name: string, flags: Readonly<Record<string, boolean>>]>([
  ...Object.entries(SUBCOMMANDS),
  ['--help', {}],
])('the help of `%s` shows the flags that documents may use, in 80 columns', ([name, flags]) => {
  const { stdout, status, stderr } = spawnSync(process.execPath, [...builtCommand, name, '--help'], {
    cwd: projectRoot,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(Object.keys(flags).filter((flag) => !stdout.includes(flag))).toEqual([]);
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
});
