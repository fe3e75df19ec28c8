/**
 * A part whose calls are known while they have no answer, so that a case that cannot end says which call of which part it waits for, and since
 * when. Invariant: each call goes on in the same synchronous call, and its answer passes as it is; nothing of it is in the trace.
 */
import { isPending } from '../../model/maybe-promise.ts';
import { isObject } from '../../kernel/shape.ts';
import type { World } from '../../model/world.ts';
import { valueText } from '../../explore/explain/value-text.ts';
import { unansweredText } from '../unanswered-text.ts';
import { TracedCalls } from '../workload/traced-calls.ts';

/** Who calls, in reports. */
const CASE = 'the case';
const TEXT_MAX = 60;

/** What calls of each kind of part make, by their methods, and how that is named. */
export type Makes = Readonly<Record<string, string>>;
export const MADE_BY_EXECER: Makes = { exec: 'the process' };
export const MADE_BY_FILER: Makes = { checkout: 'the checkout', checkoutAt: 'the checkout' };
export const MADE_BY_OUTPUTS: Makes = { create: 'the output' };
export const MADE_BY_MEMORY_DISK: Makes = { mount: 'the disk' };

type Method = (...args: unknown[]) => unknown;

/** Notes that a call begins; what it returns is called when the call has its answer. */
export type NoteCall = (part: string, method: string, args: readonly unknown[]) => () => void;

/** Notes calls in a world, whose deadlocks and stalls then name those that have no answer. */
export function callsIn(world: Pick<World, 'clock' | 'waits'>): NoteCall {
  const calls = new TracedCalls(world);
  return (callee, name, given) => {
    const args = argumentsText(given);
    return calls.begin({ client: CASE, callee, name, args: () => args });
  };
}

/** Calls of a case without a world, by what is asked of whom. */
export class OpenCalls {
  readonly #open = new Set<string>();
  #calls = 0;

  /** Notes one. */
  readonly note: NoteCall = (part, method, args) => {
    this.#calls += 1;
    const text = unansweredText(`${method}(${argumentsText(args)})`, part, `call ${this.#calls} of the case`);
    this.#open.add(text);
    return () => void this.#open.delete(text);
  };

  /** A line for each that has no answer, the oldest first. */
  get lines(): readonly string[] {
    return [...this.#open];
  }
}

/** The part as the case calls it, named as in `the store`. Of what `makes` names, what a call makes is noted too, as a part of that name. */
export function noted<T extends object>(note: NoteCall, name: string, part: T, makes: Makes = {}): T {
  const madeBy = (method: string, made: unknown): unknown => {
    const of = makes[method];
    return of === undefined || !isObject(made) ? made : noted(note, of, made, makes);
  };
  const methods = new Map<PropertyKey, { readonly of: unknown; readonly noting: Method }>();
  const noting = (key: string, method: Method): Method => {
    const known = methods.get(key);
    if (known?.of === method) return known.noting;
    const made: Method = (...args) => {
      const answer = method.apply(part, args);
      if (!isPending(answer)) return madeBy(key, answer);
      const end = note(name, key, args);
      answer.then(end, end);
      return Object.hasOwn(makes, key) ? answer.then((value) => madeBy(key, value)) : answer;
    };
    methods.set(key, { of: method, noting: made });
    return made;
  };
  // What is frozen could not be shown otherwise by a proxy of its own.
  return new Proxy(Object.create(Object.getPrototypeOf(part) as object | null) as T, {
    get(_, key) {
      const value: unknown = Reflect.get(part, key);
      return typeof value === 'function' && typeof key === 'string' ? noting(key, value as Method) : value;
    },
    set: (_, key, value) => Reflect.set(part, key, value),
    has: (_, key) => Reflect.has(part, key),
  });
}

function argumentsText(args: readonly unknown[]): string {
  return args.map((arg) => valueText(arg, TEXT_MAX)).join(', ');
}
