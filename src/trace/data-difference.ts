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
export function findDataDifference(first: unknown, second: unknown, path = ''): DataDifference | undefined {
  if (Array.isArray(first) && Array.isArray(second)) {
    const length = Math.max(first.length, second.length);
    const places = Array.from({ length }, (_, index) => index);
    return firstOf(places, (index) => findDataDifference(first[index], second[index], `${path}[${index}]`));
  }
  if (is.isObject(first) && is.isObject(second)) {
    const keys = [...new Set([...Object.keys(first), ...Object.keys(second)])];
    const inside = path === '' ? '' : `${path}.`;
    return firstOf(keys, (key) => findDataDifference(own(first, key), own(second, key), `${inside}${key}`));
  }
  return first === second ? undefined : { path, first, second };
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

function firstOf<T>(
  candidates: readonly T[],
  find: (candidate: T) => DataDifference | undefined,
): DataDifference | undefined {
  for (const candidate of candidates) {
    const found = find(candidate);
    if (found !== undefined) return found;
  }
  return undefined;
}
