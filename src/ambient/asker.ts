/**
 * What the machine's globals answer to one asker: the scenario, or a process of a simulated machine. Invariant: each
 * part is created on first use, because a small execution uses one part or none.
 */
import type { Choices } from '../kernel/decisions.ts';
import { question } from '../kernel/question.ts';
import type { RandomStream } from '../kernel/random.ts';
import type { ProcessClock } from '../model/process-host.ts';
import type { Tracer } from '../model/trace-event.ts';
import { AmbientTimers } from './ambient-timers.ts';
import { PerformanceTimeline } from './performance-timeline.ts';
import { type ChosenTimeFaults, FaultyTime } from './time-faults.ts';

/**
 * A decision fixes the first bits of each draw of `Math.random`, so that an exploration can try small and large values.
 * The remaining bits come from streams, so that two draws are never equal because two decisions are: code also makes
 * ids out of draws. The default answer is the middle of the range: code tests for rare cases with `Math.random() <
 * 0.1`, and a plain execution should not take the rare branch.
 */
const DRAW_BITS = 4;
const DRAW_PARTS = 2 ** DRAW_BITS;
const DRAWN = question('draw', 'Math.random');
/** Bits of a float in [0, 1) behind the decided ones and the 32 of a word: code may make integers of all 53. */
const LOW_BITS = 53 - DRAW_BITS - 32;

/** Index of the part of [0, 1) that an answer stands for: answer 0 is the middle, later answers alternate outwards. */
const partOf = (answer: number): number =>
  DRAW_PARTS / 2 + (answer % 2 === 0 ? answer / 2 : -(answer + 1) / 2);
/** Shows a range, because a threshold in the code may lie within it. */
const describeDraw = (answer: number): string => {
  const [from, to] = [partOf(answer), partOf(answer) + 1].map((part) => (part / DRAW_PARTS).toFixed(2));
  return `between ${from} and ${to}`;
};

/**
 * Age of the process when a simulation begins, in milliseconds. Not 0: in a real process it never is, and code uses 0
 * for "no time".
 */
const AGE_MS = 1_000;

/** What an {@link Asker} is made from. */
export interface AskerParts {
  readonly clock: Omit<ProcessClock, 'slowed'>;
  readonly choices: Choices;
  readonly random: RandomStream;
  readonly tracer: Tracer;
  readonly faults: ChosenTimeFaults;
  readonly capturePlaces: boolean;
  /** Start of the process on that clock, in milliseconds. */
  readonly sinceMs: number;
}

/** See the top of the file. */
export class Asker {
  readonly clock: Omit<ProcessClock, 'slowed'>;
  readonly choices: Choices;
  readonly #parts: AskerParts;
  #draws: RandomStream | undefined;
  /** The last {@link LOW_BITS} of each draw. */
  #lowDraws: RandomStream | undefined;
  #entropy: RandomStream | undefined;
  #time: FaultyTime | undefined;
  #timers: AmbientTimers | undefined;
  #timeline: PerformanceTimeline | undefined;
  #wayBack: ((deliver: () => void) => void) | undefined;
  #isOver = false;

  constructor(parts: AskerParts) {
    this.clock = parts.clock;
    this.choices = parts.choices;
    this.#parts = parts;
  }

  /** The next random number, in [0, 1). */
  random(): number {
    const draws = (this.#draws ??= this.#parts.random.fork('Math.random'));
    const lowDraws = (this.#lowDraws ??= draws.fork('low bits'));
    const part = partOf(this.choices.choose(DRAWN, DRAW_PARTS, describeDraw));
    const low = (lowDraws.uint32() >>> (32 - LOW_BITS)) / 2 ** LOW_BITS;
    return (part + (draws.uint32() + low) / 2 ** 32) / DRAW_PARTS;
  }

  get entropy(): RandomStream {
    return (this.#entropy ??= this.#parts.random.fork('crypto'));
  }

  get time(): FaultyTime {
    const { clock, choices, tracer, faults } = this.#parts;
    return (this.#time ??= new FaultyTime(clock, choices, tracer, faults));
  }

  get timers(): AmbientTimers {
    this.#timers ??= this.#newTimers();
    return this.#timers;
  }

  /** The timers, or undefined if none have been created. */
  get timersIfAny(): AmbientTimers | undefined {
    return this.#timers;
  }

  get timeline(): PerformanceTimeline {
    return (this.#timeline ??= new PerformanceTimeline({ now: () => this.ageMs(), post: this.wayBack }));
  }

  /** Calls a function in an event of the asker. */
  get wayBack(): (deliver: () => void) => void {
    return (this.#wayBack ??= (deliver) => void this.timers.setImmediate(deliver, []).unref());
  }

  /** Date when it began, in milliseconds since the Unix epoch. */
  get originMs(): number {
    return this.clock.epochMs + this.#parts.sinceMs - AGE_MS;
  }

  /** Value of `performance.now()` in milliseconds. */
  ageMs(): number {
    return AGE_MS + this.clock.now() - this.#parts.sinceMs;
  }

  /** Stops its timers for good: no pending timer fires, nor any that is set later. */
  end(): void {
    this.#isOver = true;
    this.#timers?.end();
  }

  #newTimers(): AmbientTimers {
    const { clock, faults, capturePlaces } = this.#parts;
    const timers = new AmbientTimers(
      clock,
      capturePlaces,
      faults.isEmpty ? undefined : () => this.time.beforeTimer(),
    );
    if (this.#isOver) timers.end();
    return timers;
  }
}
