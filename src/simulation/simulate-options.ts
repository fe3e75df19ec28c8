/** What a simulation is made of. */
import type { Decision, DecisionSource } from '../kernel/decisions.ts';
import type { DrainChoice } from '../kernel/drain.ts';
import type { NextTurn } from '../kernel/drain-run.ts';
import type { EventInfo } from '../kernel/event-queue.ts';
import type { ServiceWatch } from '../model/service.ts';
import type { Isolator } from '../model/isolation.ts';
import type { OracleFactory } from '../oracles/oracle.ts';
import type { Ambience } from './ambience.ts';
import type { OnState } from './declared-state.ts';
import type { FreshModules } from './module-loads.ts';
import type { Simulation } from './simulation.ts';

/** A scenario: the scheduler under test with its runners and what must be true of them. */
export type Scenario = (sim: Simulation) => Promise<void> | void;

/** What `simulate` takes. */
export interface SimulateOptions {
  readonly scenario: Scenario;
  /** Shown in reports; default the function's name, else `scenario`. */
  readonly name?: string;
  /** Any text or number; default 1. Ignored for decisions if `replay` or `source` is given. */
  readonly seed?: string | number;
  /** A log to repeat, entry by entry. */
  readonly replay?: readonly Decision[];
  /** Another source of decisions. */
  readonly source?: DecisionSource;
  /** Watchers of the trace; default `defaultOracles()`. */
  readonly oracles?: readonly OracleFactory[];
  /**
   * What code that takes timers, dates and randomness from the globals of the machine sees while it runs: `ambientTime()` of
   * `dryrunner/ambient`. Default: the machine's own.
   */
  readonly ambient?: Ambience | undefined;
  /** What `sim.load` loads modules with: `freshModules(import.meta.url)` of `dryrunner/ambient`. Default: it loads none. */
  readonly modules?: FreshModules | undefined;
  /** Keeps the trace for `verdict.trace()`; default false, the hash is always there. */
  readonly keepTrace?: boolean;
  /** Remembers where timers and resources were made, for reports; costs some 2 µs per event. Default false. */
  readonly capturePlaces?: boolean;
  /**
   * Sees who awaits what, so that the details of a deadlock or a stall say at which line the scenario waits, also for a promise of its own;
   * costs some 10 µs per promise. Default false.
   */
  readonly captureAwaits?: boolean;
  /**
   * Says in the details of an `escape` what of the machine is awaited, by which call and where. The machine then reports each promise, and
   * nothing is known of awaits. Default false.
   */
  readonly captureOutside?: boolean;
  /**
   * Errors by which simulated things answer, such as injected faults, have no stack, because taking one costs more than most events do. Those of
   * code under test have one. Default false.
   */
  readonly omitStacks?: boolean;
  /**
   * Events of the clock after which the run is given up as a livelock. If it is stated, it is the only bound, and what might be a stall
   * goes on until then; default `defaultMaxEvents`.
   */
  readonly maxEvents?: number;
  /** For tools that run scenarios of others: events after which one that states no bound is given up; default 10,000,000. */
  readonly defaultMaxEvents?: number;
  /**
   * Events between two looks at whether the scenario stalls, to run a known stall again: fewer find it sooner, and take for one what
   * is only slow. From 256; default 24,576.
   */
  readonly stallLookEvery?: number;
  /** What is left when the scenario ends is a failure (R204); `ignore` lets it be. Default `fail`. */
  readonly leftovers?: 'fail' | 'ignore';
  readonly drain?: DrainChoice;
  /**
   * Called for each event of the clock just before it fires, with the number of events made so far; for strategies and reports.
   * Costs an object per event. Default: not called.
   */
  readonly onFire?: (event: EventInfo, made: number) => void;
  /** Called with the state that the scenario has declared (`sim.state`); for strategies. Default: not called. */
  readonly onState?: OnState;
  /** Learns which parts of the world share nothing with others; for strategies. Default: none. */
  readonly isolator?: Isolator;
  /** Gets the calls of services, and the states of nodes, that are made in its world; for reports. Default: none. */
  readonly watchServices?: ServiceWatch;
  /**
   * Called at each turn of the real event loop, some thousand events apart. Throwing ends the simulation with that error; to end
   * it early without a failure of the scenario there is `signal`.
   */
  readonly onTurn?: () => void;
  /** How a turn of the real event loop is asked for, for tools that guard it; default `setImmediate`. */
  readonly nextTurn?: NextTurn;
  /** Ends the simulation early, at the next turn of the real event loop after it aborts: it has then failed with kind `interrupted`. */
  readonly signal?: AbortSignal;
}
