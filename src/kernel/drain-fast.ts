/**
 * The fast drain: `process._tickCallback` runs all ticks and promise reactions at once, so that a whole burst of steps
 * is one loop. The function is undocumented, so this module checks for it when it is loaded and tries it before the
 * first run. It does nothing inside a promise reaction, which is why `setImmediate` drives a run.
 */
import { RunnerError } from './errors.ts';
import { startRun } from './drain-run.ts';
import type { Burst, Drain, DrainRun, StepResult } from './drain-run.ts';
import { realFunctions } from './drain-real-functions.ts';

/** Runs all ticks and promise reactions, if {@link isFastDrainExact}. */
export const runReactions = (process as { _tickCallback?: unknown })._tickCallback as () => void;
const { nextTick } = realFunctions;
const isPresent = typeof runReactions === 'function';
let isExact = false;

/**
 * True if the fast drain works as it must. Inside a promise reaction this is always false; the result may differ
 * elsewhere.
 */
export function isFastDrainExact(): boolean {
  isExact ||= isPresent && tryOut();
  return isExact;
}

function tryOut(): boolean {
  const seen: string[] = [];
  nextTick(() => {
    seen.push('tick');
    void Promise.resolve().then(() => nextTick(() => seen.push('tick of reaction')));
  });
  void Promise.resolve()
    .then(() => seen.push('reaction'))
    .then(() => seen.push('its reaction'));
  runReactions();
  return seen.join() === 'tick,reaction,its reaction,tick of reaction';
}

/** Unlike anything that a step returns. */
const HAS_FAILED = Symbol('has failed');

/** A burst of the fast drain. */
export const fastBurst: Burst = (run) => {
  let left = run.stepsPerTurn;
  let result: StepResult | typeof HAS_FAILED = true;
  let interrupted = true;
  try {
    // A tick that threw in the previous burst has left reactions behind.
    runReactions();
    do {
      result = stepOrFail(run);
      if (result !== true) break;
      left -= 1;
      runReactions();
    } while (!run.isTurnOver(left));
    interrupted = false;
  } finally {
    // An error thrown by a tick propagates to the event loop: Node clears its stack of async ids only there, and a mere
    // catch would end the process.
    if (interrupted) run.interrupt();
  }
  if (result !== HAS_FAILED) run.endTurn(result, left < run.stepsPerTurn);
};

function stepOrFail(run: DrainRun): StepResult | typeof HAS_FAILED {
  try {
    return run.step();
  } catch (thrown) {
    run.fail(thrown);
    return HAS_FAILED;
  }
}

function chooseFastBurst(): Burst {
  if (isFastDrainExact()) return fastBurst;
  throw new RunnerError(
    'RUNNER_INVALID_ARGUMENT',
    'drain: expected "documented", as this Node has no fast one',
  );
}

/** The fast drain; `undefined` if this Node has no `process._tickCallback`. */
export const fastDrain: Drain | undefined = isPresent
  ? { name: 'fast', run: (step, hooks) => startRun(chooseFastBurst, step, hooks) }
  : undefined;
