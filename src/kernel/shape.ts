/**
 * Describes values as data: one language for the lines of files, and for the options and arguments of functions. Values
 * from a file are checked by a shape, written in its order and documented by a schema generated from it; values from a
 * caller are rejected by it, in the same words everywhere ({@link check} in `argument-check.ts`). Invariant: a value
 * that fits can be used as the type that the shape stands for; nothing is converted. A shape is created once, when its
 * module is loaded, and checking allocates nothing unless the value is wrong.
 */
import { classOf, describeValue, isClass, isGeneratorFunction } from './errors.ts';
import { nearestName } from './nearest-name.ts';

/** Common to all shapes: what is expected, in words. */
interface Described {
  readonly says: string;
}

/** Any text; with a pattern, only texts that match it, and with a multiple, only texts of such a length. */
export interface TextShape extends Described {
  readonly is: 'text';
  readonly pattern?: RegExp;
  readonly lengthMultipleOf?: number;
}

/** A number from `min` to `max`; finite unless `infinite` is allowed; optionally an integer. */
export interface NumberShape extends Described {
  readonly is: 'number';
  readonly min?: number;
  readonly max?: number;
  readonly whole: boolean;
  readonly infinite?: true;
}

/** One of a few texts. */
export interface ChoiceShape extends Described {
  readonly is: 'choice';
  readonly values: readonly string[];
}

/** True or false. */
export interface BooleanShape extends Described {
  readonly is: 'boolean';
}

/** A list of values of one shape. */
export interface ListShape extends Described {
  readonly is: 'list';
  readonly of: Shape;
  readonly min: number;
}

/** An object with arbitrary keys and values of one shape. */
export interface MapShape extends Described {
  readonly is: 'map';
  readonly of: Shape;
}

/** Any object that is not a list. */
export interface OpaqueShape extends Described {
  readonly is: 'opaque';
}

/** An object with these fields, which are written in this order. */
export interface RecordShape extends Described {
  readonly is: 'record';
  readonly fields: ReadonlyMap<string, Shape>;
  /** The fields that the error for an unknown one names; all if absent. */
  readonly shown?: readonly string[];
  /** Other names that a caller may look for here, each with what it is called instead; none if absent. */
  readonly elsewhere?: ReadonlyMap<string, string>;
  /** Fields that may be absent. */
  readonly optional: ReadonlySet<string>;
  /** Fields that must be present. */
  readonly required: readonly string[];
  /** Exactly one of these fields must be present. */
  readonly exactlyOneOf?: readonly string[];
  /** True for values from callers, which may inherit their fields. */
  readonly inherits: boolean;
  /** True if other fields are allowed and ignored; `instances` if only in objects of a class, which keep state in them. */
  readonly open: boolean | 'instances';
}

/** An object or a function with these methods, such as a clock or an execer. */
export interface MethodsShape extends Described {
  readonly is: 'methods';
  readonly methods: readonly string[];
}

/** Any value that `fits` accepts. */
export interface PredicateShape extends Described {
  readonly is: 'such';
  readonly fits: (value: unknown) => boolean;
  /** A wrong value in words; default {@link describeValue}. */
  readonly shows?: (value: unknown) => string;
}

/** A shape of a value. The last two kinds are for callers only; files hold no such values. */
export type Shape =
  | TextShape
  | NumberShape
  | ChoiceShape
  | BooleanShape
  | ListShape
  | MapShape
  | OpaqueShape
  | RecordShape
  | MethodsShape
  | PredicateShape;

/** A text; with `pattern`, one that matches it. */
export function text(says: string, pattern?: RegExp): TextShape {
  return pattern === undefined ? { is: 'text', says } : { is: 'text', says, pattern };
}

/** A safe integer within these bounds. */
export function integer(min?: number, max?: number): NumberShape {
  return { is: 'number', says: `an integer${boundsInWords(min, max)}`, whole: true, ...boundsOf(min, max) };
}

/** A finite number within these bounds; `of` names its unit in messages: `' of milliseconds'`. */
export function finite(min?: number, max?: number, of = ''): NumberShape {
  const says = `a finite number${of}${boundsInWords(min, max)}`;
  return { is: 'number', says, whole: false, ...boundsOf(min, max) };
}

/** A number not below `min`; infinity means no limit. */
export function limit(min = 0): NumberShape {
  return { is: 'number', says: `a number${boundsInWords(min)}`, whole: false, infinite: true, min };
}

function boundsOf(min?: number, max?: number): { readonly min?: number; readonly max?: number } {
  return { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
}

function boundsInWords(min?: number, max?: number): string {
  if (max !== undefined) return ` from ${min ?? '-∞'} to ${max}`;
  return min === undefined ? '' : ` ≥ ${min}`;
}

/** One of these texts. */
export function oneOf(...values: readonly string[]): ChoiceShape {
  const shown = values.map((value) => JSON.stringify(value)).join(', ');
  return { is: 'choice', says: values.length === 1 ? shown : `one of ${shown}`, values };
}

/** The same shape for each of these fields: `recordOf({}, each(KINDS, RATE))`. */
export function each<K extends string, S extends Shape>(
  keys: readonly K[],
  shape: S,
): Readonly<Record<K, S>> {
  return Object.fromEntries(keys.map((key) => [key, shape])) as Record<K, S>;
}

/** A list of `of`, with at least `min` members. */
export function listOf(of: Shape, says = 'a list', min = 0): ListShape {
  return { is: 'list', says, of, min };
}

/** An object with arbitrary keys and values of shape `of`. */
export function mapOf(of: Shape, says = 'an object'): MapShape {
  return { is: 'map', says, of };
}

/** Any object; its content is not checked. */
export function anObject(says: string): OpaqueShape {
  return { is: 'opaque', says };
}

/** An object or a function with these methods; the message names the first missing one. */
export function withMethods(...methods: readonly string[]): MethodsShape {
  return { is: 'methods', says: `an object with ${methods[0] ?? ''}()`, methods };
}

/** Any value that `fits` accepts. If `fits` throws, the value counts as unreadable. */
export function satisfying(says: string, fits: (value: unknown) => boolean): PredicateShape {
  return { is: 'such', says, fits };
}

/** An object or a function whose fields can be read. */
export function readable(says: string): PredicateShape {
  return satisfying(says, (value) => {
    if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return false;
    // eslint-disable-next-line no-restricted-syntax -- reads inherited fields too, and makes no list
    for (const key in value) Reflect.get(value, key);
    return !Reflect.has(value, '') || true;
  });
}

/** An instance of a class. */
export function instanceOf(says: string, type: abstract new (...given: never[]) => unknown): PredicateShape {
  return satisfying(says, (value) => value instanceof type);
}

/** A value that fits one of these shapes. */
export function anyOf(says: string, ...shapes: readonly Shape[]): PredicateShape {
  return satisfying(says, (value) => {
    // A scenario may have replaced the methods of lists.
    for (const shape of shapes) if (findMismatch(shape, value) === undefined) return true;
    return false;
  });
}

/** Any text. */
export const TEXT: TextShape = text('a string');
/** True or false. */
export const BOOLEAN: BooleanShape = { is: 'boolean', says: 'true or false' };
/** Any object that is not a list. */
export const OPAQUE: OpaqueShape = anObject('an object');
/** Any finite number. */
export const NUMBER: NumberShape = finite();
/** An integer of either sign. */
export const WHOLE: NumberShape = integer();
/** A number of things. */
export const COUNT: NumberShape = integer(0);
/** A number of things, or infinity for no limit. */
export const COUNT_OR_INFINITY: NumberShape = {
  ...{ is: 'number', says: 'an integer ≥ 0, or Infinity', whole: true, infinite: true, min: 0 },
};
/** A duration in milliseconds. */
export const DURATION_MS: NumberShape = finite(0);
/**
 * A function given by the caller. Nobody iterates what a generator function returns, so that its body, and each check
 * in it, would never run.
 */
export const FUNCTION: PredicateShape = {
  ...satisfying('a function', (value) => typeof value === 'function' && !isGeneratorFunction(value)),
  shows: showFunction,
};

function showFunction(value: unknown): string {
  return `${describeValue(value)}${isGeneratorFunction(value) ? ', whose body nobody runs' : ''}`;
}

/**
 * A function that is called without `new`. A class would throw, which may pass for a failure of the code under test.
 * Reports show its name, which a proxy may refuse to say.
 */
export const CALLABLE: PredicateShape = {
  ...FUNCTION,
  fits: (value) => FUNCTION.fits(value) && !isClass(value) && isReadable(value as object),
  shows: (value) =>
    typeof value === 'function' && !isReadable(value)
      ? 'a function that cannot be read'
      : showFunction(value),
};

function isReadable(value: object): boolean {
  try {
    Reflect.get(value, 'name');
    return true;
  } catch {
    // A trap of a proxy threw, or the proxy was revoked.
    return false;
  }
}

/** A synchronous iterable. */
export const ITERABLE: PredicateShape = satisfying('a list', (value) => hasMethod(value, Symbol.iterator));
/** A synchronous or asynchronous iterable. */
export const ANY_ITERABLE: PredicateShape = satisfying(
  'a list',
  (value) => hasMethod(value, Symbol.asyncIterator) || hasMethod(value, Symbol.iterator),
);
/** Anything at all. */
export const ANY: PredicateShape = satisfying('anything', () => true);
/** A list of anything. */
export const LIST: ListShape = listOf(ANY);
/** An error that was thrown, or will be. */
export const ERROR: PredicateShape = instanceOf('an Error', Error);
/** An abort signal. */
export const ABORT_SIGNAL: PredicateShape = satisfying('an AbortSignal', (value) => {
  const { aborted, addEventListener } = (value ?? {}) as Partial<AbortSignal>;
  return typeof aborted === 'boolean' && typeof addEventListener === 'function';
});
/** A clock, virtual or of the machine. */
export const CLOCK: MethodsShape = withMethods('timer', 'post', 'endOfInstant', 'now');

type OptionalKeys<T> = { [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? K : never }[keyof T];
/** Shapes of the required fields of T. */
export type RequiredShapes<T> = { readonly [K in Exclude<keyof T, OptionalKeys<T>>]: Shape };
/** Shapes of the optional fields of T. */
export type OptionalShapes<T> = { readonly [K in OptionalKeys<T>]-?: Shape };

/** A shape for each field of T. */
export type ShapesOf<T> = { readonly [K in keyof T]-?: Shape };

/**
 * The shape of type T, without other fields. It does not compile if a field of T is missing, unknown or in the wrong
 * list.
 */
export function recordOf<T>(required: RequiredShapes<T>, optional: OptionalShapes<T>): RecordShape {
  return {
    is: 'record',
    says: 'an object',
    fields: new Map([...Object.entries<Shape>(required), ...Object.entries<Shape>(optional)]),
    optional: new Set(Object.keys(optional)),
    required: Object.keys(required),
    inherits: false,
    open: false,
  };
}

/** As {@link recordOf}, for values from callers: they may inherit their fields, and have others. */
export function objectOf<T>(
  says: string,
  required: RequiredShapes<T>,
  optional: OptionalShapes<T>,
): RecordShape {
  return { ...recordOf<T>(required, optional), says, inherits: true, open: true };
}

/**
 * The shape of the options of a function. It does not compile without a shape for each field of T, and other fields are
 * rejected, because a mistyped option would have no effect.
 */
export function optionsOf<T>(required: RequiredShapes<T>, optional: OptionalShapes<T>): RecordShape {
  return closed(objectOf<T>('an object of options', required, optional));
}

/**
 * Those options that belong to another function, whose options have `fields`; inherited ones count. Reads each once.
 */
export function only<T extends object>(fields: ShapesOf<T>, options: T): T {
  const given: Partial<T> = {};
  for (const name of Object.keys(fields) as (keyof T)[]) {
    const value = options[name];
    if (value !== undefined) given[name] = value;
  }
  return given as T;
}

/** The same shape, but other fields are rejected as well. */
export function closed(shape: RecordShape): RecordShape {
  return { ...shape, open: false };
}

/** The first place where a value does not fit. */
export interface Mismatch {
  /** For example `command.argv[2]`; empty for the value as a whole. */
  readonly path: string;
  readonly expected: string;
  readonly actual: unknown;
  /** The actual value, in words. */
  readonly got: string;
}

type JsonObject = Readonly<Record<string, unknown>>;

/** True for an object that is neither null nor a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The first mismatch of `value`, or `undefined` if it fits. Throws what the value throws when it is read. */
export function findMismatch(shape: Shape, value: unknown): Mismatch | undefined {
  switch (shape.is) {
    case 'record':
      return isObject(value) ? findInRecord(shape, value) : mismatch(shape, value);
    case 'text':
      return fitsText(shape, value) ? undefined : mismatch(shape, value);
    case 'number':
      return fitsNumber(shape, value) ? undefined : mismatch(numberAsked(shape, value), value);
    case 'choice':
      return shape.values.includes(value as string) ? undefined : mismatch(shape, value);
    case 'boolean':
      return typeof value === 'boolean' ? undefined : mismatch(shape, value);
    case 'such':
      return shape.fits(value) ? undefined : mismatch(shape, value, shape.shows);
    case 'methods':
      return findMissing(shape, value);
    case 'list':
      return Array.isArray(value) && value.length >= shape.min
        ? findInList(shape.of, value)
        : mismatch(shape, value);
    case 'map':
      return isObject(value) ? findInMap(shape, value) : mismatch(shape, value);
    case 'opaque':
      return isObject(value) ? undefined : mismatch(shape, value);
  }
}

function mismatch({ says }: Described, value: unknown, shows = describeValue): Mismatch {
  return { path: '', expected: says, actual: value, got: shows(value) };
}

function fitsText({ pattern, lengthMultipleOf = 1 }: TextShape, value: unknown): boolean {
  return typeof value === 'string' && value.length % lengthMultipleOf === 0 && pattern?.test(value) !== false;
}

function fitsNumber(
  { whole, min = -Infinity, max = Infinity, infinite }: NumberShape,
  value: unknown,
): boolean {
  if (typeof value !== 'number' || !(value >= min && value <= max)) return false;
  if (infinite === true && value === Infinity) return true;
  return whole ? Number.isSafeInteger(value) : Number.isFinite(value);
}

/** The shape with its bounds in words, for an integer that is too large to be exact. */
function numberAsked(shape: NumberShape, value: unknown): NumberShape {
  const { whole, infinite, min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = shape;
  const isInexact = Number.isInteger(value) && !Number.isSafeInteger(value);
  return whole && infinite !== true && isInexact ? integer(min, max) : shape;
}

function findMissing({ methods }: MethodsShape, value: unknown): Mismatch | undefined {
  for (const method of methods) {
    if (hasMethod(value, method)) continue;
    return { path: '', expected: `an object with ${method}()`, actual: value, got: describeValue(value) };
  }
  return undefined;
}

function hasMethod(value: unknown, method: PropertyKey): boolean {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return false;
  return typeof (value as Readonly<Record<PropertyKey, unknown>>)[method] === 'function';
}

function findInList(of: Shape, list: readonly unknown[]): Mismatch | undefined {
  for (let index = 0; index < list.length; index += 1) {
    const found = findMismatch(of, list[index]);
    if (found !== undefined) return inside(`[${index}]`, found);
  }
  return undefined;
}

function findInMap(shape: MapShape, map: JsonObject): Mismatch | undefined {
  const keys = Object.keys(map);
  if (keys.length === 0 && !isRecord(map)) return mismatch(shape, map);
  for (const key of keys) {
    const found = findMismatch(shape.of, map[key]);
    if (found !== undefined) return inside(key, found);
  }
  return undefined;
}

/**
 * True for an object that may hold anything in fields: a plain one, or one that has fields. A map, a date or a promise
 * has none, and would pass for an empty record.
 */
export function isRecord(value: object): boolean {
  return classOf(value) === undefined || Object.keys(value).length > 0;
}

function findInRecord(shape: RecordShape, record: JsonObject): Mismatch | undefined {
  const { fields, optional, required, exactlyOneOf } = shape;
  const prototype: unknown = Object.getPrototypeOf(record);
  if (prototype !== Object.prototype && prototype !== null) return findInHeir(shape, record);
  // A plain object inherits nothing, and usually has few of the fields.
  let there = 0;
  let isEmpty = true;
  // eslint-disable-next-line no-restricted-syntax -- nothing is inherited here, and a list of keys would cost as much as the checks
  for (const key in record) {
    isEmpty = false;
    const field = fields.get(key);
    const held = record[key];
    if (held === undefined) {
      if (field !== undefined && optional.has(key)) continue;
    } else if (field !== undefined && findMismatch(field, held) === undefined) {
      if (required.includes(key)) there += 1;
      continue;
    }
    const found = findInField(shape, record, key);
    if (found !== undefined) return found;
  }
  if (isEmpty) return findInEmpty(shape, record);
  return (
    (there === required.length ? undefined : findAbsent(shape, record)) ??
    (exactlyOneOf === undefined ? undefined : findCount(exactlyOneOf, record))
  );
}

function findInEmpty(shape: RecordShape, record: JsonObject): Mismatch | undefined {
  if (!hasFieldOf(shape, record)) return mismatch(shape, record);
  return findAbsent(shape, record) ?? findCount(shape.exactlyOneOf ?? [], record);
}

/** As {@link findMismatch} for an object that may inherit fields: they count for values from callers only. */
function findInHeir(shape: RecordShape, record: JsonObject): Mismatch | undefined {
  if (!hasFieldOf(shape, record)) return mismatch(shape, record);
  const inherited = shape.inherits ? [...shape.fields.keys()] : [];
  const own = shape.open !== false ? [] : Object.keys(record);
  for (const key of [...inherited, ...own]) {
    const found = findInField(shape, record, key);
    if (found !== undefined) return found;
  }
  return findAbsent(shape, record) ?? findCount(shape.exactlyOneOf ?? [], record);
}

/**
 * True for an object that may hold some of the fields. An object of a class without any, such as a map or a promise that
 * was not awaited, would pass for an empty record, as would `Math` or a generator; so would an error, whose name is not
 * meant.
 */
function hasFieldOf({ fields, open }: RecordShape, record: JsonObject): boolean {
  const type = classOf(record);
  if (type === undefined) return true;
  if (open === false && isBuiltIn(type)) return false;
  for (const field of fields.keys()) {
    if (field in record) return true;
  }
  return fields.size === 0;
}

/** The text of a proxy or a bound function, which may stand for a class of the user's, has no name. */
function isBuiltIn(type: { readonly name: string }): boolean {
  if (typeof type !== 'function') return false;
  return Function.prototype.toString.call(type).endsWith(`${type.name}() { [native code] }`);
}

const NOWHERE: ReadonlyMap<string, string> = new Map();

function findInField(shape: RecordShape, record: JsonObject, key: string): Mismatch | undefined {
  const { fields, optional, inherits, open } = shape;
  const field = fields.get(key);
  if (field === undefined) {
    // A caller's option that is undefined counts as absent, even if it is unknown.
    if (open === true || (inherits && record[key] === undefined)) return undefined;
    const expected = `only the fields ${[...(shape.shown ?? fields.keys())].join(', ')}`;
    const { elsewhere = NOWHERE } = shape;
    const meant = nearestName(key, [...fields.keys(), ...elsewhere.keys()]);
    const hint = meant === undefined ? '' : `; the nearest is ${elsewhere.get(meant) ?? meant}`;
    return { path: '', expected, actual: record, got: `a field ${describeValue(key)}${hint}` };
  }
  const held = record[key];
  if (held === undefined && optional.has(key)) return undefined;
  const found = findMismatch(field, held);
  return found === undefined ? undefined : inside(key, found);
}

function findAbsent({ fields, required, inherits }: RecordShape, record: JsonObject): Mismatch | undefined {
  for (const key of required) {
    if (record[key] !== undefined && (inherits || Object.hasOwn(record, key))) continue;
    const found = findMismatch(fields.get(key) ?? ANY, undefined);
    if (found !== undefined) return inside(key, found);
  }
  return undefined;
}

function findCount(exactlyOneOf: readonly string[], record: JsonObject): Mismatch | undefined {
  const present = exactlyOneOf.filter((key) => record[key] !== undefined);
  if (present.length === Math.min(1, exactlyOneOf.length)) return undefined;
  const got = present.length === 0 ? 'none' : 'more than one';
  return { path: '', expected: `exactly one of ${exactlyOneOf.join(', ')}`, actual: record, got };
}

function inside(outer: string, { path, ...found }: Mismatch): Mismatch {
  return { ...found, path: joinPath(outer, path) };
}

/** Joins the path of an outer value and a path inside it. */
export function joinPath(outer: string, inner: string): string {
  return outer === '' || inner === '' || inner.startsWith('[') ? `${outer}${inner}` : `${outer}.${inner}`;
}
