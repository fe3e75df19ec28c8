/** Refuses a second version of this package in one thread. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { RunnerError } from '../kernel/errors.ts';
import { HOME, hub } from './hub.ts';

/** Copies of the same version share the hub; two versions may not agree on its shape. */
export function checkOneVersion(): void {
  if (hub.home === HOME) return;
  const versions = [hub.home, HOME].map(versionAt);
  if (versions[0] === versions[1]) return;
  const [first, second] = [hub.home, HOME].map(
    (home, at) => `${versions[at]}${home === undefined ? '' : ` in ${fileURLToPath(home)}`}`,
  );
  throw new RunnerError(
    'RUNNER_SIMULATION_MISUSE',
    `Two versions of dryrunner are loaded: ${first}, whose stand-ins for the machine's clocks are in place, and ${second}. Have one of them: ` +
      'npm ls dryrunner says which packages ask for which',
  );
}

function versionAt(home: string | undefined): string {
  if (home === undefined) return 'an older one';
  const { version } = JSON.parse(readFileSync(new URL('package.json', home), 'utf8')) as { version: string };
  return version;
}
