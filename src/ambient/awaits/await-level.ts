/** How awaits are controlled, as options say it. */
import type { AwaitParts, ControlledAwaits } from './controlled-awaits.ts';
import { HoppingAwaits } from './hopping-awaits.ts';
import { LateAwaits } from './late-awaits.ts';

/**
 * How late an await may continue. `hops`: a few more microtasks, in the engine's own order; a failure found this way
 * can happen wherever the code runs. `latency`: as late as anything else that is due at the same instant, as if the
 * await had waited for real I/O; each continuation is an event of the clock.
 */
export type AwaitLevel = 'hops' | 'latency';

/** All levels, for checks and help. */
export const AWAIT_LEVELS: readonly AwaitLevel[] = Object.freeze(['hops', 'latency']);

/** How awaits are controlled. */
export interface AwaitOptions {
  /**
   * Makes each `await` rewritten by `awaitTransform` a decision. `latency`: its continuation is an event, and may be as
   * late as anything that is due at the same instant. `hops`: it takes up to seven more microtasks. Default: awaits are
   * not controlled.
   */
  readonly awaits?: AwaitLevel | undefined;
  /**
   * True: also makes decisions of reactions set by `then`, `catch` and `finally` in any code of the simulation,
   * including this package; for code that cannot be rewritten. Requires `awaits`. Default false.
   */
  readonly thens?: boolean;
}

/** Creates the control over awaits; undefined if awaits are not controlled. */
export function controlAwaits(
  { awaits, thens = false }: AwaitOptions,
  parts: AwaitParts,
): ControlledAwaits | undefined {
  if (awaits === undefined) return undefined;
  return awaits === 'hops' ? new HoppingAwaits(parts, thens) : new LateAwaits(parts, thens);
}
