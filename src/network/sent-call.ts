/** A call on its way to a service through a network: its name in labels, and how much of its time is left. */
import { callSubject, type CallOf, ownCall, runIdOf, type ServiceCall } from '../call/service-call.ts';
import type { Clock } from '../kernel/clock.ts';
import type { RunID } from '../model/run-status.ts';
import type { ChaosOperation } from './chaos-fault.ts';

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
  #label: string | undefined;

  /**
   * `name` is what its label begins with.
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

  /** A stable name: `NAME OPERATION SUBJECT`, made when it is first asked for. */
  get label(): string {
    if (this.#label === undefined) {
      const subject = callSubject(this.#call);
      const what = `${this.#name} ${this.operation}`;
      this.#label = subject === '' ? what : `${what} ${subject}`;
    }
    return this.#label;
  }

  /** What is left of the query's timeout (R151); `Infinity` for all other calls. */
  get leftMs(): number {
    const call = this.#call;
    if (call.method !== 'query') return Infinity;
    return Math.max(0, call.args[1].timeoutMs - (this.#clock.now() - this.#startMs));
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
