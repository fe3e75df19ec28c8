/**
 * The calls that clients make in an execution, and how its nodes stand. Invariant: watching the calls of services changes what becomes of a rejection that
 * nobody handles, so they are watched in an execution of their own, and count only if that is the same to the hash.
 */
import { callingClient, interceptInPlace } from '../../call/intercept-service.ts';
import type { ServiceCall } from '../../call/service-call.ts';
import { stackOf } from '../../kernel/errors.ts';
import type { Executor } from '../executor.ts';
import { answersOf, type KeyedDecision } from '../keyed-log.ts';
import type { ObservedRun } from '../explain/observed-run.ts';
import { callerOf, type Caller } from '../explain/source-place.ts';

/** What comes of a call. */
export type CallOutcome = { readonly reply: unknown } | { readonly error: unknown };

/** A call of a service, made by the code of those who use this package. */
export type ObservedCall = ServiceCall & {
  /** Name of the service. */
  readonly service: string;
  /** As a history names its callers; undefined if none does. */
  readonly client: string | undefined;
  readonly caller: Caller;
  /** Undefined while it has not returned. */
  outcome: CallOutcome | undefined;
};

/** A call begins or ends, or a node changes. */
export interface ServiceMoment {
  readonly what:
    | { readonly type: 'call' | 'return'; readonly call: ObservedCall }
    | { readonly type: 'node'; readonly node: string; readonly state: string };
  /** How many events of the clock had begun to fire, and how many trace events there were. */
  readonly fired: number;
  readonly traceIndex: number;
}

/** All of them, in the order in which they happen; none if they cannot be watched without changing what happens. */
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
        void interceptInPlace(service, (made, goOn) => {
          const caller = callerOf(stackOf(new Error('call')) ?? '');
          if (caller === undefined) return goOn(made);
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
          return watched(end, () => goOn(made));
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
