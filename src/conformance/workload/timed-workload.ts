/**
 * The workload of a runner on the machine's time, or on held time: a few sequences, drawn by seed, without a decision
 * log. Invariant: no outcome depends on how fast the machine is; everything that a sequence makes is released, even if
 * it fails.
 */
import type { EventAction } from '../../simulation/event-actions.ts';
import type { DescribeAnswer } from '../../kernel/decisions.ts';
import { isInstance } from '../../kernel/argument-check.ts';
import { causeOf, messageOf, shownText } from '../../kernel/errors.ts';
import { headlineOf } from '../../explore/failure-key.ts';
import { rulesNamedIn } from '../../explore/explain/named-rules.ts';
import { sleep, type Timer } from '../../kernel/clock.ts';
import { type Label, question, topicOf } from '../../kernel/question.ts';
import type { RandomStream } from '../../kernel/random.ts';
import { createRandomStream } from '../../kernel/seeded-random.ts';
import type { World } from '../../model/world.ts';
import type { TraceEvent, Tracer } from '../../model/trace-event.ts';
import { factLine } from '../../simulation/failure-fact.ts';
import { ResourceLedger } from '../../simulation/resource-ledger.ts';
import { framesOfThrown } from '../../simulation/scenario-stack.ts';
import { formatEvent } from '../../trace/event-text.ts';
import { ConformanceError } from '../check.ts';
import { endInHeldTime, leftInHeldTime } from '../held-time.ts';
import type { ConformanceSubject, HeldWorld } from '../subject.ts';
import type { ExplorationProgress, SubjectFailure } from './explore-workload.ts';
import { RunnerWorkload } from './runner-workload.ts';
import type { WorkloadLimits } from './workload-clients.ts';
import type { WorkloadHost } from './workload-host.ts';

/** Number of sequences, and how they are drawn. */
export interface TimedOptions extends WorkloadLimits {
  readonly sequences: number;
  readonly seed: string | number;
  readonly shouldStop: () => boolean;
  /** Called after each sequence. Default: none. */
  readonly onProgress?: (progress: ExplorationProgress) => void;
}

/** The result of the sequences. */
export interface TimedExploration {
  readonly sequences: number;
  readonly failure: TimedFailure | undefined;
  readonly sometimes: Readonly<Record<string, boolean>>;
}

/** What is wrong, in its own words and with all that is known of it. */
export type TimedFailure = Pick<SubjectFailure, 'message' | 'text'>;

const CUT_OFF_MS = 120_000;
const TICK_MS = 100;
/** An action at some event comes within this many milliseconds instead, because events are unknown here. */
const ACTION_MS_MAX = 40;
/** How many of the last draws, and of the last events, are shown. */
const SHOWN_MAX = 40;
const WAITS_MAX = 20;
/** Lines of the error's stack. */
const FRAMES_MAX = 5;
/** Events that say nothing about what clients see. */
const INTERNAL: ReadonlySet<TraceEvent['type']> = new Set(['acquired', 'freed', 'phase', 'metric']);

/** Some call of the sequence has not returned, and nothing will make it return. */
class UnansweredError extends ConformanceError {}

/** Runs the sequences one after another, until one fails. */
export async function exploreInTime(
  subject: ConformanceSubject,
  options: TimedOptions,
): Promise<TimedExploration> {
  const sometimes: Record<string, boolean> = {};
  for (let sequence = 1; sequence <= options.sequences; sequence += 1) {
    if (options.shouldStop()) return { sequences: sequence - 1, failure: undefined, sometimes };
    const seed = `${options.seed} ${sequence}`;
    const held = subject.heldWorld?.(seed);
    const world = held?.world ?? (subject.wallWorld as () => World)();
    const host = new TimedHost(world, createRandomStream(seed), sometimes);
    const workload = new RunnerWorkload(host, subject, options);
    const error = await (held === undefined
      ? onTheMachine(host, workload)
      : inHeldTime(host, workload, held));
    options.onProgress?.({ doing: 'exploring', executions: sequence });
    if (error === undefined) continue;
    return {
      sequences: sequence,
      failure: host.failureBy(error, `${sequence} of seed ${options.seed}`),
      sometimes,
    };
  }
  return { sequences: options.sequences, failure: undefined, sometimes };
}

/** The methods of a simulation, without one. */
class TimedHost implements WorkloadHost {
  readonly world: World;
  readonly #drawn: string[] = [];
  readonly #events: TraceEvent[] = [];
  readonly #waits = new ResourceLedger();
  /** The first check that failed, even if nothing awaits the code that made it. */
  failure: ConformanceError | undefined;
  readonly #random: RandomStream;
  readonly #sometimes: Record<string, boolean>;
  readonly #timers = new Set<Timer>();

  constructor(world: World, random: RandomStream, sometimes: Record<string, boolean>) {
    this.world = { ...world, tracer: this.#tracer(world.tracer), waits: this.#waits };
    this.#random = random;
    this.#sometimes = sometimes;
  }

  now(): number {
    return this.world.clock.now();
  }

  sleep(ms: number): Promise<void> {
    return sleep(this.world.clock, ms, 'workload sleep');
  }

  choose(label: Label, n: number, describe?: DescribeAnswer): number {
    const answer = n === 1 ? 0 : this.#random.int(n);
    if (answer === 0) return answer;
    const value = describe?.(answer, question('choice', label)) ?? answer;
    const shown = typeof value === 'object' ? JSON.stringify(value) : shownText(value);
    this.#push(this.#drawn, `${this.now()} ms: "${topicOf(label).text}" is ${shown}`);
    return answer;
  }

  check(condition: boolean, message: string, cause?: unknown): void {
    if (condition) return;
    const error = new ConformanceError(message, 'what the contract allows', cause ?? message, cause);
    this.failure ??= error;
    throw error;
  }

  sometimes(name: string, condition = true): void {
    this.#sometimes[name] = condition || this.#sometimes[name] === true;
  }

  atSomeEvent(label: string, action: EventAction): void {
    const delayMs = this.choose(`${label} at`, ACTION_MS_MAX);
    if (delayMs === 0) return;
    const timer = this.world.clock.timer(label, delayMs, () => {
      this.#timers.delete(timer);
      // The check keeps its failure.
      Promise.resolve(action()).catch((error: unknown) => {
        this.failure ??= new ConformanceError(messageOf(error), 'no error', error);
      });
    });
    this.#timers.add(timer);
  }

  heal(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  /** The failure, of the sequence that `which` names, in the order of an explanation. */
  failureBy(error: unknown, which: string): TimedFailure {
    const { headline, rest } = headlineOf(messageOf(error));
    const message = `${headline} (sequence ${which})`;
    const waits = isInstance(error, UnansweredError) ? this.#waits.describe(WAITS_MAX, 'waits') : [];
    const thrown = isInstance(error, ConformanceError) ? causeOf(error) : error;
    const frames = framesOfThrown(thrown).slice(0, FRAMES_MAX);
    const text = [
      message,
      ...section('What the contract says', rulesNamedIn(headline)),
      ...section('What happened', this.#events.map(formatEvent)),
      ...section('In detail', [...rest, ...waits.map(factLine)]),
      ...section(
        'Where',
        frames.map((line) => line.trim()),
      ),
      ...section('What was drawn last', this.#drawn),
    ];
    return { message, text: text.join('\n') };
  }

  /** What comes after the failure does not lead to it. */
  #push<T>(list: T[], item: T): void {
    if (this.failure !== undefined) return;
    list.push(item);
    if (list.length > SHOWN_MAX) list.shift();
  }

  #tracer(outer: Tracer | undefined): Tracer {
    return {
      keepsEvents: true,
      record: (event) => {
        if (!INTERNAL.has(event.type)) this.#push(this.#events, event);
        outer?.record(event);
      },
    };
  }
}

function section(heading: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [heading, ...lines.map((line) => `  ${line}`)];
}

/** What is wrong; undefined if nothing is. */
async function outcomeOf(host: TimedHost, workload: RunnerWorkload): Promise<unknown> {
  try {
    await workload.run();
    return host.failure;
  } catch (error) {
    return host.failure ?? error;
  } finally {
    host.heal();
  }
}

async function onTheMachine(host: TimedHost, workload: RunnerWorkload): Promise<unknown> {
  const { clock } = host.world;
  let timer: Timer | undefined;
  // Counts ticks of this process rather than time, so that a machine that suspends the process for a while does not cut
  // it off.
  const cutOff = (ms: number): Promise<unknown> =>
    new Promise((resolve) => {
      let ticks = Math.ceil(ms / TICK_MS);
      const tick = (): void => {
        ticks -= 1;
        if (ticks < 0) resolve(new UnansweredError(`cut off after ${ms} ms`, 'an end', 'none'));
        else timer = clock.timer('cut-off', TICK_MS, tick);
      };
      tick();
    });
  try {
    const ended = await Promise.race([outcomeOf(host, workload), cutOff(CUT_OFF_MS)]);
    // What was found before a call stayed without an answer comes first.
    const error = host.failure ?? ended;
    if (error !== undefined) {
      timer?.cancel();
      await Promise.race([closed(workload), cutOff(CUT_OFF_MS / 10)]);
    }
    return error;
  } finally {
    timer?.cancel();
  }
}

async function inHeldTime(host: TimedHost, workload: RunnerWorkload, held: HeldWorld): Promise<unknown> {
  const outcome = outcomeOf(host, workload);
  const why = await endInHeldTime(held, outcome);
  const error =
    why === undefined
      ? await outcome
      : (host.failure ?? new UnansweredError(`${why}, and a call has not returned`, 'an end', why));
  if (error !== undefined) {
    await endInHeldTime(held, closed(workload));
    return error;
  }
  const left = await leftInHeldTime(held);
  return left === undefined ? undefined : new ConformanceError(`R86 ${left}`, 'nothing that is left', left);
}

/** Ends what a failed sequence has made: an error of a broken runner on release would only hide the reason. */
async function closed(workload: RunnerWorkload): Promise<void> {
  await workload.close().catch(() => undefined);
}
