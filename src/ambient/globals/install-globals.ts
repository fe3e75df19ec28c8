/**
 * Installs all stand-ins for globals of the machine. Invariant: they must be in place before the code that keeps
 * references to the originals.
 */
import { syncBuiltinESMExports } from 'node:module';
import '../../kernel/drain-real-functions.ts';
import { RunnerError } from '../../kernel/errors.ts';
import { fakeGlobal } from '../fake-global.ts';
import { installClocks } from './clocks.ts';
import { installEntropy } from './entropy.ts';
import { installPromisedTimers } from './promised-timers.ts';
import { watchListeners } from './process-state.ts';
import { watchKeptTimers } from './kept-timers.ts';
import { installDates } from './dates.ts';
import { installMessages } from './messages.ts';
import { installMicrotasks } from './microtasks.ts';
import { watchOutsideCalls } from './outside-calls.ts';
import { installTogether, standIns } from './stand-in.ts';
import { installTimeline } from './timeline.ts';
import { installTimers } from './timers.ts';
import { installWebAssembly } from './web-assembly.ts';

/**
 * Has no effect the second time.
 *
 * @throws RunnerError `RUNNER_SIMULATION_MISUSE` if fake timers are installed: the stand-ins would go with them.
 */
export function installGlobals(): void {
  if (standIns.length > 0) return;
  const fake = fakeGlobal();
  if (fake !== undefined) {
    throw new RunnerError(
      'RUNNER_SIMULATION_MISUSE',
      `${fake.name} is a fake, as vi.useFakeTimers makes it, and the stand-ins of ambient time would go with it: restore it before, ` +
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
    installWebAssembly();
    watchOutsideCalls();
  });
  watchKeptTimers();
  watchListeners();
  // Makes named imports of builtin modules see the stand-ins too.
  syncBuiltinESMExports();
}
