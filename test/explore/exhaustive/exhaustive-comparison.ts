// Explores a small scenario with one strategy or another and gathers what its users saw, class by class.
import { createExecutor } from '../../../src/explore/executor.ts';
import { exhaustiveStrategy } from '../../../src/explore/exhaustive/exhaustive-strategy.ts';
import type { Certificate } from '../../../src/explore/exhaustive/certificate.ts';
import { explore } from '../../../src/explore/explorer.ts';
import { failureKey } from '../../../src/explore/failure-key.ts';
import type { Strategy } from '../../../src/explore/strategies/strategy.ts';
import { ExecutionInterrupted } from '../../../src/kernel/decisions.ts';
import type { ScenarioDefinition } from '../../../src/simulation/scenario.ts';
import type { Verdict } from '../../../src/simulation/verdict.ts';
import { seeingExecutor, type OwnerOf } from './schedule-class.ts';

/** A scenario that reports what its users can see, whose labels say whose its events are. */
export interface SeenScenario {
  readonly definition: ScenarioDefinition<undefined>;
  readonly ownerOf: OwnerOf;
  /** What was seen in the execution that ended last. */
  readonly seen: () => string;
}

export interface Exploration {
  /** What was seen, by class of schedule. */
  readonly classes: Map<string, string>;
  readonly executions: number;
  /** Schedules run to the end. */
  readonly schedules: number;
  /** Schedules of one class in which users saw different things. */
  readonly torn: string[];
  readonly isWhole: boolean;
}

/** With more, brute force is given up. */
const INTERLEAVINGS_MAX = 1_500;

/** Explores with `strategy`; reports only schedules that are `wanted`. */
export async function exploreAll(
  { definition, ownerOf, seen }: SeenScenario,
  strategy: Strategy,
  wanted: (verdict: Verdict) => boolean = () => true,
): Promise<Exploration> {
  const classes = new Map<string, string>();
  const torn: string[] = [];
  let schedules = 0;
  const executor = seeingExecutor(definition, ownerOf, ({ name, verdict }) => {
    if (!wanted(verdict)) return;
    const result = `${seen()} ${verdict.failure === undefined ? '' : failureKey(verdict.failure)}`;
    schedules += 1;
    if ((classes.get(name) ?? result) !== result) torn.push(`${name}: ${classes.get(name)} or ${result}`);
    classes.set(name, result);
  });
  const { executions, stoppedBy } = await explore(executor, strategy, {
    maxExecutions: INTERLEAVINGS_MAX,
    onFailure: () => true,
  });
  return { classes, executions, schedules, torn, isWhole: stoppedBy === 'exhausted' };
}

/** The certificate of a search, each execution of which is cut off at some event before it may come to its end. */
export async function certifiedInPieces(
  definition: ScenarioDefinition<undefined>,
): Promise<{ readonly certificate: Certificate; readonly cutOff: number }> {
  const strategy = exhaustiveStrategy(definition);
  let begun = 0;
  let eventsLeft = Infinity;
  let cutOff = 0;
  let isAgain = false;
  const inPieces: Strategy = {
    name: strategy.name,
    isolator: strategy.isolator,
    watcher: strategy.watcher,
    begin() {
      begun += 1;
      eventsLeft = isAgain ? Infinity : (begun * 7) % 11;
      return strategy.begin();
    },
    decide: (question, n, occurrence) => strategy.decide(question, n, occurrence),
    order: (question, due, occurrence) => strategy.order(question, due, occurrence),
    onFire(event, made) {
      strategy.onFire(event, made);
      if (eventsLeft === 0) throw new ExecutionInterrupted('the time is up');
      eventsLeft -= 1;
    },
    onState: (read, isLast) => strategy.onState(read, isLast),
    end(execution) {
      isAgain = false;
      strategy.end(execution);
    },
  };
  for (;;) {
    const { stoppedBy } = await explore(createExecutor(definition), inPieces, {
      onFailure: () => true,
      onCutOff() {
        isAgain = true;
        cutOff += 1;
      },
    });
    if (stoppedBy !== 'stopped') return { certificate: strategy.certificate(), cutOff };
  }
}
