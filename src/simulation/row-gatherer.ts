/**
 * Gathers the events of undisturbed runs into rows, so that watchers take ten events for the price of two. Invariants: events
 * are passed on in the order in which they came, and all of them before anybody looks (`settle`); the first that does not fit the row at
 * hand ends it, and what was gathered is passed on one by one.
 */
import type { Command } from '../model/command.ts';
import { isTerminal } from '../model/run-state.ts';
import type { RunID, RunStatus } from '../model/run-status.ts';
import type { RunTracer } from '../model/run-tracer.ts';
import type { InvocationPhase, ResourceKind, TraceEvent } from '../model/trace-event.ts';
import { ENDED_ROW, STARTED_ROW, tellRow, type RowTracer } from '../model/undisturbed-run.ts';

/** Both rows one after the other, as columns: what the step of that number must be. */
const STEPS = [...STARTED_ROW, ...ENDED_ROW];
const CALLS = STEPS.map(({ call }) => call);
const PHASES = STEPS.map((step) => (step.call === 'phase' ? step.phase : undefined));
const RESOURCES = STEPS.map((step) => ('resource' in step ? step.resource : undefined));
const NAMES = STEPS.map((step) => ('name' in step ? step.name : undefined));
const FIRST_ENDED = STARTED_ROW.length;
const LAST = STEPS.length - 1;

/** Stands for the status of a row before it has come; nobody is shown it. */
const NO_STATUS = {} as RunStatus;

/** Stands before the tracer that takes rows. */
export class RowGatherer implements RunTracer {
  readonly #tracer: RowTracer;
  readonly #takesRows: boolean;
  /** The step that would be next; 0 if nothing is gathered. */
  #next = 0;
  #at = 0;
  #runner = '';
  #runId: RunID = '';
  #checkout = '';
  #status: RunStatus = NO_STATUS;

  constructor(tracer: RowTracer) {
    this.#tracer = tracer;
    this.#takesRows = tracer.takesRows;
  }

  /** Passes on what is gathered. */
  settle(): void {
    const next = this.#next;
    if (next === 0) return;
    this.#next = 0;
    const of = {
      at: this.#at,
      runner: this.#runner,
      runId: this.#runId,
      checkout: this.#checkout,
      status: this.#status,
    };
    if (next <= FIRST_ENDED) tellRow(this.#tracer, STARTED_ROW, next, of);
    else tellRow(this.#tracer, ENDED_ROW, next - FIRST_ENDED, of);
  }

  record(event: TraceEvent): void {
    this.settle();
    this.#tracer.record(event);
  }

  accepted(at: number, runner: string, runId: RunID, command: Command): void {
    this.settle();
    this.#tracer.accepted(at, runner, runId, command);
  }

  evicted(at: number, runner: string, runId: RunID): void {
    this.settle();
    this.#tracer.evicted(at, runner, runId);
  }

  phase(at: number, runner: string, runId: RunID, phase: InvocationPhase): void {
    const next = this.#next;
    if (next !== 0 && PHASES[next] === phase && this.#isOfRow(at, runner, runId)) {
      if (next === FIRST_ENDED - 1) {
        this.#next = 0;
        this.#tracer.started(at, runner, runId, this.#checkout, this.#status);
      } else this.#next = next + 1;
      return;
    }
    this.settle();
    if (phase === 'checkout' && this.#takesRows) this.#begin(1, at, runner, runId);
    else if (phase === 'close' && this.#takesRows) this.#begin(FIRST_ENDED + 1, at, runner, runId);
    else this.#tracer.phase(at, runner, runId, phase);
  }

  acquired(at: number, runner: string, runId: RunID, resource: ResourceKind, name: string): void {
    if (this.#next !== 0 && this.#isOfRow(at, runner, runId) && this.#follows('acquired', resource, name)) {
      return;
    }
    this.settle();
    this.#tracer.acquired(at, runner, runId, resource, name);
  }

  freed(at: number, runner: string, runId: RunID, resource: ResourceKind, name: string): void {
    if (this.#next !== 0 && this.#isOfRow(at, runner, runId) && this.#follows('freed', resource, name)) {
      return;
    }
    this.settle();
    this.#tracer.freed(at, runner, runId, resource, name);
  }

  status(at: number, runner: string, status: RunStatus): void {
    const next = this.#next;
    if (next !== 0 && CALLS[next] === 'status' && this.#isOfRow(at, runner, status.runId)) {
      if (next === LAST && isTerminal(status.state)) {
        this.#next = 0;
        this.#tracer.ended(at, runner, this.#runId, this.#checkout, status);
        return;
      }
      if (next < FIRST_ENDED && status.state === 'RUNNING') {
        this.#next = next + 1;
        this.#status = status;
        return;
      }
    }
    this.settle();
    this.#tracer.status(at, runner, status);
  }

  #begin(next: number, at: number, runner: string, runId: RunID): void {
    this.#next = next;
    this.#at = at;
    this.#runner = runner;
    this.#runId = runId;
  }

  #isOfRow(at: number, runner: string, runId: RunID): boolean {
    return runId === this.#runId && at === this.#at && runner === this.#runner;
  }

  /** Whether it is the next step of the row at hand; if so, it is gathered. */
  #follows(call: 'acquired' | 'freed', resource: ResourceKind, name: string): boolean {
    const next = this.#next;
    if (CALLS[next] !== call || RESOURCES[next] !== resource) return false;
    const expected = NAMES[next];
    if (expected === undefined) this.#checkout = name;
    else if (expected !== name) return false;
    this.#next = next + 1;
    return true;
  }
}
