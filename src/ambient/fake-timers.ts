/**
 * The door `dryrunner/fake-timers`: runners on the clock that a test ticks by hand.
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
