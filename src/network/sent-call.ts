/** A call in flight to a service through a network, with its topic and the time that it has left. */
import { callSubject, type CallOf, ownCall, runIdOf, type ServiceCall } from '../call/service-call.ts';
import type { Clock } from '../kernel/clock.ts';
import { timeLeftMs } from '../kernel/delay.ts';
import { namedTopic, type Topic } from '../kernel/question.ts';
import type { RunID } from '../model/run-status.ts';
import type { ChaosOperation } from './fault-plan.ts';

/** Calls that can be in flight; `release` is passed on directly (R152). */
export type NetworkCall = CallOf<ChaosOperation>;

/** Created once per call, with its own copy of the arguments. */
export class SentCall {
  readonly operation: ChaosOperation;
  /** The run that the call is about; empty if there is none or more than one. */
  readonly runId: RunID;
  /** Ends a hold; only a `query` has one. */
  readonly signal: AbortSignal | undefined;
  readonly #call: ServiceCall;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #startMs: number;
  #topic: Topic | undefined;

  /**
   * `name` is the owner of the network.
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

  /** Topic of its questions and events: `NAME OPERATION SUBJECT`, created lazily. */
  get topic(): Topic {
    return (this.#topic ??= namedTopic(this.#name, this.operation, callSubject(this.#call)));
  }

  /** Time left of the query's timeout in milliseconds (R151); `Infinity` for all other calls. */
  get leftMs(): number {
    const call = this.#call;
    if (call.method !== 'query') return Infinity;
    return timeLeftMs(call.args[1].timeoutMs, this.#startMs, this.#clock.now());
  }

  /** The call to make now: a query waits only for the time that its caller has left. */
  get now(): ServiceCall {
    const call = this.#call;
    if (call.method !== 'query') return call;
    const [query, wait] = call.args;
    if (wait.timeoutMs === Infinity) return call;
    return { method: 'query', args: [query, { ...wait, timeoutMs: this.leftMs }] };
  }

  /** The call as its duplicate makes it: a query does not wait. */
  get again(): ServiceCall {
    const call = this.#call;
    return call.method === 'query' ? { method: 'queryNow', args: [call.args[0]] } : call;
  }
}
