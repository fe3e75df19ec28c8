/** A call on its way to a service through a network: what is asked of it, and how much of its time is left. */
import { callSubject, type CallOf, ownCall, runIdOf, type ServiceCall } from '../call/service-call.ts';
import type { Clock } from '../kernel/clock.ts';
import { timeLeftMs } from '../kernel/delay.ts';
import { namedTopic, type Topic } from '../kernel/question.ts';
import type { RunID } from '../model/run-status.ts';
import type { ChaosOperation } from './fault-plan.ts';

/** What can be on its way: `release` goes straight on (R152). */
export type NetworkCall = CallOf<ChaosOperation>;

/** Made once per call, with arguments of its own. */
export class SentCall {
  readonly operation: ChaosOperation;
  /** The run it is about, empty if there is none or more than one. */
  readonly runId: RunID;
  /** Ends a hold; only a `query` has one. */
  readonly signal: AbortSignal | undefined;
  readonly #call: ServiceCall;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #startMs: number;
  #topic: Topic | undefined;

  /**
   * `name` is whose network it goes through.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a malformed call.
   */
  constructor(call: NetworkCall, name: string, clock: Clock) {
    const own = ownCall(call);
    this.operation = call.method;
    this.runId = runIdOf(own);
    this.signal = own.method === 'query' ? own.args[1].signal : undefined;
    this.#call = own;
    this.#name = name;
    this.#clock = clock;
    this.#startMs = clock.now();
  }

  /** What is asked of it and its events are about: `NAME OPERATION SUBJECT`, made when it is first asked for. */
  get topic(): Topic {
    return (this.#topic ??= namedTopic(this.#name, this.operation, callSubject(this.#call)));
  }

  /** What is left of the query's timeout (R151); `Infinity` for all other calls. */
  get leftMs(): number {
    const call = this.#call;
    if (call.method !== 'query') return Infinity;
    return timeLeftMs(call.args[1].timeoutMs, this.#startMs, this.#clock.now());
  }

  /** The call as it is to be made now: a query waits no longer than its caller does. */
  get now(): ServiceCall {
    const call = this.#call;
    if (call.method !== 'query') return call;
    const [query, wait] = call.args;
    if (wait.timeoutMs === Infinity) return call;
    return { method: 'query', args: [query, { ...wait, timeoutMs: this.leftMs }] };
  }

  /** The call as a duplicate makes it: a query asks without waiting. */
  get again(): ServiceCall {
    const call = this.#call;
    return call.method === 'query' ? { method: 'queryNow', args: [call.args[0]] } : call;
  }
}
