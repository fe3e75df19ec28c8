/**
 * The calls that are under way to a node. Invariants: a call reaches the service in the same synchronous call unless the process is
 * stopped; when the process dies, each call that it has not answered is lost, in the order of the calls; nothing waits here after a
 * release.
 */
import type { GoOn } from '../call/intercept-service.ts';
import type { Clock } from '../kernel/clock.ts';
import { RunnerError } from '../kernel/errors.ts';
import type { Topic } from '../kernel/question.ts';
import { RunRejectedError } from '../model/run-rejected-error.ts';
import type { Service } from '../model/service.ts';
import { waitCancelled } from '../model/status-errors.ts';
import type { Tracer } from '../model/trace-event.ts';
import { zeroStatus } from '../model/run-status.ts';
import { InjectedFaultError, makeInjectedFault } from '../network/chaos-error.ts';
import { ChaosHolds, type HoldEnd } from '../network/chaos-holds.ts';
import type { SentCall } from '../network/sent-call.ts';

/** What calls need to know of their node. */
export interface CallHost {
  readonly name: string;
  readonly clock: Clock;
  readonly state: 'up' | 'paused' | 'down';
  /** Changes with each new process. */
  readonly incarnation: number;
  readonly service: Service | undefined;
  /** A moment of a call at which a fault may strike. */
  strike(moment: 'call' | 'reply', call: Topic): void;
  /** How long a caller that hangs does not know that its call is lost; `Infinity` for ever. */
  readonly hangMs: number;
  readonly tracer: Tracer;
  /** Decides whether the caller of a lost call hangs. */
  mayHang(call: SentCall): boolean;
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown } | typeof LOST;

const LOST = Symbol('lost');

/** A call that the service has got and not answered. */
interface Flight {
  isLost: boolean;
  readonly lose: () => void;
}

/** All calls to one node. */
export class NodeCalls {
  readonly #host: CallHost;
  readonly #flights = new Set<Flight>();
  /** Calls that came while the process was stopped. */
  readonly #held: ChaosHolds;
  /** Lost calls whose callers do not know it. */
  readonly #hanging: ChaosHolds;

  constructor(host: CallHost) {
    this.#host = host;
    this.#held = new ChaosHolds(host.clock);
    this.#hanging = new ChaosHolds(host.clock);
  }

  /** Takes a call to the process that is there when it gets through. */
  async pass<R>(call: SentCall, goOn: GoOn<R>): Promise<R> {
    const host = this.#host;
    const { topic, signal } = call;
    if (host.state === 'down') throw this.#refusal(call);
    const { incarnation } = host;
    host.strike('call', topic);
    while (host.state === 'paused') await this.#wait(call, this.#held.hold(topic, { signal }));
    // A held caller is connected to the process that was there then, not to its successor.
    const isThere = host.incarnation === incarnation && host.service !== undefined;
    return isThere ? this.#fly(call, goOn(call.now)) : this.#lose(call);
  }

  /** The process goes on, or has died: those who were held see which. */
  endHolds(): void {
    this.#held.heal();
  }

  /** The process has died. */
  loseAll(): void {
    for (const flight of this.#flights) flight.lose();
    this.#held.heal();
  }

  /** Callers that hang learn that their connection is gone. */
  heal(): void {
    this.#hanging.heal();
  }

  release(): void {
    this.#held.release();
    this.#hanging.release();
  }

  async #fly<R>(call: SentCall, reply: Promise<R>): Promise<R> {
    const outcome = await this.#outcomeOf(call.topic, reply);
    if (outcome === LOST) return this.#lose(call);
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  async #outcomeOf<T>(topic: Topic, reply: Promise<T>): Promise<Outcome<T>> {
    const { flight, lost } = makeFlight();
    this.#flights.add(flight);
    const answered = reply.then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    const outcome = await Promise.race([answered, lost]);
    // Between the effect of a call and its answer is where a crash does most harm.
    if (!flight.isLost) this.#host.strike('reply', topic);
    this.#flights.delete(flight);
    return flight.isLost ? LOST : outcome;
  }

  /** The connection breaks: the caller learns it at once, or hangs until a cancel, healing or a release, or for long. */
  async #lose(call: SentCall): Promise<never> {
    if (!this.#hanging.released && this.#host.mayHang(call)) {
      const { hangMs } = this.#host;
      const limits = hangMs < Infinity ? { ms: hangMs, signal: call.signal } : { signal: call.signal };
      await this.#wait(call, this.#hanging.hold(call.topic, limits));
    }
    throw this.#brokenConnection(call, 'went down before it answered');
  }

  /** A wait here is in the trace, so that a standstill names it (R211). */
  async #wait({ operation, runId, signal }: SentCall, held: Promise<HoldEnd>): Promise<void> {
    const { tracer, clock, name: runner } = this.#host;
    const record = (type: 'acquired' | 'freed'): void => {
      const name = `answer to ${operation}`;
      tracer.record({ at: clock.now(), type, runner, runId, resource: 'waiter', name });
    };
    record('acquired');
    const end = await held;
    record('freed');
    if (end === 'cancelled') throw waitCancelled(signal?.reason);
  }

  #refusal(call: SentCall): Error {
    if (!this.#hanging.released) return this.#brokenConnection(call, 'is down');
    const message = `node ${this.#host.name} was released`;
    return call.operation === 'run'
      ? new RunRejectedError('RUNNER_RELEASED', message)
      : new RunnerError('RUNNER_RELEASED', message);
  }

  #brokenConnection({ operation }: SentCall, what: string): Error {
    const cause = new Error(`${operation}: node ${this.#host.name} ${what}`);
    return new InjectedFaultError(makeInjectedFault(operation, 'error', zeroStatus()), cause);
  }
}

function makeFlight(): { readonly flight: Flight; readonly lost: Promise<typeof LOST> } {
  let lose = (): void => undefined;
  const lost = new Promise<typeof LOST>((resolve) => {
    lose = (): void => {
      flight.isLost = true;
      resolve(LOST);
    };
  });
  const flight: Flight = { isLost: false, lose: () => lose() };
  return { flight, lost };
}
