/**
 * What one line of a file may look like, as data: the reader checks by it, the writer orders fields by it, and the published
 * schema is made from it, so that the three cannot drift apart. Invariant: a record lists every field that may occur.
 */
import { TIME_MS_MAX } from '../kernel/microseconds.ts';

/** Any text. With `pattern`, only texts that match it; `says` names them in messages. */
export interface TextShape {
  readonly is: 'text';
  readonly pattern?: RegExp;
  readonly says: string;
}

/** A finite number, possibly bounded or whole. */
export interface NumberShape {
  readonly is: 'number';
  readonly min?: number;
  readonly max?: number;
  readonly whole: boolean;
}

/** One of a few texts. */
export interface ChoiceShape {
  readonly is: 'choice';
  readonly values: readonly string[];
}

/** True or false. */
export interface BooleanShape {
  readonly is: 'boolean';
}

/** A list of like values. */
export interface ListShape {
  readonly is: 'list';
  readonly of: Shape;
}

/** Text keys of the user's choice, with like values. */
export interface MapShape {
  readonly is: 'map';
  readonly of: Shape;
}

/** Any JSON object. */
export interface OpaqueShape {
  readonly is: 'opaque';
}

/** An object with these fields and no others, in this order when written. */
export interface RecordShape {
  readonly is: 'record';
  readonly fields: ReadonlyMap<string, Shape>;
  /** Fields that may be absent. */
  readonly optional: ReadonlySet<string>;
  /** Of these fields exactly one is there. */
  readonly exactlyOneOf?: readonly string[];
}

/** What a value may look like. */
export type Shape =
  TextShape | NumberShape | ChoiceShape | BooleanShape | ListShape | MapShape | OpaqueShape | RecordShape;

/** Any text. */
export const TEXT: TextShape = Object.freeze({ is: 'text', says: 'a text' });
/** True or false. */
export const BOOLEAN: BooleanShape = Object.freeze({ is: 'boolean' });
/** Any JSON object. */
export const OPAQUE: OpaqueShape = Object.freeze({ is: 'opaque' });
/** Any finite number. */
export const NUMBER: NumberShape = Object.freeze({ is: 'number', whole: false });
/** Milliseconds from some beginning. */
export const TIME_MS: NumberShape = Object.freeze({ is: 'number', whole: false, min: 0, max: TIME_MS_MAX });
/** A whole number of either sign. */
export const WHOLE: NumberShape = Object.freeze({ is: 'number', whole: true });
/** How many of something. */
export const COUNT: NumberShape = Object.freeze({ is: 'number', whole: true, min: 0 });
/** The size of one piece of output: as much as is held in memory at once. */
export const CHUNK_BYTES: NumberShape = Object.freeze({ is: 'number', whole: true, min: 0, max: 1024 ** 3 });

/** A text of a certain form. */
export function textLike(says: string, pattern: RegExp): TextShape {
  return { is: 'text', says, pattern };
}

/** One of these texts. */
export function oneOf(...values: string[]): ChoiceShape {
  return { is: 'choice', values };
}

/** A list of `of`. */
export function listOf(of: Shape): ListShape {
  return { is: 'list', of };
}

/** A map to `of`. */
export function mapOf(of: Shape): MapShape {
  return { is: 'map', of };
}

type OptionalKeys<T> = { [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? K : never }[keyof T];
type RequiredShapes<T> = { readonly [K in Exclude<keyof T, OptionalKeys<T>>]: Shape };
type OptionalShapes<T> = { readonly [K in OptionalKeys<T>]-?: Shape };

/** The shape of type T. The compiler refuses it while a field of T is missing, unknown or in the wrong list. */
export function recordOf<T>(required: RequiredShapes<T>, optional: OptionalShapes<T>): RecordShape {
  return {
    is: 'record',
    fields: new Map([...Object.entries<Shape>(required), ...Object.entries<Shape>(optional)]),
    optional: new Set(Object.keys(optional)),
  };
}
