/**
 * The calls that clients make in an execution, and the states of its nodes. Invariant: watching service calls changes
 * what happens to an unhandled rejection, so they are watched in a separate execution, which counts only if its hash is
 * the same.
 */
import { callingClient, interceptInPlace } from '../../call/intercept-service.ts';
import type { ServiceCall } from '../../call/service-call.ts';
import { stackOf } from '../../kernel/errors.ts';
import type { Executor } from '../executor.ts';
import { answersOf, type KeyedDecision } from '../keyed-log.ts';
import type { ObservedRun } from '../explain/observed-run.ts';
import { callerOf, type Caller } from '../explain/source-place.ts';

/** The outcome of a call. */
export type CallOutcome = { readonly reply: unknown } | { readonly error: unknown };

/** A call of a service by code outside this package. */
export type ObservedCall = ServiceCall & {
  /** Name of the service. */
  readonly service: string;
  /** Name of the caller in a history; undefined if none is known. */
  readonly client: string | undefined;
  readonly caller: Caller;
  /** Undefined until the call has returned. */
  outcome: CallOutcome | undefined;
};

/** The begin or end of a call, or a change of a node. */
export interface ServiceMoment {
  readonly what:
    | { readonly type: 'call' | 'return'; readonly call: ObservedCall }
    | { readonly type: 'node'; readonly node: string; readonly state: string };
  /** Number of clock events that had begun to fire, and number of trace events. */
  readonly fired: number;
  readonly traceIndex: number;
}

/** All of them, in order; none if they cannot be watched without changing what happens. */
export async function observeServices(
  executor: Executor,
  log: readonly KeyedDecision[],
  expected: ObservedRun,
): Promise<readonly ServiceMoment[]> {
  const moments: ServiceMoment[] = [];
  let fired = 0;
  let traceIndex = 0;
  const note = (what: ServiceMoment['what']): void => void moments.push({ what, fired, traceIndex });
  const verdict = await executor.execute({
    source: answersOf(log),
    // For the length of stacks.
    capturePlaces: true,
    onFire: () => {
      fired += 1;
    },
    watchers: [() => ({ watch: () => void (traceIndex += 1), end() {} })],
    watchServices: {
      service: (name, service) =>
        void interceptInPlace(service, (made, proceed) => {
          const caller = callerOf(stackOf(new Error('call')) ?? '');
          if (caller === undefined) return proceed(made);
          const call: ObservedCall = {
            ...made,
            service: name,
            client: callingClient(),
            caller,
            outcome: undefined,
          };
          const end = (outcome: CallOutcome): void => {
            call.outcome = outcome;
            note({ type: 'return', call });
          };
          note({ type: 'call', call });
          return watched(end, () => proceed(made));
        }),
      node: (node, state) => note({ type: 'node', node, state }),
    },
  });
  const isSame =
    verdict.traceHash === expected.verdict.traceHash &&
    verdict.failure?.message === expected.verdict.failure?.message;
  return isSame ? moments : [];
}

function watched<R>(end: (outcome: CallOutcome) => void, act: () => Promise<R>): Promise<R> {
  try {
    const promise = act();
    promise.then(
      (reply) => end({ reply }),
      (error: unknown) => end({ error }),
    );
    return promise;
  } catch (error) {
    end({ error });
    throw error;
  }
}
