/** Callbacks of users, such as logs. Invariant: what one throws, or rejects with, is reported, and changes nothing else. */
import { messageOf } from '../kernel/errors.ts';
import type { RunID } from './run-status.ts';
import type { World } from './world.ts';

/** Calls a callback; `report` gets what it throws, or rejects with. */
export function guarded(call: () => unknown, report: (error: unknown) => void): void {
  try {
    const returned = call();
    if (isThenable(returned)) Promise.resolve(returned).catch(report);
  } catch (error) {
    report(error);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function';
}

/** Whose callback it is. */
export interface CallbackOwner {
  /** Name of the option. */
  readonly callback: string;
  /** The part with the option, by its name in traces. */
  readonly runner: string;
  readonly runId?: RunID;
}

/** Calls a callback of a part of the world: its errors are in the trace, and in the warnings of a real process. */
export function callBack(
  { tracer, clock, warn }: World,
  { callback, runner, runId = '' }: CallbackOwner,
  call: () => unknown,
): void {
  guarded(call, (error) => {
    const failed = { runner, runId, what: callback, error: messageOf(error), exitCode: 0 };
    tracer?.record({ at: clock.now(), type: 'recorded', ...failed });
    warn?.(`${callback} of "${runner}" threw: ${failed.error}`);
  });
}
