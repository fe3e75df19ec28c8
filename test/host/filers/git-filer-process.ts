// A process that starts an operation of the git filer and then ends in the given way, for a test that looks at what is left.
import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { createGitFiler } from '../../../src/host/filers/git-filer.ts';

const [how = '', repo = '', git = '', source = '', started = ''] = process.argv.slice(2);
void createGitFiler({ repo, git }).ingest(source);
while (!existsSync(started)) await wait(5);
if (how === 'exit') process.exit(0);
if (how === 'throw') throw new Error('nobody catches this');
process.kill(process.pid, how);
await wait(60_000);
