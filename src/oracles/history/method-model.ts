/**
 * A sequential model of an object, made of a pure function per method: what the object would do if calls came one at a
 * time. Invariant: states are never modified; two states, or two replies, are equal if they are deeply equal data.
 */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import { invalidArgument } from '../../kernel/errors.ts';
import type { SequentialModel } from './sequential-model.ts';
import type { MethodCall, MethodName, MethodReply, ResultOf } from './watch-calls.ts';

/** The effect of a call on a state of type `S`, and its answer: a value, or the code or name of an error. */
export type MethodEffect<S, V> =
  { readonly state: S; readonly value?: V } | { readonly state: S; readonly refused: string };

/** A function for each method of `T` that is called; it gets a state and the call's arguments. */
export type MethodEffects<T, S> = {
  readonly [K in MethodName<T>]?: T[K] extends (...args: infer A) => unknown
    ? (state: S, ...args: A) => MethodEffect<S, ResultOf<T[K]>>
    : never;
};

type AnyEffect<S> = ((state: S, ...args: readonly unknown[]) => MethodEffect<S, unknown>) | undefined;

/**
 * Makes a model for the histories of {@link watchCalls}. The functions are called many times, in any order: they must
 * return a new state and not modify the given one. States are plain data, maps, sets, buffers or errors; buffers are
 * compared by their bytes, errors by name and message.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but functions; its `step` throws it for a method without
 * one.
 */
export function methodModel<T, S>(
  initial: S,
  methods: MethodEffects<T, S>,
): SequentialModel<MethodCall<T>, MethodReply<T>, S> {
  check('methods', methods, is.mapOf(is.FUNCTION));
  const known = new Map(Object.entries(methods));
  const effectOf = (state: S, { method, args }: MethodCall<T>): MethodEffect<S, unknown> => {
    const effect = known.get(method) as AnyEffect<S>;
    if (effect === undefined) throw invalidArgument('methods', `a function for ${method}`, methods);
    return effect(state, ...args);
  };
  return {
    initial,
    step(state, call, reply) {
      const done = effectOf(state, call);
      return reply === undefined || keyOf(replyOf(done)) === keyOf(reply) ? [done.state] : [];
    },
    replies: (state, call) => [replyOf(effectOf(state, call))],
    key: keyOf,
    operationKey: keyOf,
    showState: keyOf,
    showOperation: ({ method, args }) => `${method}(${args.map(shownText).join(', ')})`,
    showReply: (reply) =>
      reply === undefined ? '' : 'refused' in reply ? reply.refused : shownText(reply.value),
  };
}

function replyOf<S>(effect: MethodEffect<S, unknown>): MethodReply<unknown> {
  return 'refused' in effect
    ? { refused: effect.refused }
    : ({ value: effect.value } as MethodReply<unknown>);
}

/** The shortest readable text; empty for undefined. */
function shownText(value: unknown): string {
  return value === undefined ? '' : keyOf(value);
}

/** A text that is equal for equal data. */
function keyOf(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(keyOf).join(', ')}]`;
  if (value instanceof Map) return sorted('Map {', value, ([key, held]) => `${keyOf(key)} → ${keyOf(held)}`);
  if (value instanceof Set) return sorted('Set {', value, keyOf);
  if (ArrayBuffer.isView(value)) return bytesText(value, value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer) return bytesText(value, value);
  if (value instanceof Error) return `${clonedName(value)}(${JSON.stringify(value.message)})`;
  // Dates and similar objects define their own JSON.
  if ('toJSON' in value) return JSON.stringify(value);
  const fields = Object.entries(value).filter(([, held]) => held !== undefined);
  return sorted('{', fields, ([name, held]) => `${name}: ${keyOf(held)}`);
}

/** Named by kind and not by class: the copy of a Buffer in a history is a Uint8Array. */
function bytesText(value: object, buffer: ArrayBufferLike, offset?: number, length?: number): string {
  const kind = Object.prototype.toString.call(value).slice('[object '.length, -1);
  return `${kind} [${new Uint8Array(buffer, offset, length).join(', ')}]`;
}

/** The names that a copy of an error keeps; the copy of any other is called Error. */
const CLONED_NAMES: ReadonlySet<string> = new Set([
  'EvalError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'TypeError',
  'URIError',
]);

const clonedName = ({ name }: Error): string => (CLONED_NAMES.has(name) ? name : 'Error');

function sorted<T>(start: string, items: Iterable<T>, textOf: (item: T) => string): string {
  const texts = Array.from(items, textOf).sort((one, other) => (one < other ? -1 : 1));
  return `${start}${texts.join(', ')}}`;
}
