#!/usr/bin/env node
/** The `dryrunner` command: that of the project in the current folder if it has one, otherwise this one. */
import { currentFolder } from './current-folder.ts';
import { noDescriptorText, ownFailure } from './exit-status.ts';
import { projectCommand } from './project-command.ts';

const folder = currentFolder();
const other = folder === undefined ? undefined : projectCommand(folder);
try {
  await (other === undefined ? import('./program.ts') : import(other.href));
} catch (error) {
  const exhausted = noDescriptorText(error);
  if (exhausted === undefined) throw error;
  process.stderr.write(`${exhausted}\n`);
  process.exitCode = ownFailure();
}
