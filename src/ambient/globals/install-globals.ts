/** All stand-ins for globals of the machine. Invariant: they are there before the code that takes the originals, or it never sees them. */
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

/** Does nothing the second time. */
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
  // Code that imported a function of a module by its name has to see the stand-in too.
  syncBuiltinESMExports();
}
