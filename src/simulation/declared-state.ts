/**
 * The state that a scenario declares to be complete. Its text holds the declared value and what the engine knows
 * anyway: virtual time, pending events, whether faults have ended. Invariants: a scenario declares it in every
 * execution or in none, because the declaration precedes every choice; two states with the same text have the same
 * possible futures, provided that the declaration is right.
 */
import * as is from '../kernel/shape.ts';
import { invalidArgument, RunnerError } from '../kernel/errors.ts';
import type { EventInfo } from '../kernel/event-queue.ts';
import type { VirtualClock } from '../kernel/virtual-clock.ts';
import type { Healing } from './healing.ts';
import { check } from '../kernel/argument-check.ts';

const DEPTH_MAX = 100;
const EXPECTED = 'plain data (null, texts, numbers, truth values, arrays and plain objects of them)';

/**
 * Formats plain data as text, to distinguish states. Unlike JSON it loses nothing: it rejects what it cannot write
 * exactly. Invariant: two values have the same text only if they are equal as plain data, regardless of key order.
 *
 * `name` is used in errors, with the path to the rejected part.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for functions, symbols, class instances, cycles, and nesting deeper
 * than 100.
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
    if (!isPlainArray(value)) throw invalidArgument(path, EXPECTED, value);
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

/** True for an array of this or another realm that has nothing beside its elements, which may have gaps. */
function isPlainArray(value: readonly unknown[]): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(prototype) || Object.getOwnPropertySymbols(value).length > 0) return false;
  // Indices come before all other keys.
  const last = Object.keys(value).at(-1);
  const index = Number(last ?? 0);
  return last === undefined || (index >= 0 && index < value.length && String(Math.floor(index)) === last);
}

/**
 * Called with the declared state before each event of the clock, and with `isLast` at the end of an execution in which
 * nothing failed. `read` returns the state as text.
 */
export type OnState = (read: () => string, isLast: boolean) => void;

/** The declared state of one simulation. */
export class DeclaredState {
  readonly #clock: VirtualClock;
  readonly #healing: Healing;
  readonly #decided: () => number;
  #value: (() => unknown) | undefined;

  /** `decided` returns the number of decisions taken so far. */
  constructor(clock: VirtualClock, healing: Healing, decided: () => number) {
    this.#clock = clock;
    this.#healing = healing;
    this.#decided = decided;
  }

  get isDeclared(): boolean {
    return this.#value !== undefined;
  }

  /**
   * Declares `value()` to be the complete state.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `value` is a function, `RUNNER_SIMULATION_MISUSE` for a
   * declaration that is late or the second one.
   */
  declare(value: () => unknown): void {
    check('value', value, is.FUNCTION);
    if (this.isDeclared) throw misuse('was called twice; one state has to hold everything');
    if (this.#decided() > 0 || this.#clock.fired > 0) {
      throw misuse('was called late; call it before anything is chosen, drawn or awaited');
    }
    this.#value = value;
  }

  /** @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the declared value is not plain data. */
  text(): string {
    const clock = this.#clock;
    const healed = this.#healing.isHealed ? ', healed' : '';
    return `${plainDataText('state', this.#value?.())} at ${clock.now()} ms${healed}; pending: ${this.#pending()}`;
  }

  /** Sorts ordinary events, because those of one instant fire in any order; late events keep their creation order. */
  #pending(): string {
    const events = this.#clock.pendingEvents();
    const ordinary = events.filter(({ late }) => !late).map(eventText);
    const late = events.filter((event) => event.late).map((event) => `${eventText(event)} late`);
    return [...ordinary.sort(), ...late].join(', ') || 'nothing';
  }
}

function eventText({ topic, atMs }: EventInfo): string {
  return `${JSON.stringify(topic.text)} at ${atMs} ms`;
}

function misuse(what: string): RunnerError {
  return new RunnerError('RUNNER_SIMULATION_MISUSE', `sim.state ${what}`);
}
