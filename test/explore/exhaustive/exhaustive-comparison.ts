// Explores a small scenario with one strategy or another and gathers what its users saw, class by class.
import { explore } from '../../../src/explore/explorer.ts';
import { failureKey } from '../../../src/explore/failure-key.ts';
import type { Strategy } from '../../../src/explore/strategies/strategy.ts';
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
