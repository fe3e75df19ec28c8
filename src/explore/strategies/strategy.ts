/**
 * The contract of everything that decides what to try next, after the three-method scheduler of shuttle: begin an execution, decide,
 * end. Invariant: a strategy knows the scenario only through the questions it is asked and what it watches; it never touches it.
 */
import type { DecisionSource } from '../../kernel/decisions.ts';
import type { EventInfo } from '../../kernel/event-queue.ts';
import type { Isolator } from '../../model/isolation.ts';
import type { OracleFactory } from '../../oracles/oracle.ts';
import type { OnState } from '../../simulation/declared-state.ts';
import type { Verdict } from '../../simulation/verdict.ts';

/** How one execution went. */
export interface Execution {
  readonly verdict: Verdict;
  /** How much of what it reached no execution of this exploration had reached before; 0 if coverage is not watched. */
  readonly novelty: number;
}

/** Decides executions, one after the other. `decide` and `order` are asked between `begin` and `end`. */
export interface Strategy extends DecisionSource {
  /** Short, as typed after `--strategy`. */
  readonly name: string;
  /** What is special about the execution that began last, such as its swarm configuration; for reports. */
  readonly configuration?: string;
  /** True if `end` wants to know the novelty of executions. */
  readonly wantsCoverage?: boolean;
  /**
   * Prepares the next execution. `index` numbers the executions of a whole campaign, from 0 and with gaps where others run the rest;
   * strategies without memory draw from it alone, so that a campaign can be sharded. False: there is nothing left to try.
   */
  begin(index: number): boolean;
  /** Called with the outcome of the execution that began last. */
  end(execution: Execution): void;
  /** Called for an execution of a kept log, which it did not decide, before its own begin; for strategies that go on from logs. */
  learn?(execution: Execution): void;
  /** Called for each event just before it fires, if it wants to know; looked for at the beginning of each execution. */
  readonly onFire?: ((event: EventInfo, made: number) => void) | undefined;
  /** Watches the trace of every execution, if it wants to know. */
  readonly watcher?: OracleFactory;
  /** Called with the parts of the world that share nothing with others, if it wants to know. */
  readonly isolator?: Isolator;
  /** Called with the state that a scenario has declared, if it wants to know. */
  readonly onState?: OnState;
}
