/**
 * One text per value of plain data, for telling states apart. Unlike JSON it loses nothing: what it cannot write exactly it refuses.
 * Invariant: two values have the same text only if they are equal in all that plain data can hold; the order of keys does not count.
 */
import { invalidArgument } from '../kernel/errors.ts';

const DEPTH_MAX = 100;
const EXPECTED = 'plain data (null, texts, numbers, truth values, arrays and plain objects of them)';

/**
 * The text of `value`; `name` stands in errors, with the path to what is refused.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for functions, symbols, instances of classes, cycles, and what is nested deeper than 100.
 */
export function plainDataText(name: string, value: unknown): string {
  return textOf(name, value, []);
}

function textOf(path: string, value: unknown, around: readonly object[]): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'bigint':
      return `${value}n`;
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'object':
      return value === null ? 'null' : objectText(path, value, around);
    case 'function':
    case 'symbol':
      throw invalidArgument(path, EXPECTED, value);
  }
}

function objectText(path: string, value: object, around: readonly object[]): string {
  if (around.includes(value)) throw invalidArgument(path, `${EXPECTED} without cycles`, value);
  if (around.length === DEPTH_MAX) {
    throw invalidArgument(path, `${EXPECTED}, nested at most ${DEPTH_MAX} deep`, value);
  }
  const inside = [...around, value];
  if (Array.isArray(value)) {
    return `[${Array.from(value, (item, index) => textOf(`${path}[${index}]`, item, inside)).join()}]`;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
  if (!isPlain || Object.getOwnPropertySymbols(value).length > 0) {
    throw invalidArgument(path, EXPECTED, value);
  }
  const fields = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${fields.map(([key, held]) => `${JSON.stringify(key)}:${textOf(`${path}.${key}`, held, inside)}`).join()}}`;
}
