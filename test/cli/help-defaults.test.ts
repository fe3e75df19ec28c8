// Help shows some defaults as text, because it loads none of the modules that have them.
import { expect, test } from 'vitest';
import { CAS_BYTES_MAX, LOG_BYTES_MAX } from '../../src/host/remote/build-cluster.ts';
import { osExecerLimits } from '../../src/host/process/os-execer-options.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import { RETRIES_MAX } from '../../src/remote/remote-client.ts';
import { run } from './command.ts';

const MIB = 1024 ** 2;

test.for([
  ['exec', '--kill-after', `${osExecerLimits({ clock: createVirtualClock() }).graceMs / 1_000}s`],
  ['exec', '--retries', RETRIES_MAX],
  ['serve', '--cas-size', CAS_BYTES_MAX / MIB],
  ['serve', '--log-size', LOG_BYTES_MAX / MIB],
] as const)('%s %s has the default that its help shows: %s', async ([command, option, value]) => {
  const { out } = await run(command, '--help');
  const ofOption = out.split(/^ {2}(?=-)/m).find((text) => text.startsWith(option));
  expect(ofOption?.replaceAll(/\s+/g, ' ')).toContain(`(default: ${value})`);
});
