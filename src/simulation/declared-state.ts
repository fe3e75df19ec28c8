/**
 * The state that a scenario declares to be complete. Its text holds the declared value and what the engine knows by itself: virtual
 * time, what is pending, whether faults have ended. Invariants: it is declared in every execution or in none, because it is declared
 * before anything is chosen; two states with one text can go on in the same ways, if the declaration is right.
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
 * One text per value of plain data, to distinguish states. Unlike JSON it loses nothing: what it cannot write exactly it refuses.
 * Invariant: two values have the same text only if they are equal in all that plain data can hold; the order of keys does not count.
 *
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

/**
 * Called with a declared state before each event of the clock, and with `isLast` at an end at which nothing has failed. `read` gives the
 * state as text.
 */
export type OnState = (read: () => string, isLast: boolean) => void;

/** The declaration of one simulation. */
export class DeclaredState {
  readonly #clock: VirtualClock;
  readonly #healing: Healing;
  readonly #decided: () => number;
  #value: (() => unknown) | undefined;

  /** `decided`: how many decisions were taken so far. */
  constructor(clock: VirtualClock, healing: Healing, decided: () => number) {
    this.#clock = clock;
    this.#healing = healing;
    this.#decided = decided;
  }

  get isDeclared(): boolean {
    return this.#value !== undefined;
  }

  /**
   * Declares `value()` to be complete.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless it is a function, `RUNNER_SIMULATION_MISUSE` if it is too late, or the second.
   */
  declare(value: () => unknown): void {
    check('value', value, is.FUNCTION);
    if (this.isDeclared) throw misuse('was called twice; one state has to hold everything');
    if (this.#decided() > 0 || this.#clock.fired > 0) {
      throw misuse('was called late; call it before anything is chosen, drawn or awaited');
    }
    this.#value = value;
  }

  /** @throws RunnerError `RUNNER_INVALID_ARGUMENT` if what was declared is no plain data. */
  text(): string {
    const clock = this.#clock;
    const healed = this.#healing.isHealed ? ', healed' : '';
    return `${plainDataText('state', this.#value?.())} at ${clock.now()} ms${healed}; pending: ${this.#pending()}`;
  }

  /** Ordinary events that are due together fire in any order, late ones in the order of their making. */
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
