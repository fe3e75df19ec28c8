/**
 * Runs as slices of a timeline: one slice from acceptance to end, and one inside of it for each state. Invariant: runs of one runner that
 * overlap are drawn in lanes of their own, so that the slices of a lane nest.
 */
import { tagsOf, type Command } from '../../model/command.ts';
import { isTerminal } from '../../model/run-state.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import { LaneSlots, type Slot, type TimelineLanes } from './timeline-lanes.ts';

/** A state ends this much before what comes next, so that a reader who adds fractions never sees the two overlap. */
const GAP_US = 0.001;

interface OpenRun {
  readonly runner: string;
  readonly runId: string;
  readonly slot: Slot;
  readonly fromTs: number;
  /** Known once the runner has accepted the command. */
  command: Command | undefined;
  state: string;
  stateFromTs: number;
}

/** Turns what a trace says about runs into slices. */
export class RunSlices {
  readonly #lanes: TimelineLanes;
  readonly #open = new Map<string, OpenRun>();
  readonly #slots = new LaneSlots();

  constructor(lanes: TimelineLanes) {
    this.#lanes = lanes;
  }

  /** True if the event is shown by a slice and needs no mark. */
  take(event: TraceEvent, ts: number): boolean {
    if (event.type === 'accepted') {
      this.#runOf(event.runner, event.runId, ts).command = event.command;
      return true;
    }
    if (event.type !== 'status') return false;
    const { state, runId } = event.status;
    const run = this.#runOf(event.runner, runId, ts);
    if (state === run.state) return true;
    this.#endState(run, ts);
    run.state = state;
    run.stateFromTs = ts;
    // The end is a mark as well: a slice does not show its exit code and error at a glance.
    if (!isTerminal(state)) return true;
    this.#endRun(run, ts, state);
    return false;
  }

  /** Where a run that has not ended is drawn. */
  laneOf(runner: string, runId: string): string | undefined {
    return this.#open.get(keyOf(runner, runId))?.slot.lane;
  }

  /** Ends what has not ended, at the end of the execution. */
  end(ts: number): void {
    for (const run of this.#open.values()) {
      this.#endState(run, ts);
      this.#endRun(run, ts, `still ${run.state}`);
    }
  }

  /** The run, which begins in the first lane of its runner that is free. */
  #runOf(runner: string, runId: string, ts: number): OpenRun {
    const key = keyOf(runner, runId);
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const from = { fromTs: ts, state: 'PENDING', stateFromTs: ts };
    const run: OpenRun = { runner, runId, slot: this.#slots.take(runner), command: undefined, ...from };
    this.#open.set(key, run);
    return run;
  }

  #endState({ slot, state, stateFromTs }: OpenRun, ts: number): void {
    const dur = Math.max(0, ts - stateFromTs - GAP_US);
    this.#lanes.add(slot.lane, { name: state, cat: 'state', ph: 'X', ts: stateFromTs, dur });
  }

  #endRun({ runner, runId, slot, fromTs, command }: OpenRun, ts: number, ended: string): void {
    this.#open.delete(keyOf(runner, runId));
    this.#slots.free(slot);
    const tags = command === undefined ? '' : taskOf(command);
    this.#lanes.add(slot.lane, {
      name: `run ${runId}${tags === '' ? '' : ` for ${tags}`}: ${ended}`,
      cat: 'run',
      ph: 'X',
      ts: fromTs,
      dur: ts - fromTs,
      ...(command === undefined ? {} : { args: argsOf(command) }),
    });
  }
}

/** The name that its scheduler knows a run by. */
function taskOf(command: Command): string {
  const { jobId, taskId, tag } = tagsOf(command);
  return [jobId, taskId, tag].filter((part) => part !== '').join('/');
}

/** What was to be done; environments and snapshots would bury the rest. */
function argsOf({ argv, timeoutMs }: Command): Record<string, unknown> {
  return { argv, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
}

function keyOf(runner: string, runId: string): string {
  return JSON.stringify([runner, runId]);
}
