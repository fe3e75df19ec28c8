/**
 * How one process calls others and is called: pending calls, their time limits, dispatch to the object of its program, and messages without
 * reply. It knows no network: a transport carries what it sends, and its owner gives it what arrives. Invariants: a call is settled at
 * most once; one that is settled has no timer and no listener left; a closed endpoint sends and settles nothing.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { Clock } from '../kernel/clock.ts';
import { describeValue, RunnerError } from '../kernel/errors.ts';
import { isPending } from '../model/maybe-promise.ts';
import { LimitedWaiter } from '../kernel/signal-waiters.ts';
import type { CallOptions } from '../model/node-context.ts';
import type { OngoingWait, WaitWatch } from '../model/wait-watch.ts';
import { ANY_INCARNATION, Envelope, type Transport } from './envelope.ts';
import { detailOf, ownWords } from './message-detail.ts';
import { copyOf, copyOfArguments } from './copy.ts';
import { receivedError, sentError, type SentError } from './sent-error.ts';

/** Where messages without reply go. */
export interface Messages {
  add(message: unknown, from: string): void;
  /** Why none can be taken now; undefined if one can. */
  refusal(): string | undefined;
}

/** What an endpoint stands on. */
export interface EndpointParts {
  readonly name: string;
  readonly incarnation: number;
  readonly clock: Clock;
  readonly transport: Transport;
  /** How long a call waits unless it says so itself; `Infinity` for ever. */
  readonly callTimeoutMs: number;
  /** Who reports waits, if somebody does. */
  readonly waits?: WaitWatch | undefined;
  /** Takes messages without reply. Default: they are refused. */
  readonly messages?: Messages;
}

/** What a node may be called: also the name of a folder on every machine. */
export const NODE_NAME: is.Shape = is.text(
  'letters, digits, dots, dashes and underscores, more than dots and dashes',
  /^[\w.-]*\w[\w.-]*$/,
);
/** Whose calls those of a scenario are. */
export const SCENARIO = 'scenario';
/** How long a call waits if nobody says otherwise. */
export const CALL_TIMEOUT_MS = 10_000;

/** What everybody gets who asks something of a network that was stopped. */
export function networkStopped(): RunnerError {
  return new RunnerError('RUNNER_RELEASED', 'the network was stopped');
}

/** Why a verb of a node is refused. */
export function leftText(name: string, hasLeft: boolean, verb: string): string {
  return `${name} ${hasLeft ? 'has left' : 'is leaving'} the network, for good: ${verb}() comes too late`;
}

const CALL_OPTIONS = is.optionsOf<CallOptions>({}, { timeoutMs: is.limit(), signal: is.ABORT_SIGNAL });

/** @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but options of a call. */
export function checkCallOptions(options: CallOptions): void {
  check('options', options, CALL_OPTIONS);
}

type Settle = (value: never) => void;

/** A call that is not answered. */
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

  /** For people: who waits for what. */
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

  /** The network was stopped. */
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

/** The calls and messages of one process, at its end of the network. */
export class Endpoint {
  readonly #parts: EndpointParts;
  /** Made for the first call. */
  #pending: Map<number, PendingCall> | undefined;
  /** What others call; undefined while the program has not come to return it. */
  #object: object | undefined;
  /** What came before there was an object. */
  #early: Envelope[] | undefined = [];
  #isClosed = false;
  #isReleased = false;
  /** What is called through stubs of a process that is gone. */
  #vain: OngoingWait[] | undefined;

  constructor(parts: EndpointParts) {
    this.#parts = parts;
  }

  /** Calls that are not answered, for reports. */
  *waits(): Iterable<OngoingWait> {
    const { name } = this.#parts;
    for (const call of this.#pending?.values() ?? []) yield call.wait(name);
  }

  /** Whether that call is still to be answered. */
  awaits(id: number): boolean {
    return this.#pending?.has(id) === true;
  }

  /** Why what has arrived cannot be taken; undefined if it can. */
  refusal({ kind }: Envelope): string | undefined {
    if (kind !== 'message') return undefined;
    const { messages, name } = this.#parts;
    return messages === undefined ? `${name} is not a node and takes no messages` : messages.refusal();
  }

  /**
   * The program has returned: an object, or nothing that can be called.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything else, and for an object with a method that no stub can have.
   */
  serve(object: unknown): void {
    if (object !== undefined) checkServed(this.#parts.name, object);
    this.#object = object as object | undefined;
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const envelope of early) {
      // One of them may end the process.
      if (this.#isClosed) return;
      this.#serve(envelope);
    }
  }

  /** Calls a method at the other end. Rejects with what it throws, and with `RUNNER_NOT_CLONEABLE`, `RUNNER_CALL_TIMED_OUT`, `RUNNER_CALL_LOST`, `RUNNER_NODE_DOWN`, `RUNNER_RELEASED`. */
  call(to: string, name: string, args: readonly unknown[], options: CallOptions): Promise<unknown> {
    const { transport, incarnation, clock, name: from, callTimeoutMs, waits } = this.#parts;
    const { timeoutMs = callTimeoutMs, signal } = options;
    return new Promise((resolve, reject) => {
      if (this.#isClosed) {
        if (this.#isReleased) reject(networkStopped());
        else this.#keepVain(to, name, args);
        return;
      }
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const body = copyOfArguments(args, name);
      const id = transport.nextId();
      const words = wordsOfAny(args);
      const envelope = new Envelope('call', from, incarnation, to, ANY_INCARNATION, name, id, body, words);
      const place = waits?.capturesPlaces === true ? new Error('place') : undefined;
      const pending = new PendingCall(this, envelope, clock.now(), resolve, reject, place);
      (this.#pending ??= new Map()).set(id, pending);
      pending.limit(clock, timeoutMs, signal);
      transport.post(envelope);
    });
  }

  /** Sends what nobody answers. */
  send(to: string, message: unknown): void {
    if (this.#isClosed) return;
    const name = messageName(message);
    const { transport, incarnation, name: from } = this.#parts;
    const body = copyOf(message, () => `the message to ${to}`);
    const id = transport.nextId();
    transport.post(
      new Envelope('message', from, incarnation, to, ANY_INCARNATION, name, id, body, ownWords(message)),
    );
  }

  /** Takes what has arrived, in an event of this process. */
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

  /** @internal A call is settled. */
  forget(id: number): void {
    this.#pending?.delete(id);
  }

  /** The process is dead, or has left. */
  close(): void {
    this.#isClosed = true;
    for (const call of this.#pending?.values() ?? []) call.leaveLimits();
    this.#pending = undefined;
    this.#early = undefined;
  }

  /** The scenario has stopped the network: pending calls and later ones reject. */
  release(): void {
    this.#isReleased = true;
    for (const call of this.#pending?.values() ?? []) call.lose();
    this.close();
  }

  /** What a dead process still does is seen by nobody, so a call of it is neither sent nor refused; a report names it. */
  #keepVain(to: string, method: string, args: readonly unknown[]): void {
    const { waits, clock, name: own } = this.#parts;
    if (waits === undefined) return;
    if (this.#vain === undefined) {
      const vain: OngoingWait[] = [];
      this.#vain = vain;
      waits.add(() => vain);
    }
    const place = waits.capturesPlaces ? new Error('place') : undefined;
    const name = answerText(method, argumentsText(args));
    this.#vain.push({ owner: `${own} (gone)`, name, from: to, sinceMs: clock.now(), place });
  }

  #serve(call: Envelope): void {
    let result: unknown;
    let isLater: boolean;
    try {
      result = this.#invoke(call);
      isLater = isPending(result);
    } catch (error) {
      this.#answer(call, 'error', sentError(error));
      return;
    }
    if (!isLater) this.#reply(call, result);
    else {
      void (result as Promise<unknown>).then(
        (value) => this.#reply(call, value),
        (error: unknown) => this.#answer(call, 'error', sentError(error)),
      );
    }
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
    let words: string | undefined;
    try {
      body = copyOf(value, () => `the result of ${call.name}`);
      words = ownWords(value);
    } catch (error) {
      this.#answer(call, 'error', sentError(error));
      return;
    }
    this.#answer(call, 'reply', body, words);
  }

  #answer(call: Envelope, kind: 'reply' | 'error', body: unknown, words?: string): void {
    if (this.#isClosed) return;
    const { from, incarnation: caller, name, id } = call;
    const { transport, name: own, incarnation } = this.#parts;
    transport.post(new Envelope(kind, own, incarnation, from, caller, name, id, body, words, call));
  }
}

/** What a caller waits for. */
function answerText(method: string, args = ''): string {
  return `the answer to ${method}(${args})`;
}

/** Of arguments that were never copied, and may throw when they are looked at. */
function argumentsText(args: readonly unknown[]): string | undefined {
  try {
    return detailOf({ kind: 'call', words: undefined, body: args });
  } catch {
    return '…';
  }
}

/** What a message is called: what its `type` says, if it has one. */
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

/** What those read of a stub who await it, make JSON of it or look at its class: no call. */
const UNCALLED: ReadonlySet<string> = new Set(['then', 'toJSON']);
/** What every object has, and classes commonly have in their own words. */
const OWN_WORDS: ReadonlySet<string> = new Set(['toString', 'toLocaleString', 'valueOf']);

const RESERVED: readonly string[] = [...UNCALLED, ...Object.getOwnPropertyNames(Object.prototype)].filter(
  isReserved,
);

/** Whether no method can be called so. */
export function isReserved(name: string): boolean {
  return UNCALLED.has(name) || (name in Object.prototype && !OWN_WORDS.has(name));
}

/** What every object has is no method of its own. */
function isCallable(name: string, object: object): boolean {
  if (isReserved(name)) return false;
  return !OWN_WORDS.has(name) || Reflect.get(object, name) !== Reflect.get(Object.prototype, name);
}

function checkServed(node: string, object: unknown): void {
  const what = `the object that ${node} serves`;
  check(what, object, is.OPAQUE);
  for (const name of RESERVED) {
    // That of a class is its own, and so is what every object has.
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
