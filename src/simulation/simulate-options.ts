/** The options of a simulation. */
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

/** A scenario: runs the scheduler under test with its runners, and checks what must be true of them. */
export type Scenario = (sim: Simulation) => Promise<void> | void;

/** Options of {@link simulate}. */
export interface SimulateOptions {
  readonly scenario: Scenario;
  /** Name in reports; defaults to the name of the function, or else `scenario`. */
  readonly name?: string;
  /** Any text or number; default 1. Does not affect decisions if `replay` or `source` is set. */
  readonly seed?: string | number;
  /** Decision log to replay, entry by entry. */
  readonly replay?: readonly Decision[];
  /** Another source of decisions. */
  readonly source?: DecisionSource;
  /** Watchers of the trace; default `defaultOracles()`. */
  readonly oracles?: readonly OracleFactory[];
  /**
   * Replaces the machine's timers, dates and randomness while code under test runs: `ambientTime()` of
   * `dryrunner/ambient`. Default: code sees the machine's own.
   */
  readonly ambient?: Ambience | undefined;
  /**
   * Loads modules for `sim.load`: `freshModules(import.meta.url)` of `dryrunner/ambient`. Default: `sim.load` is not
   * available.
   */
  readonly modules?: FreshModules | undefined;
  /** Keeps the trace for `verdict.trace()`; the hash is computed in any case. Default false. */
  readonly keepTrace?: boolean;
  /** Records where timers and resources were created, for reports; costs some 2 µs per event. Default false. */
  readonly capturePlaces?: boolean;
  /**
   * Records awaits, so that the details of a deadlock or a stall name the line at which the scenario waits, also for a
   * promise of its own; costs some 10 µs per promise. Default false.
   */
  readonly captureAwaits?: boolean;
  /**
   * Names, in the details of an `escape`, the machine resource that is awaited, the call that created it and the place.
   * The machine then reports each promise, and nothing is known about awaits. Default false.
   */
  readonly captureOutside?: boolean;
  /**
   * Errors that simulated collaborators answer with, such as injected faults, get no stack, because capturing one costs
   * more than most events do. Errors of code under test keep theirs. Default false.
   */
  readonly omitStacks?: boolean;
  /**
   * Number of clock events after which the run fails as a livelock. If set, it is the only limit, and a possible stall
   * continues until then; defaults to `defaultMaxEvents`.
   */
  readonly maxEvents?: number;
  /**
   * Limit for scenarios that do not set `maxEvents`, for tools that run other people's scenarios; default 10,000,000.
   */
  readonly defaultMaxEvents?: number;
  /**
   * Number of events between two checks for a stall, for running a known stall again: a smaller number finds it sooner,
   * but may mistake slow progress for a stall. At least 256; default 24,576.
   */
  readonly stallLookEvery?: number;
  /** Whether leftovers at the end of the scenario are a failure (R204) or ignored. Default `fail`. */
  readonly leftovers?: 'fail' | 'ignore';
  readonly drain?: DrainChoice;
  /**
   * Called for each clock event just before it fires, with the number of events created so far, and a function that
   * reads the clock; for strategies and reports. Costs an object per event. Default: not called.
   */
  readonly onFire?: (event: EventInfo, made: number, now: () => number) => void;
  /** Called with the state that the scenario has declared (`sim.state`); for strategies. Default: not called. */
  readonly onState?: OnState;
  /** Is notified which parts of the world share nothing with others; for strategies. Default: none. */
  readonly isolator?: Isolator;
  /**
   * Receives the calls of services and the states of nodes created in the simulation's world; for reports. Default:
   * none.
   */
  readonly watchServices?: ServiceWatch;
  /**
   * Called at each turn of the real event loop, some thousand events apart. If it throws, the simulation fails with
   * that error; to end it early without a failure of the scenario, use `signal`.
   */
  readonly onTurn?: () => void;
  /** How to schedule a turn of the real event loop, for tools that guard it; default `setImmediate`. */
  readonly nextTurn?: NextTurn;
  /**
   * Ends the simulation early, at the next turn of the real event loop after it aborts; the failure then has kind
   * `interrupted`.
   */
  readonly signal?: AbortSignal;
}
