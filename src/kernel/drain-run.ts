/**
 * What both drains share: the contract, and the turns of the real event loop. A run begins in the check phase of a
 * fresh turn, gives the loop a turn every few thousand steps, and when nothing is pending lets it turn before accepting
 * that. Invariant: a run settles once, and then leaves nothing in the loop.
 */
import * as is from './shape.ts';
import { check, isInstance } from './argument-check.ts';
import { invalidArgument } from './errors.ts';
import { realFunctions } from './drain-real-functions.ts';

/** `true`: an event was fired; `false`: nothing is pending; `'stop'`: the run is over. */
export type StepResult = boolean | 'stop';

/** Type of {@link DrainHooks.nextTurn}. */
export type NextTurn = (turn: () => void, isFirst: boolean, isIdle?: boolean) => void;

/** Hooks for the caller. If a hook throws, the run rejects. */
export interface DrainHooks {
  /**
   * Called when nothing is pending, even after two turns of the real loop, in which real I/O could have added
   * something. `again` waits about a millisecond of real time and looks once more. Default: `end`.
   */
  readonly onIdle?: () => 'again' | 'end';
  /** Called at the beginning of each turn, to show progress and enforce wall-clock limits. */
  readonly onTurn?: () => void;
  /**
   * Called at the end of each turn in which steps were taken: no code that a step has led to runs until the next
   * `onTurn`. `hasThrown` is true if a tick that a step has led to throws and so ends the turn; Node reports the
   * exception next. `isLast` is true if the run is over.
   */
  readonly onTurnEnd?: (hasThrown: boolean, isLast: boolean) => void;
  /**
   * Schedules a turn of the real loop that calls `turn` outside of any promise reaction; the first turn of a run may be
   * called inside the current one. `isIdle` is true if nothing is pending: until then only the machine can bring
   * something. Default: `setImmediate`.
   */
  readonly nextTurn?: NextTurn;
  /** Steps between two turns of the real loop. Default: 4096, and fewer where steps take long. */
  readonly stepsPerTurn?: number;
}

/** A way to wait for promise reactions between the steps of a clock. */
export interface Drain {
  readonly name: 'fast' | 'documented';
  /**
   * Calls `step` until it returns `'stop'`, or returns `false` and `onIdle` ends the run. Before each call all promise
   * reactions and all `process.nextTick` callbacks have run, including those that they queued. Rejects with an error
   * that `step` or a hook throws; an error in a `nextTick` callback is an uncaught exception, as everywhere in Node.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` (as a rejection) if `stepsPerTurn` is not a number ≥ 1, or if `step`
   * returns anything else.
   */
  run(step: () => StepResult, hooks?: DrainHooks): Promise<void>;
}

/** Takes steps until those of the turn are used up or a step ends it, and then calls `endTurn` or `fail` of the run. */
export type Burst = (run: DrainRun) => void;

const STEPS_PER_TURN = 4096;
/** A turn ends once its steps have taken this long: the guards of turns take one that lasts for an endless loop. */
const TURN_MS = 50;
/** Reading the clock takes a tenth of a quick step, so that it is read seldom, but early in a turn. */
const LOOK_EVERY = 16;
const LOOK_EARLY = [4, 8] as const;
/** The first idle turn ends in a poll for I/O, the second runs what the callbacks of that poll deferred. */
const IDLE_TURNS = 2;
const IDLE_WAIT_MS = 1;

// The machine's own, since the globals may hold replacements now.
const { setImmediate: nextTurnOfLoop, setTimeout: wait, now: realNow } = realFunctions;

const HOOKS = is.objectOf<DrainHooks>(
  'an object of hooks',
  {},
  { ...is.each(['onIdle', 'onTurn', 'onTurnEnd', 'nextTurn'], is.FUNCTION), stepsPerTurn: is.limit(1) },
);

/** Hooks of our own classes, which are not checked: the check would take longer than a short run. */
export abstract class TrustedHooks implements DrainHooks {
  abstract onTurn(): void;
}

/** One run of a drain. */
export class DrainRun {
  readonly step: () => StepResult;
  readonly stepsPerTurn: number;
  private readonly hooks: DrainHooks;
  private readonly chooseBurst: () => Burst;
  private readonly resolve: () => void;
  private readonly reject: (reason: unknown) => void;
  private readonly turn = (): void => this.beginTurn();
  private readonly nextTurn: NextTurn;
  /** The turn after a timer: one that somebody guards is asked for. */
  private readonly afterWait: () => void;
  private burst: Burst | undefined;
  private idleTurns = 0;
  /** When the turn was first looked at; undefined before. */
  private lookedMs: number | undefined;

  /**
   * Takes the settlers of its promise as separate arguments: an object literal that held them would keep the whole run
   * in the old generation.
   */
  constructor(
    chooseBurst: () => Burst,
    step: () => StepResult,
    hooks: DrainHooks,
    resolve: () => void,
    reject: (reason: unknown) => void,
  ) {
    check('step', step, is.FUNCTION);
    if (!isInstance(hooks, TrustedHooks)) check('hooks', hooks, HOOKS);
    this.step = step;
    this.stepsPerTurn = hooks.stepsPerTurn ?? STEPS_PER_TURN;
    this.hooks = hooks;
    this.chooseBurst = chooseBurst;
    this.resolve = resolve;
    this.reject = reject;
    this.nextTurn = hooks.nextTurn ?? nextTurnOfLoop;
    this.afterWait = hooks.nextTurn === undefined ? this.turn : () => this.requestTurn();
  }

  start(): void {
    this.nextTurn(this.turn, true);
  }

  requestTurn(isIdle = false): void {
    try {
      this.nextTurn(this.turn, false, isIdle);
    } catch (thrown) {
      this.reject(thrown);
    }
  }

  /** Continues in another turn after a tick that threw. */
  interrupt(): void {
    if (this.leaveTurn(true, false)) this.requestTurn();
  }

  /**
   * True if the turn has to end: asked after each step, with the number of steps that are left to it. Where turns end has
   * no influence on a simulation.
   */
  isTurnOver(left: number): boolean {
    if (left <= 0) return true;
    if (this.hooks.stepsPerTurn !== undefined) return false;
    const done = STEPS_PER_TURN - left;
    if (done % LOOK_EVERY !== 0 && done !== LOOK_EARLY[0] && done !== LOOK_EARLY[1]) return false;
    const nowMs = realNow();
    this.lookedMs ??= nowMs;
    return nowMs - this.lookedMs >= TURN_MS;
  }

  /** Ends a burst; `result` is what the last step returned, `fired` is true if any step of the burst fired an event. */
  endTurn(result: StepResult, fired: boolean): void {
    if (!isStepResult(result)) {
      this.fail(invalidArgument('what step returned', "true, false or 'stop'", result));
      return;
    }
    if (!this.leaveTurn(false, result === 'stop')) return;
    if (fired) this.idleTurns = 0;
    if (result === 'stop') this.resolve();
    else if (result) this.requestTurn();
    else if (this.idleTurns < IDLE_TURNS) {
      this.idleTurns += 1;
      this.requestTurn(true);
    } else this.idle();
  }

  fail(thrown: unknown): void {
    // First, as the hook may throw too.
    this.reject(thrown);
    this.leaveTurn(false, true);
  }

  /** Returns false if the hook throws, which ends the run. */
  private leaveTurn(hasThrown: boolean, isLast: boolean): boolean {
    try {
      this.hooks.onTurnEnd?.(hasThrown, isLast);
      return true;
    } catch (thrown) {
      this.reject(thrown);
      return false;
    }
  }

  private beginTurn(): void {
    try {
      // First, because it may try out promises, and a turn may replace what they do.
      this.burst ??= this.chooseBurst();
      this.hooks.onTurn?.();
    } catch (thrown) {
      this.fail(thrown);
      return;
    }
    this.lookedMs = undefined;
    this.burst(this);
  }

  private idle(): void {
    try {
      const answer = this.hooks.onIdle?.() ?? 'end';
      if (answer === 'again') wait(this.afterWait, IDLE_WAIT_MS);
      else this.resolve();
    } catch (thrown) {
      this.fail(thrown);
    }
  }
}

/** Whatever else plain JavaScript returns, such as a promise, would end the run too early or never. */
function isStepResult(result: unknown): result is StepResult {
  return typeof result === 'boolean' || result === 'stop';
}

/** Starts a run. `chooseBurst` is called in its first turn, outside of any promise reaction. */
export function startRun(
  chooseBurst: () => Burst,
  step: () => StepResult,
  hooks: DrainHooks = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    new DrainRun(chooseBurst, step, hooks, resolve, reject).start();
  });
}
