/**
 * The contract of strategies, which decide what to try next, after the three-method scheduler of shuttle: begin an
 * execution, decide, end. Invariant: a strategy knows the scenario only through the questions it is asked and the
 * events it watches; it never touches the scenario.
 */
import type { DecisionSource } from '../../kernel/decisions.ts';
import type { EventInfo } from '../../kernel/event-queue.ts';
import type { Isolator } from '../../model/isolation.ts';
import type { OracleFactory } from '../../oracles/oracle.ts';
import type { OnState } from '../../simulation/declared-state.ts';
import type { Verdict } from '../../simulation/verdict.ts';
import type { KeyedDecision } from '../keyed-log.ts';

/** The result of one execution. */
export interface Execution {
  readonly verdict: Verdict;
  /** How much of what it reached was new to this exploration; 0 without coverage. */
  readonly novelty: number;
}

/** Decides executions, one after the other. `decide` and `order` are called between `begin` and `end`. */
export interface Strategy extends DecisionSource {
  /** Short name, as typed after `--strategy`. */
  readonly name: string;
  /** What is special about the current execution, such as its swarm configuration; for reports. */
  readonly configuration?: string;
  /** True if `end` uses the novelty of executions. */
  readonly wantsCoverage?: boolean;
  /**
   * Prepares the next execution. `index` numbers the executions of a whole campaign, from 0 and with gaps for those
   * that others run; strategies without memory draw from it alone, so that a campaign can be sharded. Returns false if
   * there is nothing left to try.
   */
  begin(index: number): boolean;
  /**
   * Called with the result of the current execution. Not called for one that was cut off: another may begin after it.
   */
  end(execution: Execution): void;
  /** Called after `end` if the exploration does not go on, because the execution failed. */
  stoppedAtFailure?(): void;
  /**
   * Called for an execution of a kept log, which it did not decide, before its own executions begin; for strategies
   * that build on logs.
   */
  learn?(execution: Execution): void;
  /**
   * Called before the first execution with the decisions other than 0 of one that ended an earlier thread of the same
   * campaign, for strategies that would come to it again.
   */
  avoid?(unusual: readonly KeyedDecision[]): void;
  /** Called for each event just before it fires. Read at the beginning of each execution. */
  readonly onFire?: ((event: EventInfo, made: number) => void) | undefined;
  /** Watches the trace of every execution. */
  readonly watcher?: OracleFactory;
  /** Called with the parts of the world that share nothing with others. */
  readonly isolator?: Isolator;
  /** Called with each state that a scenario declares. */
  readonly onState?: OnState;
}
