/**
 * `npm run bench`: every figure beside its peer, measured in this run. --only NAME measures one kind of figure, --rounds N sets how
 * many interleaved rounds (default 5), --json prints one object per line. --against COMMIT measures the package beside itself at another
 * commit instead, by CPU time in interleaved rounds (default 10). Exits with 0 whether or not the goals are met, because a
 * busy machine proves nothing.
 *
 * Invariant: what is measured is the built package, and what measures it is compiled too. Under a loader of sources a simulated run
 * takes twice as long.
 */
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { buildIfNeeded, compileBench } from './built.ts';

buildIfNeeded();
const { status } = spawnSync(process.execPath, [await compileBench(), ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
