/**
 * The simplest model: registers that can be read, written, and set if they hold an expected value. It serves as an
 * example of a model, and as the specification of a key-value store. Invariant: states are never modified, and
 * registers are independent of each other.
 */
import type { HistoryOperation } from './history.ts';
import type { SequentialModel } from './sequential-model.ts';

/** A value that a register can hold. */
export type RegisterValue = string | number | boolean | null;

/** An operation on the register `key`, by default the empty string. */
export type RegisterCall<V extends RegisterValue> = { readonly key?: string } & (
  | { readonly kind: 'read' }
  | { readonly kind: 'write'; readonly value: V }
  | { readonly kind: 'cas'; readonly expected: V; readonly value: V }
);

/** The value read, whether a `cas` took place, or undefined for a write. */
export type RegisterReply<V extends RegisterValue> = V | boolean | undefined;

type Registers<V> = ReadonlyMap<string, V>;

/**
 * A model of registers that initially hold `initial`. `read` replies with the value, `write` with nothing, `cas` with
 * true if it found the expected value and wrote, else with false. A history is checked key by key.
 *
 * @example
 * ```ts
 * import { registerModel } from 'dryrunner';
 * const model = registerModel<number>(0);
 * const [written] = model.step(model.initial, { kind: 'write', value: 1 }, undefined) ?? [];
 * if (written === undefined) throw new Error('anything can be written');
 * const stale = model.step(written, { kind: 'read' }, 0) ?? [];
 * if (stale.length > 0) throw new Error('1 is read after 1 was written');
 * ```
 */
export function registerModel<V extends RegisterValue>(
  initial: V,
): SequentialModel<RegisterCall<V>, RegisterReply<V>, Registers<V>> {
  return {
    initial: new Map<string, V>(),
    step(registers, call, reply) {
      const { key = '' } = call;
      const value = registers.has(key) ? (registers.get(key) as V) : initial;
      return stepRegister(value, call, reply).map((after) => new Map([...registers, [key, after]]));
    },
    replies(registers, call) {
      const { key = '' } = call;
      const value = registers.has(key) ? (registers.get(key) as V) : initial;
      return [call.kind === 'read' ? value : call.kind === 'cas' ? value === call.expected : undefined];
    },
    key: (registers) =>
      JSON.stringify(
        Array.from(registers)
          .filter(([, value]) => value !== initial)
          .sort(([a], [b]) => (a < b ? -1 : 1)),
      ),
    partition: partitionByKey,
    operationKey: (call) => JSON.stringify([call.key ?? '', showCall(call)]),
    showOperation: (call) => `${call.key === undefined ? '' : `${call.key}.`}${showCall(call)}`,
    showReply: (reply) => (reply === undefined ? '' : JSON.stringify(reply)),
  };
}

function stepRegister<V extends RegisterValue>(
  value: V,
  call: RegisterCall<V>,
  reply: RegisterReply<V>,
): readonly V[] {
  switch (call.kind) {
    case 'read':
      return reply === undefined || reply === value ? [value] : [];
    case 'write':
      return [call.value];
    case 'cas': {
      const isDone = value === call.expected;
      return reply === undefined || reply === isDone ? [isDone ? call.value : value] : [];
    }
  }
}

function partitionByKey<V extends RegisterValue>(
  operations: readonly HistoryOperation<RegisterCall<V>, RegisterReply<V>>[],
): HistoryOperation<RegisterCall<V>, RegisterReply<V>>[][] {
  const parts = new Map<string, HistoryOperation<RegisterCall<V>, RegisterReply<V>>[]>();
  for (const operation of operations) {
    const { key = '' } = operation.operation;
    const part = parts.get(key);
    if (part === undefined) parts.set(key, [operation]);
    else part.push(operation);
  }
  return [...parts.values()];
}

function showCall<V extends RegisterValue>(call: RegisterCall<V>): string {
  switch (call.kind) {
    case 'read':
      return 'read';
    case 'write':
      return `write(${JSON.stringify(call.value)})`;
    case 'cas':
      return `cas(${JSON.stringify(call.expected)}, ${JSON.stringify(call.value)})`;
  }
}
