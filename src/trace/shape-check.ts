/**
 * Holds values that came from a file against a shape, deeply. Invariant: a value that passes can be used as the type that
 * the shape stands for; nothing is converted, and no field outside the shape passes.
 */
import { describeValue } from '../kernel/errors.ts';
import type { NumberShape, RecordShape, Shape } from './shape.ts';

/** The first place at which a value does not fit. */
export interface Mismatch {
  /** Such as `command.argv[2]`; empty for the value as a whole. */
  readonly path: string;
  readonly expected: string;
  /** What came, in words. */
  readonly actual: string;
}

/** A shape in words, as it follows "expected". */
function describeShape(shape: Shape): string {
  switch (shape.is) {
    case 'text':
      return shape.says;
    case 'number':
      return describeNumber(shape);
    case 'choice':
      return shape.values.length === 1
        ? JSON.stringify(shape.values[0])
        : `one of ${shape.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'boolean':
      return 'true or false';
    case 'list':
      return 'a list';
    case 'map':
    case 'opaque':
    case 'record':
      return 'an object';
  }
}

/** The first mismatch of `value`, or `undefined` if it fits. */
export function findMismatch(shape: Shape, value: unknown, path = ''): Mismatch | undefined {
  if (!fitsOutside(shape, value)) {
    return { path, expected: describeShape(shape), actual: describeValue(value) };
  }
  switch (shape.is) {
    case 'list':
      return findInList(shape.of, value as readonly unknown[], path);
    case 'map':
      return findInMap(shape.of, value as JsonObject, path);
    case 'record':
      return findInRecord(shape, value as JsonObject, path);
    case 'text':
    case 'number':
    case 'choice':
    case 'boolean':
    case 'opaque':
      return undefined;
  }
}

/** True for an object that is neither null nor a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type JsonObject = Readonly<Record<string, unknown>>;

/** Whether the value is right as far as can be seen without looking inside. */
function fitsOutside(shape: Shape, value: unknown): boolean {
  switch (shape.is) {
    case 'text':
      return typeof value === 'string' && shape.pattern?.test(value) !== false;
    case 'number':
      return isSuchNumber(shape, value);
    case 'choice':
      return shape.values.includes(value as string);
    case 'boolean':
      return typeof value === 'boolean';
    case 'list':
      return Array.isArray(value);
    case 'map':
    case 'opaque':
    case 'record':
      return isObject(value);
  }
}

function describeNumber({ whole, min, max }: NumberShape): string {
  const kind = `a ${whole ? 'whole' : 'finite'} number`;
  if (max !== undefined) return `${kind} from ${min ?? '-∞'} to ${max}`;
  return min === undefined ? kind : `${kind} ≥ ${min}`;
}

function isSuchNumber({ whole, min = -Infinity, max = Infinity }: NumberShape, value: unknown): boolean {
  if (typeof value !== 'number' || !Number.isFinite(value)) return false;
  if (whole && !Number.isSafeInteger(value)) return false;
  return value >= min && value <= max;
}

function findInList(of: Shape, list: readonly unknown[], path: string): Mismatch | undefined {
  for (const [index, held] of list.entries()) {
    const found = findMismatch(of, held, `${path}[${index}]`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function findInMap(of: Shape, map: JsonObject, path: string): Mismatch | undefined {
  for (const [key, held] of Object.entries(map)) {
    const found = findMismatch(of, held, inside(path, key));
    if (found !== undefined) return found;
  }
  return undefined;
}

function findInRecord(
  { fields, optional, exactlyOneOf }: RecordShape,
  record: JsonObject,
  path: string,
): Mismatch | undefined {
  for (const [key, shape] of fields) {
    const held = Object.hasOwn(record, key) ? record[key] : undefined;
    if (held === undefined && optional.has(key)) continue;
    if (held === undefined) {
      return { path: inside(path, key), expected: describeShape(shape), actual: 'nothing' };
    }
    const found = findMismatch(shape, held, inside(path, key));
    if (found !== undefined) return found;
  }
  const unknown = Object.keys(record).find((key) => !fields.has(key));
  if (unknown !== undefined) {
    const expected = `only the fields ${[...fields.keys()].join(', ')}`;
    return { path, expected, actual: `a field ${describeValue(unknown)}` };
  }
  const present = exactlyOneOf?.filter((key) => record[key] !== undefined);
  if (exactlyOneOf === undefined || present?.length === 1) return undefined;
  const actual = present?.length === 0 ? 'none' : 'more than one';
  return { path, expected: `exactly one of ${exactlyOneOf.join(', ')}`, actual };
}

function inside(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
