// Calls something with wrong values and judges what comes back: nothing may come out of a door but a typed error of ours.
import fc from 'fast-check';
import { setImmediate as turn } from 'node:timers/promises';
import { isRunnerError } from '../../src/kernel/errors.ts';
import type { Call } from './door-walk.ts';
import { HOSTILE_KINDS, hostile, withThrowingGetters } from './hostile-values.ts';

/** One call that gave what it may not. */
export interface Breach {
  /** What was attacked. */
  readonly target: string;
  readonly call: string;
  readonly error: unknown;
}

/** A function, and the object that it is a method of. */
export interface Callee {
  readonly call: Call;
  readonly self?: unknown;
  /** True if it is still used after the call, and therefore not closed; default false. */
  readonly isKept?: boolean;
}

/** What is attacked. */
export interface Target {
  readonly label: string;
  /** Made anew for each call. */
  readonly make: () => Callee | Promise<Callee>;
  /** Arguments that are right; one after the other is replaced. */
  readonly valid?: () => readonly unknown[];
  readonly arity: number;
}

const ARITY_MAX = 4;
/** Calls that are still waiting after that many turns wait for something that these values cannot bring. */
const TURNS = 3;

/** Every kind at every place, every kind in every field of an argument that is a record, and drawn lists of kinds. */
export async function attack(target: Target): Promise<Breach[]> {
  const breaches: Breach[] = [];
  const attempt = async (given: unknown[], said: () => string): Promise<void> => {
    const error = await errorOf(target, given);
    if (error !== undefined && !isTyped(error)) {
      breaches.push({ target: target.label, call: `${target.label}(${said()})`, error });
    }
  };
  const valid = target.valid ?? ((): readonly unknown[] => []);
  const places = Math.min(Math.max(target.arity, valid().length, 1), ARITY_MAX);
  for (let place = 0; place < places; place += 1) {
    for (const { kind, make } of HOSTILE_KINDS) {
      await attempt(replaced(valid(), place, make()), () => shown(place, kind));
    }
    for (const [field, kind, record] of fieldsOf(valid()[place])) {
      await attempt(replaced(valid(), place, record), () => shown(place, `{ ${field}: ${kind} }`));
    }
  }
  await fc.assert(
    fc.asyncProperty(fc.array(hostile, { maxLength: ARITY_MAX }), async (kinds) => {
      await attempt(
        kinds.map(({ make }) => make()),
        () => kinds.map(({ kind }) => kind).join(', '),
      );
    }),
    { numRuns: 30, seed: 9 },
  );
  return breaches;
}

function shown(place: number, what: string): string {
  return `${'…, '.repeat(place)}${what}`;
}

function replaced(valid: readonly unknown[], place: number, value: unknown): unknown[] {
  const given = [...valid];
  given[place] = value;
  return given;
}

/** The record with each field made wrong in each way, one at a time, and with all of them throwing. */
function* fieldsOf(record: unknown): Generator<[string, string, object]> {
  if (typeof record !== 'object' || record === null || Object.getPrototypeOf(record) !== Object.prototype) {
    return;
  }
  const fields = Object.keys(record);
  for (const field of fields) {
    for (const { kind, make } of HOSTILE_KINDS) yield [field, kind, { ...record, [field]: make() }];
  }
  yield [fields.join(', '), 'a getter that throws', withThrowingGetters(fields)];
}

async function errorOf({ make }: Target, given: unknown[]): Promise<unknown> {
  const { call, self, isKept = false } = await make();
  try {
    const result = call.apply(self, given);
    return await Promise.race([settled(result), turns()]);
  } catch (error) {
    return error ?? new Error('nothing was thrown');
  } finally {
    if (!isKept) await closed(self);
  }
}

/** An object that is left open keeps files and timers, and so slows down all that comes after it. */
async function closed(value: unknown): Promise<void> {
  const { close } = (value ?? {}) as { readonly close?: Call };
  if (close !== undefined) await close.call(value);
}

async function turns(): Promise<undefined> {
  for (let left = TURNS; left > 0; left -= 1) await turn();
  return undefined;
}

/** Looks into what came, since a generator runs only then, and gives back what it holds of the machine. */
async function settled(result: unknown): Promise<undefined> {
  const value = await result;
  if (typeof value !== 'object' || value === null || isHostile(value)) return undefined;
  if (Object.prototype.toString.call(value).includes('Generator')) await (value as AsyncGenerator).next();
  await closed(value);
  return undefined;
}

/** Some functions give back what they were given. */
function isHostile(value: object): boolean {
  try {
    return Object.getPrototypeOf(value) === null;
  } catch {
    return true;
  }
}

function isTyped(error: unknown): boolean {
  if (isRunnerError(error)) return error.message !== '';
  // A path that leads nowhere is no wrong use: what the machine says of it is passed on.
  return error instanceof Error && 'syscall' in error;
}
