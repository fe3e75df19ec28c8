/**
 * Installs all stand-ins for globals of the machine. Invariant: they must be in place before the code that keeps
 * references to the originals.
 */
import { syncBuiltinESMExports } from 'node:module';
import '../../kernel/drain-real-functions.ts';
import { RunnerError } from '../../kernel/errors.ts';
import { installClocks } from './clocks.ts';
import { installEntropy } from './entropy.ts';
import { installPromisedTimers } from './promised-timers.ts';
import { watchRealTimers } from './real-timers.ts';
import { installDates } from './dates.ts';
import { installMessages } from './messages.ts';
import { installMicrotasks } from './microtasks.ts';
import { watchOutsideCalls } from './outside-calls.ts';
import { installTogether, standIns } from './stand-in.ts';
import { installTimeline } from './timeline.ts';
import { installTimers } from './timers.ts';

/** Globals that a library of fake timers replaces, some of them at least. */
const FAKED = ['setTimeout', 'setInterval', 'setImmediate', 'Date', 'performance'] as const;

/**
 * Has no effect the second time.
 *
 * @throws RunnerError `RUNNER_SIMULATION_MISUSE` if fake timers are installed: the stand-ins would go with them.
 */
export function installGlobals(): void {
  if (standIns.length > 0) return;
  // Fakes of `@sinonjs/fake-timers`, and so those of Vitest and Jest, carry their clock.
  const fake = FAKED.find((name) => Object.hasOwn(globalThis[name], 'clock'));
  if (fake !== undefined) {
    throw new RunnerError(
      'RUNNER_SIMULATION_MISUSE',
      `${fake} is a fake, as vi.useFakeTimers makes it, and the stand-ins of ambient time would go with it: restore it before, ` +
        'by vi.useRealTimers if it was that, or load dryrunner/ambient/install before fake timers are installed',
    );
  }
  installTogether(() => {
    installTimers();
    installPromisedTimers();
    installDates();
    installClocks();
    installTimeline();
    installEntropy();
    installMessages();
    installMicrotasks();
    watchOutsideCalls();
  });
  watchRealTimers();
  // Makes named imports of builtin modules see the stand-ins too.
  syncBuiltinESMExports();
}
