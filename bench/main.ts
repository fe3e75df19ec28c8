// `npm run bench`: every figure beside its peer, measured in this run. Invariant: what is measured is the built
// package, and what measures it is compiled too. Under a loader of sources a simulated run takes twice as long.
//   --only NAME         one kind of figure; may be given again
//   --rounds N          how many interleaved rounds (5; with --against 10)
//   --against COMMIT    measures the package beside itself at another commit instead, by CPU time
//   --json              one object per figure on stdout
//   --help              this text
// Exits 0 whether or not the goals are met, because a busy machine proves nothing; 1 if something could not be
// measured, 2 on wrong usage.
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { optionsOrEnd } from '../scripts/command-line.ts';
import { buildIfNeeded, compileBench } from './built.ts';
import { KINDS, PAIRED, readOptions } from './options.ts';

optionsOrEnd(import.meta.url, readOptions, () => {
  return `Kinds: ${KINDS.join(', ')}; with --against: ${Object.keys(PAIRED).join(', ')}\n`;
});
buildIfNeeded();
const { status } = spawnSync(process.execPath, [await compileBench(), ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
