/**
 * Installs all stand-ins for globals of the machine. Invariant: they must be in place before the code that keeps
 * references to the originals.
 */
import { syncBuiltinESMExports } from 'node:module';
import '../../kernel/drain-real-functions.ts';
import { installClocks } from './clocks.ts';
import { installEntropy } from './entropy.ts';
import { installPromisedTimers } from './promised-timers.ts';
import { installDates } from './dates.ts';
import { installMessages } from './messages.ts';
import { installMicrotasks } from './microtasks.ts';
import { watchOutsideCalls } from './outside-calls.ts';
import { installTogether, standIns } from './stand-in.ts';
import { installTimeline } from './timeline.ts';
import { installTimers } from './timers.ts';

/** Has no effect the second time. */
export function installGlobals(): void {
  if (standIns.length > 0) return;
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
  // Makes named imports of builtin modules see the stand-ins too.
  syncBuiltinESMExports();
}
