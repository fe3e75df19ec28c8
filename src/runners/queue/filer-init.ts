/** Waits for the init signals of all filers (R60–R62). Invariant: the outcome is told once, after the last signal. */
import { isPending } from '../../model/maybe-promise.ts';
import type { RunTypeMap } from '../../model/run-type.ts';
import type { World } from '../../model/world.ts';

/**
 * Calls `done` with the first failure in time, or undefined if every filer is ready; at once if there is nothing to wait for.
 */
export function awaitFilers(
  world: World,
  name: string,
  filers: RunTypeMap,
  done: (failure: unknown) => void,
): void {
  const signals: { readonly type: string; readonly init: PromiseLike<unknown> }[] = [];
  for (const [type, { init }] of filers) if (isPending(init)) signals.push({ type, init });
  let left = signals.length;
  let failure: { readonly error: unknown } | undefined;
  if (left === 0) done(undefined);
  const settle = (error?: { readonly error: unknown }): void => {
    failure ??= error;
    left -= 1;
    if (left === 0) {
      done(failure === undefined ? undefined : (failure.error ?? new Error('initialization failed')));
    }
  };
  for (const { type, init } of signals) {
    const label = `${name} init ${type}`;
    init.then(
      () => world.clock.post(label, () => settle()),
      (error: unknown) => world.clock.post(label, () => settle({ error })),
    );
  }
}
