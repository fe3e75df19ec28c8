/**
 * One process's end of the network: pending calls and their time limits, dispatch to the object that its program
 * serves, and one-way messages. It does not depend on a network: a transport carries what it sends, and its owner
 * passes in what arrives. Invariants: a call settles at most once, and then has no timer or listener left; a closed
 * endpoint sends and settles nothing.
 */
import * as is from '../kernel/shape.ts';
import { check, refuseGenerator } from '../kernel/argument-check.ts';
import type { Clock } from '../kernel/clock.ts';
import { describeValue, RunnerError } from '../kernel/errors.ts';
import { whenSettled } from '../model/maybe-promise.ts';
import { LimitedWaiter } from '../kernel/signal-waiters.ts';
import type { CallOptions } from '../model/node-context.ts';
import type { OngoingWait, WaitWatch } from '../model/wait-watch.ts';
import { ANY_INCARNATION, Envelope, type Transport } from './envelope.ts';
import { detailOf, ownWords } from './message-detail.ts';
import { copyOf, copyOfArguments } from './copy.ts';
import { receivedError, sentError, type SentError } from './sent-error.ts';

/** Receives one-way messages. */
export interface Messages {
  add(message: unknown, from: string): void;
  /** Why a message would be refused now; undefined if it would be accepted. */
  refusal(): string | undefined;
}

/** Dependencies of an {@link Endpoint}. */
export interface EndpointParts {
  readonly name: string;
  readonly incarnation: number;
  readonly clock: Clock;
  /** The clock of reports, where that of the process may be wrong. Default: `clock`. */
  readonly reportClock?: Pick<Clock, 'now'> | undefined;
  readonly transport: Transport;
  /** Default timeout of a call; `Infinity` for none. */
  readonly callTimeoutMs: number;
  /** Collects ongoing waits for reports. */
  readonly waits?: WaitWatch | undefined;
  /** Receives one-way messages. Default: they are refused. */
  readonly messages?: Messages;
}

/** Shape of a node's name, which is also a valid folder name on every platform. */
export const NODE_NAME: is.Shape = is.text(
  'the name of a node (ASCII letters, digits, dots, dashes and underscores, not dots and dashes alone)',
  /^[\w.-]*\w[\w.-]*$/,
);
/** Name of the endpoint through which the scenario itself makes calls. */
export const SCENARIO = 'scenario';
/** Timeout of a call if neither the call nor the network sets one. */
export const CALL_TIMEOUT_MS = 10_000;

/** The error of calls and new nodes after the network was stopped. */
export function networkStopped(): RunnerError {
  return new RunnerError('RUNNER_RELEASED', 'the network was stopped');
}

/** Why a method of a node that leaves or has left is refused. */
export function leftText(name: string, hasLeft: boolean, verb: string): string {
  return `${name} ${hasLeft ? 'has left' : 'is leaving'} the network, for good: ${verb}() comes too late`;
}

/** Shapes of the fields of {@link CallOptions}. */
export const CALL_FIELDS: is.ShapesOf<CallOptions> = { timeoutMs: is.limit(), signal: is.ABORT_SIGNAL };
const CALL_OPTIONS = is.optionsOf<CallOptions>({}, CALL_FIELDS);

/** @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything that is not {@link CallOptions}. */
export function checkCallOptions(options: CallOptions): void {
  check('options', options, CALL_OPTIONS);
}

type Settle = (value: never) => void;

/** A call that waits for its answer. */
class PendingCall extends LimitedWaiter {
  readonly sinceMs: number;
  readonly place: Error | undefined;
  readonly #endpoint: Endpoint;
  readonly #call: Envelope;
  readonly #resolve: Settle;
  readonly #reject: Settle;

  // eslint-disable-next-line max-params -- made for each call
  constructor(
    endpoint: Endpoint,
    call: Envelope,
    sinceMs: number,
    resolve: Settle,
    reject: Settle,
    place: Error | undefined,
  ) {
    super();
    this.#endpoint = endpoint;
    this.#call = call;
    this.sinceMs = sinceMs;
    this.#resolve = resolve;
    this.#reject = reject;
    this.place = place;
  }

  /** This wait as reports show it. */
  wait(owner: string): OngoingWait {
    const { name, to } = this.#call;
    const { sinceMs, place } = this;
    return { owner, name: answerText(name, detailOf(this.#call)), from: to, sinceMs, place };
  }

  limit(clock: Clock, timeoutMs: number, signal: AbortSignal | undefined): void {
    const timer =
      timeoutMs < Infinity
        ? clock.endOfInstant(this.#call.timeoutTopic, timeoutMs, () => this.#timeOut(timeoutMs))
        : undefined;
    this.limitBy(timer, signal);
  }

  cancelRequested(): void {
    this.#leave();
    this.#reject(this.abortReason as never);
  }

  resolve(value: unknown): void {
    this.#leave();
    this.#resolve(value as never);
  }

  reject(error: unknown): void {
    this.#leave();
    this.#reject(error as never);
  }

  /** Rejects because the network was stopped. */
  lose(): void {
    const { name, to } = this.#call;
    this.reject(
      new RunnerError('RUNNER_CALL_LOST', `${to} had not answered ${name} when the network was stopped`),
    );
  }

  #timeOut(timeoutMs: number): void {
    const { name, to } = this.#call;
    this.reject(
      new RunnerError('RUNNER_CALL_TIMED_OUT', `${to} has not answered ${name} within ${timeoutMs} ms`),
    );
  }

  #leave(): void {
    this.leaveLimits();
    this.#endpoint.forget(this.#call.id);
  }
}

/** Sends and receives the calls and messages of one process. */
export class Endpoint {
  readonly #parts: EndpointParts;
  readonly #reportClock: Pick<Clock, 'now'>;
  readonly #sinceMs: number;
  /** Allocated with the first call. */
  #pending: Map<number, PendingCall> | undefined;
  /** The object that others call; undefined until the program has returned it. */
  #object: object | undefined;
  /** Calls that arrived before the program returned its object. */
  #early: Envelope[] | undefined = [];
  #isClosed = false;
  #isReleased = false;
  /** Calls made through stubs after this process was gone. */
  #deadCalls: OngoingWait[] | undefined;

  constructor(parts: EndpointParts) {
    this.#parts = parts;
    this.#reportClock = parts.reportClock ?? parts.clock;
    this.#sinceMs = this.#reportClock.now();
  }

  /** Pending calls, and a program that has not returned while calls wait for it, for reports. */
  *waits(): Iterable<OngoingWait> {
    const { name } = this.#parts;
    if (this.#early !== undefined && this.#early.length > 0) {
      yield { owner: name, name: 'its program to return', sinceMs: this.#sinceMs };
    }
    for (const call of this.#pending?.values() ?? []) yield call.wait(name);
  }

  /** True while that call is pending. */
  awaits(id: number): boolean {
    return this.#pending?.has(id) === true;
  }

  /** Why an envelope that arrived is refused; undefined if it is accepted. */
  refusal({ kind }: Envelope): string | undefined {
    if (kind !== 'message') return undefined;
    const { messages, name } = this.#parts;
    return messages === undefined ? `${name} is not a node and takes no messages` : messages.refusal();
  }

  /**
   * Sets the object that the program returned, or undefined if it returned nothing, and serves the calls that have
   * waited for it.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for any other value, and for an object with a method that no stub can
   * have.
   */
  serve(object: unknown): void {
    if (object !== undefined) checkServed(this.#parts.name, object);
    this.#object = object as object | undefined;
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const envelope of early) {
      // Serving one of them may end the process.
      if (this.#isClosed) return;
      this.#serve(envelope);
    }
  }

  /**
   * Calls a method of node `to`. Rejects with whatever that method throws, with the reason of its signal, and with
   * `RUNNER_CALL_TIMED_OUT`, `RUNNER_NODE_DOWN`, `RUNNER_CALL_LOST`, `RUNNER_NO_METHOD`, `RUNNER_NOT_CLONEABLE` or
   * `RUNNER_RELEASED`; docs/links.md says when.
   */
  call(to: string, name: string, args: readonly unknown[], options: CallOptions): Promise<unknown> {
    const { transport, incarnation, clock, name: from, callTimeoutMs, waits } = this.#parts;
    const { timeoutMs = callTimeoutMs, signal } = options;
    return new Promise((resolve, reject) => {
      if (this.#isClosed) {
        if (this.#isReleased) reject(networkStopped());
        else this.#recordDeadCall(to, name, args);
        return;
      }
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const body = copyOfArguments(args, name);
      const id = transport.nextId();
      const words = wordsOfAny(args);
      const envelope = new Envelope(
        'call',
        from,
        incarnation,
        to,
        this.#addressed(to),
        name,
        id,
        body,
        words,
      );
      const place = waits?.capturesPlaces === true ? new Error('place') : undefined;
      const pending = new PendingCall(this, envelope, this.#reportClock.now(), resolve, reject, place);
      (this.#pending ??= new Map()).set(id, pending);
      pending.limit(clock, timeoutMs, signal);
      try {
        transport.post(envelope);
      } catch (error) {
        pending.reject(error);
      }
    });
  }

  /** Sends a one-way message. */
  send(to: string, message: unknown): void {
    if (this.#isClosed) return;
    const { transport, incarnation, name: from } = this.#parts;
    const body = copyOf(message, () => `the message to ${to}`);
    const name = messageName(body);
    const id = transport.nextId();
    transport.post(
      new Envelope('message', from, incarnation, to, this.#addressed(to), name, id, body, ownWords(message)),
    );
  }

  /** What a process sends to itself is in the memory of its machine, and goes with the process. */
  #addressed(to: string): number {
    const { name, incarnation } = this.#parts;
    return to === name ? incarnation : ANY_INCARNATION;
  }

  /** Handles an envelope that arrived. Called within an event of this process. */
  deliver(envelope: Envelope): void {
    if (this.#isClosed) return;
    switch (envelope.kind) {
      case 'call':
        if (this.#early === undefined) this.#serve(envelope);
        else this.#early.push(envelope);
        return;
      case 'reply':
        this.#pending?.get(envelope.id)?.resolve(envelope.body);
        return;
      case 'error':
        this.#pending?.get(envelope.id)?.reject(receivedError(envelope.body as SentError));
        return;
      case 'message':
        if (this.refusal(envelope) === undefined) this.#parts.messages?.add(envelope.body, envelope.from);
        return;
    }
  }

  /** @internal Removes a call that has settled. */
  forget(id: number): void {
    this.#pending?.delete(id);
  }

  /** Ends the endpoint with its process: pending calls never settle. */
  close(): void {
    this.#isClosed = true;
    for (const call of this.#pending?.values() ?? []) call.leaveLimits();
    this.#pending = undefined;
    this.#early = undefined;
  }

  /** Ends the endpoint because the scenario stopped the network: pending and later calls reject. */
  release(): void {
    this.#isReleased = true;
    for (const call of this.#pending?.values() ?? []) call.lose();
    this.close();
  }

  /**
   * Nobody sees what a dead process does: its call is neither sent nor refused, it only shows up in reports of waits.
   */
  #recordDeadCall(to: string, method: string, args: readonly unknown[]): void {
    const { waits, name: own } = this.#parts;
    if (waits === undefined) return;
    if (this.#deadCalls === undefined) {
      const deadCalls: OngoingWait[] = [];
      this.#deadCalls = deadCalls;
      waits.add(() => deadCalls);
    }
    const place = waits.capturesPlaces ? new Error('place') : undefined;
    const name = answerText(method, argumentsText(args));
    const sinceMs = this.#reportClock.now();
    this.#deadCalls.push({ owner: `${own} (gone)`, name, from: to, sinceMs, place });
  }

  #serve(call: Envelope): void {
    let result: unknown;
    try {
      result = this.#invoke(call);
    } catch (error) {
      this.#answer(call, 'error', sentError(error));
      return;
    }
    whenSettled(
      result,
      (value) => this.#reply(call, value),
      (error) => this.#answer(call, 'error', sentError(error)),
    );
  }

  #invoke({ name, body }: Envelope): unknown {
    const object = this.#object as Record<string, unknown> | undefined;
    const method = object !== undefined && isCallable(name, object) ? object[name] : undefined;
    if (typeof method !== 'function') {
      const { name: node } = this.#parts;
      const got =
        object === undefined ? 'it serves no object' : `${node}.${name} is ${describeValue(method)}`;
      throw new RunnerError('RUNNER_NO_METHOD', `${node} has no method ${name}: ${got}`, {
        expected: 'a method',
        actual: method,
      });
    }
    return (method as (...args: unknown[]) => unknown).apply(object, body as unknown[]);
  }

  #reply(call: Envelope, value: unknown): void {
    let body: unknown;
    try {
      body = copyOf(value, () => `the result of ${call.name}`);
    } catch (error) {
      this.#answer(call, 'error', sentError(error));
      return;
    }
    this.#answer(call, 'reply', body, ownWords(value));
  }

  #answer(call: Envelope, kind: 'reply' | 'error', body: unknown, words?: string): void {
    if (this.#isClosed) return;
    const { from, incarnation: caller, name, id } = call;
    const { transport, name: own, incarnation } = this.#parts;
    transport.post(new Envelope(kind, own, incarnation, from, caller, name, id, body, words, call));
  }
}

/** Names the thing that a caller waits for. */
function answerText(method: string, args = ''): string {
  return `the answer to ${method}(${args})`;
}

/** Text of arguments that were never copied: reading them may throw. */
function argumentsText(args: readonly unknown[]): string | undefined {
  try {
    return detailOf({ kind: 'call', words: undefined, body: args });
  } catch {
    return '…';
  }
}

/** Name of a message: its `type` if that is a text, else `message`. */
function messageName(message: unknown): string {
  const { type } = (typeof message === 'object' && message !== null ? message : {}) as { type?: unknown };
  return typeof type === 'string' && type !== '' ? type : 'message';
}

function wordsOfAny(args: readonly unknown[]): string | undefined {
  for (const arg of args) {
    const words = ownWords(arg);
    if (words !== undefined) return words;
  }
  return undefined;
}

/** Properties that `await` and `JSON.stringify` read of a stub: reading them must not look like a method. */
const UNCALLED: ReadonlySet<string> = new Set(['then', 'toJSON']);
/** Methods that every object inherits and that classes commonly override. */
const OWN_WORDS: ReadonlySet<string> = new Set(['toString', 'toLocaleString', 'valueOf']);

const RESERVED: readonly string[] = [...UNCALLED, ...Object.getOwnPropertyNames(Object.prototype)].filter(
  isReserved,
);

/** True for a name that a remote method cannot have. */
export function isReserved(name: string): boolean {
  return UNCALLED.has(name) || (name in Object.prototype && !OWN_WORDS.has(name));
}

/** False for methods that `object` merely inherits from `Object.prototype`. */
function isCallable(name: string, object: object): boolean {
  if (isReserved(name)) return false;
  return !OWN_WORDS.has(name) || Reflect.get(object, name) !== Reflect.get(Object.prototype, name);
}

function checkServed(node: string, object: unknown): void {
  const what = `the object that ${node} serves`;
  check(what, object, is.OPAQUE);
  refuseGenerator(`the program of ${node}`, object);
  for (const name of RESERVED) {
    // Every object inherits a `constructor`; only an own one would be a method.
    const isOwn = name === 'constructor' ? Object.hasOwn(object as object, name) : name in (object as object);
    const method: unknown = isOwn ? Reflect.get(object as object, name) : undefined;
    if (typeof method !== 'function' || method === Reflect.get(Object.prototype, name)) continue;
    throw new RunnerError(
      'RUNNER_INVALID_ARGUMENT',
      `${what}: expected no method called ${name}, which a stub cannot have`,
      { expected: `no method called ${name}`, actual: object },
    );
  }
}
