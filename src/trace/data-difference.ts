/** Finds the first place at which two pieces of plain data differ. An absent field equals undefined. */
import * as is from '../kernel/shape.ts';
import { describeValue } from '../kernel/errors.ts';

/** Where two pieces of data differ. */
export interface DataDifference {
  /** Path of the field, such as `status.state`; empty for the data as a whole. */
  readonly path: string;
  readonly first: unknown;
  readonly second: unknown;
}

/** The first difference, in the order of the first value's fields, followed by fields that only the second has. */
export function findDataDifference(first: unknown, second: unknown): DataDifference | undefined {
  // A list of its own, because data may be nested more deeply than calls fit on the stack.
  const open: DataDifference[] = [{ path: '', first, second }];
  for (;;) {
    const pair = open.pop();
    if (pair === undefined) return undefined;
    const parts = partsOf(pair);
    if (parts === undefined) {
      if (pair.first !== pair.second) return pair;
    } else for (const part of parts.reverse()) open.push(part);
  }
}

/** The pairs of fields or members, in order; undefined unless both are objects or both are lists. */
function partsOf({ path, first, second }: DataDifference): DataDifference[] | undefined {
  if (Array.isArray(first) && Array.isArray(second)) {
    const length = Math.max(first.length, second.length);
    const pairOf = (index: number): DataDifference => ({
      path: `${path}[${index}]`,
      first: first[index] as unknown,
      second: second[index] as unknown,
    });
    return Array.from({ length }, (_, index) => pairOf(index));
  }
  if (!is.isObject(first) || !is.isObject(second)) return undefined;
  const inside = path === '' ? '' : `${path}.`;
  const keys = [...new Set([...Object.keys(first), ...Object.keys(second)])];
  return keys.map((key) => ({
    path: `${inside}${key}`,
    first: own(first, key),
    second: own(second, key),
  }));
}

/** Describes a difference, such as `status.state: "COMPLETE" against "FAILED"`. */
export function formatDataDifference({ path, first, second }: DataDifference): string {
  return `${path}: ${shown(first)} against ${shown(second)}`;
}

function own(value: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

function shown(value: unknown): string {
  return value === undefined ? 'nothing' : describeValue(value);
}
