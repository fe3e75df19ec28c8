/**
 * The workload of a runner on the machine's time, or on held time: a few sequences, drawn by seed, without a decision
 * log. Invariant: no outcome depends on how fast the machine is; everything that a sequence makes is released, even if
 * it fails.
 */
import type { EventAction } from '../../simulation/event-actions.ts';
import type { DescribeAnswer } from '../../kernel/decisions.ts';
import { messageOf, shownText } from '../../kernel/errors.ts';
import { sleep, type Timer } from '../../kernel/clock.ts';
import { type Label, question, topicOf } from '../../kernel/question.ts';
import type { RandomStream } from '../../kernel/random.ts';
import { createRandomStream } from '../../kernel/seeded-random.ts';
import type { World } from '../../model/world.ts';
import { ConformanceError } from '../check.ts';
import { endInHeldTime, leftInHeldTime } from '../held-time.ts';
import type { ConformanceSubject, HeldWorld } from '../subject.ts';
import { RunnerWorkload } from './runner-workload.ts';
import type { WorkloadLimits } from './workload-clients.ts';
import type { WorkloadHost } from './workload-host.ts';

/** Number of sequences, and how they are drawn. */
export interface TimedOptions extends WorkloadLimits {
  readonly sequences: number;
  readonly seed: string | number;
  readonly shouldStop: () => boolean;
}

/** The result of the sequences. */
export interface TimedExploration {
  readonly sequences: number;
  readonly failure: ConformanceError | undefined;
  readonly sometimes: Readonly<Record<string, boolean>>;
}

const CUT_OFF_MS = 120_000;
const TICK_MS = 100;
/** An action at some event comes within this many milliseconds instead, because events are unknown here. */
const ACTION_MS_MAX = 40;
/** How many of the last draws are shown. */
const SHOWN_MAX = 60;

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
    if (error === undefined) continue;
    const text = [`${messageOf(error)} (sequence ${sequence} of seed ${options.seed})`, '', ...host.drawn];
    const failure = new ConformanceError(
      text.join('\n'),
      'what the contract allows',
      messageOf(error),
      error,
    );
    return { sequences: sequence, failure, sometimes };
  }
  return { sequences: options.sequences, failure: undefined, sometimes };
}

/** The methods of a simulation, without one. */
class TimedHost implements WorkloadHost {
  readonly world: World;
  readonly drawn: string[] = [];
  /** The first check that failed, even if nothing awaits the code that made it. */
  failure: ConformanceError | undefined;
  readonly #random: RandomStream;
  readonly #sometimes: Record<string, boolean>;
  readonly #timers = new Set<Timer>();

  constructor(world: World, random: RandomStream, sometimes: Record<string, boolean>) {
    this.world = world;
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
    this.drawn.push(`${this.now()} ms: "${topicOf(label).text}" is ${shown}`);
    if (this.drawn.length > SHOWN_MAX) this.drawn.shift();
    return answer;
  }

  check(condition: boolean, message: string, cause?: unknown): void {
    if (condition) return;
    const error = new ConformanceError(message, 'what the contract allows', cause ?? message);
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
        if (ticks < 0) resolve(new ConformanceError(`cut off after ${ms} ms`, 'an end', 'none'));
        else timer = clock.timer('cut-off', TICK_MS, tick);
      };
      tick();
    });
  try {
    const error = await Promise.race([outcomeOf(host, workload), cutOff(CUT_OFF_MS)]);
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
      : (host.failure ?? new ConformanceError(`${why}, and a call has not returned`, 'an end', why));
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
