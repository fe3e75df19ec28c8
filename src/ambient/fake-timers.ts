/**
 * The entry point `dryrunner/fake-timers`: runners on a clock that the test ticks by hand.
 *
 * @module dryrunner/fake-timers
 */
export { type FakeTimersClock } from './fake-timers-clock.ts';
export {
  fakeTimersWorld,
  installFakeTimers,
  type FakeTimersSwitch,
  type FakeTimersWorldOptions,
  type InstalledFakeTimers,
  type InstallFakeTimersOptions,
  type TickedClock,
} from './fake-timers-world.ts';
