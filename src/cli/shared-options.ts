/** Options that several commands have, in the same words. */
import { Option } from 'commander';
import { HANG_MS, MEMORY_MB } from './explore-defaults.ts';
import { positiveInteger, span } from './typed-values.ts';

/** After how long without progress an execution has failed. */
export function hangOption(): Option {
  return new Option(
    '--hang <duration>',
    `an execution that makes no progress for this long has failed (default: ${HANG_MS / 1_000}s)`,
  ).argParser(span);
}

/** How much memory an execution may need. */
export function memoryOption(): Option {
  return new Option('--memory <mb>', 'an execution that needs more MiB of heap than this has failed')
    .argParser(positiveInteger)
    .default(MEMORY_MB);
}

/** Of each command that runs one execution. */
export function debugOption(): Option {
  return new Option(
    '--debug',
    'run it once, in this thread, with no limit of time: for breakpoints, as in `node --inspect-brk node_modules/.bin/dryrunner …`',
  );
}

/** Of each command that runs simulations. */
export function timelineOption(which: string): Option {
  return new Option(
    '--timeline <file.json>',
    `write a timeline of ${which} to this file, to be opened in Perfetto or speedscope`,
  );
}

/** Of each command that loads what a token or a file names. */
export function allowOption(): Option {
  return new Option(
    '--allow <dir>',
    'also load a scenario from this folder, beside the one in which the command runs; may be given again',
  ).argParser((folder: string, before: readonly string[] = []) => [...before, folder]);
}
