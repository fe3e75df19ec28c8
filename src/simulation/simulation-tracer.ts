/**
 * Handles the trace of a simulation: each event goes to the hash, the ledger of held resources, the counts of the
 * verdict and the oracles, in this order. Invariant: an oracle that takes events sees one for each call.
 */
import { isTerminal, type RunState } from '../model/run-state.ts';
import type { RunStatus, RunID } from '../model/run-status.ts';
import type { Command } from '../model/command.ts';
import { eachOfRow, runTracer, takesCalls, type RunTracer } from '../model/run-tracer.ts';
import type { InvocationPhase, ResourceKind, TraceEvent } from '../model/trace-event.ts';
import { ENDED_ROW, STARTED_ROW } from '../model/undisturbed-run.ts';
import type { Oracle } from '../oracles/oracle.ts';
import type { HashingRecorder } from '../trace/trace-recorder.ts';
import type { ResourceLedger } from './resource-ledger.ts';
import { hasOwner } from './wait-graph.ts';

/** Counts what a verdict reports: runs, end states, faults. */
export class RunTally {
  runs = 0;
  faults = 0;
  /** Grows with each run that is accepted or changes its status. */
  progress = 0;
  readonly endStates: Partial<Record<RunState, number>> = {};

  accepted(): void {
    this.runs += 1;
    this.progress += 1;
  }

  status({ state }: RunStatus): void {
    this.progress += 1;
    if (isTerminal(state)) this.endStates[state] = (this.endStates[state] ?? 0) + 1;
  }

  fault(): void {
    this.faults += 1;
  }
}

const NO_RECORDER: RunTracer = runTracer({ record: () => undefined });

/** The tracer of one simulation. Unless `inRows` is true, a row of events is passed on as single events. */
export class SimulationTracer implements RunTracer {
  #recorder: RunTracer;
  readonly #ledger: ResourceLedger;
  readonly #tally: RunTally;
  #watchers: readonly RunTracer[];
  readonly #inRows: boolean;
  readonly keepsEvents: boolean;

  constructor(
    recorder: HashingRecorder,
    ledger: ResourceLedger,
    tally: RunTally,
    oracles: readonly Oracle[],
    inRows: boolean,
  ) {
    this.#recorder = recorder;
    this.#ledger = ledger;
    this.#tally = tally;
    this.#watchers = oracles.map(watcherOf);
    this.#inRows = inRows;
    this.keepsEvents = recorder.keepsEvents;
  }

  /** From now on, nothing is recorded, and oracles see no events. */
  end(): void {
    this.#recorder = NO_RECORDER;
    this.#watchers = [];
  }

  record(event: TraceEvent): void {
    this.#recorder.record(event);
    this.#account(event);
    for (const watcher of this.#watchers) watcher.record(event);
  }

  accepted(at: number, runner: string, runId: RunID, command: Command): void {
    this.#recorder.accepted(at, runner, runId, command);
    this.#tally.accepted();
    for (const watcher of this.#watchers) watcher.accepted(at, runner, runId, command);
  }

  status(at: number, runner: string, status: RunStatus): void {
    this.#recorder.status(at, runner, status);
    this.#tally.status(status);
    for (const watcher of this.#watchers) watcher.status(at, runner, status);
  }

  evicted(at: number, runner: string, runId: RunID): void {
    this.#recorder.evicted(at, runner, runId);
    for (const watcher of this.#watchers) watcher.evicted(at, runner, runId);
  }

  phase(at: number, runner: string, runId: RunID, phase: InvocationPhase): void {
    this.#recorder.phase(at, runner, runId, phase);
    for (const watcher of this.#watchers) watcher.phase(at, runner, runId, phase);
  }

  acquired(at: number, runner: string, runId: RunID, resource: ResourceKind, name: string): void {
    this.#recorder.acquired(at, runner, runId, resource, name);
    this.#ledger.acquired(at, runner, runId, resource, name);
    for (const watcher of this.#watchers) watcher.acquired(at, runner, runId, resource, name);
  }

  freed(at: number, runner: string, runId: RunID, resource: ResourceKind, name: string): void {
    this.#recorder.freed(at, runner, runId, resource, name);
    this.#ledger.freed(runner, runId, resource, name);
    for (const watcher of this.#watchers) watcher.freed(at, runner, runId, resource, name);
  }

  started(at: number, runner: string, runId: RunID, checkout: string, status: RunStatus): void {
    if (!this.#inRows) {
      eachOfRow(this, STARTED_ROW, { at, runner, runId, checkout, status });
      return;
    }
    this.#recorder.started(at, runner, runId, checkout, status);
    this.#ledger.started(at, runner, runId, checkout);
    this.#tally.status(status);
    for (const watcher of this.#watchers) watcher.started(at, runner, runId, checkout, status);
  }

  ended(at: number, runner: string, runId: RunID, checkout: string, status: RunStatus): void {
    if (!this.#inRows) {
      eachOfRow(this, ENDED_ROW, { at, runner, runId, checkout, status });
      return;
    }
    this.#recorder.ended(at, runner, runId, checkout, status);
    this.#ledger.ended(runner, runId, checkout);
    this.#tally.status(status);
    for (const watcher of this.#watchers) watcher.ended(at, runner, runId, checkout, status);
  }

  #account(event: TraceEvent): void {
    switch (event.type) {
      case 'acquired':
        if (hasOwner(event)) this.#ledger.watch(event);
        else this.#ledger.acquired(event.at, event.runner, event.runId, event.resource, event.name);
        break;
      case 'freed':
      case 'abandoned':
        if (hasOwner(event)) this.#ledger.watch(event);
        else this.#ledger.freed(event.runner, event.runId, event.resource, event.name);
        break;
      case 'accepted':
        this.#tally.accepted();
        break;
      case 'status':
        this.#tally.status(event.status);
        break;
      case 'fault':
        this.#tally.fault();
        break;
      case 'abort':
      case 'dropped':
      case 'evicted':
      case 'metric':
      case 'note':
      case 'phase':
      case 'recorded':
      case 'rejected':
      case 'released':
      case 'service':
      case 'wrote':
      case 'message':
      case 'disk':
      case 'node':
        break;
    }
  }
}

/** An oracle of this package takes calls itself; any other gets events. */
function watcherOf(oracle: Oracle): RunTracer {
  return takesCalls(oracle) ? oracle : runTracer({ record: (event) => oracle.watch(event) });
}
