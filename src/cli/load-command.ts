/** Loads the command of the project in the current folder if it has one, otherwise this one. */
import { currentFolder } from './current-folder.ts';
import { projectCommand } from './project-command.ts';

const folder = currentFolder();
const other = folder === undefined ? undefined : projectCommand(folder);
await (other === undefined ? import('./program.ts') : import(other.href));
