/** What a node is made of, and what is refused before one is made. */
import {
  checkFunction,
  checkLimit,
  checkMethods,
  checkOptions,
  checkRecord,
} from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { ClockSkew } from '../kernel/skewed-clock.ts';
import type { Service } from '../model/service.ts';
import { checkWorld } from '../model/world.ts';
import type { NodeFaults } from './node-strikes.ts';
import type { SimulatedWorld, Simulation } from './simulation.ts';

/** Who starts: what `start` names its runner by. */
export interface NodeIncarnation {
  /** 0 for the first process of the node, and one more with each restart. */
  readonly index: number;
  /** `NODE/INDEX`, for the `name` of its runner. */
  readonly name: string;
  /** For the `idPrefix` of its runner: different in each incarnation (R45), unless `reusesIds`. */
  readonly idPrefix: string;
}

/** What {@link createNode} takes. */
export interface NodeOptions<S extends Service> {
  /** Letters, digits, dots, dashes and underscores: it names runs, and those name outputs. */
  readonly name: string;
  /**
   * Starts the process. What it makes in `world` dies with it; what it makes in the world of the simulation, such as a disk or a
   * database, does not.
   */
  readonly start: (world: SimulatedWorld, incarnation: NodeIncarnation) => S;
  /** What the exploration may do to it. Default: nothing. */
  readonly faults?: NodeFaults;
  /** How far its clock is off. Default: not at all. */
  readonly skew?: ClockSkew;
  /** Gives every incarnation the same ids: the defect that R45 is about, to see who notices. Default false. */
  readonly reusesIds?: boolean;
  /** How long a caller whose call was lost in a crash can hang before it is told; `Infinity` for ever. Default 60,000. */
  readonly hangMs?: number;
}

export const HANG_MS: number = 60_000;
const NAME = /^[\w.-]+$/;

/** @throws RunnerError `RUNNER_INVALID_ARGUMENT` for options that make no sense, and for what is no simulation. */
export function checkNodeOptions<S extends Service>(
  sim: Pick<Simulation, 'world'>,
  options: NodeOptions<S>,
): void {
  checkRecord('sim', 'a simulation', sim);
  checkWorld(sim.world);
  checkFunction('sim.world.onHeal', sim.world.onHeal);
  checkMethods('sim.world.tracer', sim.world.tracer, ['record']);
  checkOptions(options);
  const { name, start, hangMs = HANG_MS } = options;
  if (!(typeof (name as unknown) === 'string' && NAME.test(name))) {
    throw invalidArgument('name', 'letters, digits, dots, dashes and underscores', name);
  }
  checkFunction('start', start);
  checkLimit('hangMs', hangMs);
}
