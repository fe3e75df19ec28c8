/**
 * Records the calls of a part that are in flight, so that a case that cannot end says which call of which part it waits
 * for, and since when. Invariant: each call is passed on in the same synchronous call, and its answer passes unchanged;
 * the trace shows none of this.
 */
import { forwardingProxy } from '../../call/forwarding-proxy.ts';
import { isPending } from '../../model/maybe-promise.ts';
import { isObject } from '../../kernel/shape.ts';
import type { World } from '../../model/world.ts';
import { valueText } from '../../explore/explain/value-text.ts';
import { unansweredText } from '../unanswered-text.ts';
import { TracedCalls } from '../workload/traced-calls.ts';

/** The caller's name in reports. */
const CASE = 'the case';
const TEXT_MAX = 60;

/** Which methods of a kind of part make another part, and the name of that part. */
export type Makes = Readonly<Record<string, string>>;
export const MADE_BY_EXECER: Makes = { exec: 'the process' };
export const MADE_BY_FILER: Makes = { checkout: 'the checkout', checkoutAt: 'the checkout' };
export const MADE_BY_OUTPUTS: Makes = { create: 'the output' };
export const MADE_BY_NETWORK: Makes = { node: 'the node', connect: 'the stub' };
export const MADE_BY_MEMORY_DISK: Makes = { mount: 'the disk' };

/** Records that a call begins; the returned function must be called when it has been answered. */
export type NoteCall = (part: string, method: string, args: readonly unknown[]) => () => void;

/** Records calls in a world, whose reports of deadlocks and stalls then name those in flight. */
export function callsIn(world: Pick<World, 'clock' | 'waits'>): NoteCall {
  const calls = new TracedCalls(world);
  return (callee, name, given) => {
    const args = argumentsText(given);
    return calls.begin({ client: CASE, callee, name, args: () => args });
  };
}

/** The calls in flight of a case without a world. */
export class OpenCalls {
  readonly #open = new Set<string>();
  #calls = 0;

  /** Records a call. */
  readonly note: NoteCall = (part, method, args) => {
    this.#calls += 1;
    const text = unansweredText(`${method}(${argumentsText(args)})`, part, `call ${this.#calls} of the case`);
    this.#open.add(text);
    return () => void this.#open.delete(text);
  };

  /** A line for each call in flight, the oldest first. */
  get lines(): readonly string[] {
    return [...this.#open];
  }
}

/**
 * The part as the case calls it, named as in `the store`. For methods in `makes`, the part that a call makes is
 * recorded too, under that name.
 */
export function noted<T extends object>(note: NoteCall, name: string, part: T, makes: Makes = {}): T {
  const madeBy = (method: string, made: unknown): unknown => {
    const of = makes[method];
    return of === undefined || !isObject(made) ? made : noted(note, of, made, makes);
  };
  return forwardingProxy(part, ({ name: method, method: own, args }) => {
    const answer: unknown = Reflect.apply(own, part, args);
    if (typeof method !== 'string') return answer;
    if (!isPending(answer)) return madeBy(method, answer);
    const end = note(name, method, args);
    answer.then(end, end);
    return Object.hasOwn(makes, method) ? answer.then((value) => madeBy(method, value)) : answer;
  });
}

function argumentsText(args: readonly unknown[]): string {
  return args.map((arg) => valueText(arg, TEXT_MAX)).join(', ');
}
