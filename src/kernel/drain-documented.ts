/**
 * The documented drain: after each step a promise reaction requests a tick, and ticks run when all reactions have. A
 * tick that user code requests in the meantime has reactions of its own, so ticks are counted and the hop is repeated
 * until it saw none. Invariant: `process.nextTick` is replaced only while a burst runs.
 */
import { realFunctions } from './drain-real-functions.ts';
import { startRun } from './drain-run.ts';
import type { Burst, Drain, DrainRun, StepResult } from './drain-run.ts';

type NextTick = (call: (...args: unknown[]) => void, ...args: unknown[]) => void;
const host: { nextTick: NextTick } = process;

// The machine's own, since `process` may hold a replacement now. Hops use it and are not counted.
const { nextTick } = realFunctions;
const settled = Promise.resolve();
// The engine's own, because code under test may see another during a turn.
// eslint-disable-next-line @typescript-eslint/unbound-method -- it is called with its promise
const { then } = Promise.prototype;

let ticksSeen = 0;
let bursts = 0;
let replaced = host.nextTick;
let counting = host.nextTick;

function countTicks(): void {
  bursts += 1;
  if (bursts > 1) return;
  const underlying = host.nextTick;
  counting = (...args) => {
    ticksSeen += 1;
    underlying.apply(process, args);
  };
  replaced = underlying;
  host.nextTick = counting;
}

/**
 * If other code replaced `process.nextTick` on top of the counter in the meantime, that replacement stays; the counter
 * below it does no harm.
 */
function stopCounting(): void {
  bursts -= 1;
  if (bursts === 0 && host.nextTick === counting) host.nextTick = replaced;
}

class Hops {
  private readonly run: DrainRun;
  private left = 0;
  private ticksKnown = 0;
  private readonly afterReactions = (): void => this.advance();
  private readonly hop = (): void => nextTick(this.afterReactions);

  constructor(run: DrainRun) {
    this.run = run;
  }

  private afterReactionsOfStep(): void {
    void Reflect.apply(then, settled, [this.hop]);
  }

  begin(): void {
    this.left = this.run.stepsPerTurn;
    this.ticksKnown = ticksSeen;
    countTicks();
    this.advance();
  }

  /** Runs in a tick, when all reactions of what was queued before the hop have run. */
  private advance(): void {
    if (this.ticksKnown !== ticksSeen) {
      this.ticksKnown = ticksSeen;
      this.afterReactionsOfStep();
      return;
    }
    const { run } = this;
    let result: StepResult;
    try {
      result = run.step();
    } catch (thrown) {
      stopCounting();
      run.fail(thrown);
      return;
    }
    if (result === true) {
      this.left -= 1;
      if (!run.isTurnOver(this.left)) {
        this.afterReactionsOfStep();
        return;
      }
    }
    stopCounting();
    run.endTurn(result, this.left < run.stepsPerTurn);
  }
}

/** Creates the burst of one run. */
export function createDocumentedBurst(): Burst {
  let hops: Hops | undefined;
  return (run) => {
    hops ??= new Hops(run);
    hops.begin();
  };
}

/**
 * The drain that uses documented functions only. It does not see a tick requested through a copy of `process.nextTick`
 * that was taken before the run, and unhandled rejections are reported at the end of a turn instead of after the step.
 */
export const documentedDrain: Drain = {
  name: 'documented',
  run: (step, hooks) => startRun(createDocumentedBurst, step, hooks),
};
