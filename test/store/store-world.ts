// A store on a virtual clock that the test drives by hand, with every outcome written down in the order in which it came.
import { isRunnerError } from '../../src/kernel/errors.ts';
import { createVirtualClock, type VirtualClock } from '../../src/kernel/virtual-clock.ts';
import type { Query, Wait } from '../../src/model/query.ts';
import type { RunID, RunStatus } from '../../src/model/run-status.ts';
import { ALL_MASK, maskForState } from '../../src/model/state-mask.ts';
import type { QueryResult } from '../../src/model/status-reader.ts';
import type { RunState } from '../../src/model/run-state.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import {
  createStatusStore,
  type StatusStore,
  type StatusStoreOptions,
} from '../../src/store/status-store.ts';

/** Lets all promise reactions run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/** Fires what is due within `ms`, reactions before and after each event, and moves time there. */
async function pass(clock: VirtualClock, ms: number): Promise<void> {
  await settle();
  const untilUs = clock.nowUs + Math.round(ms * 1000);
  while (clock.nextTimeUs <= untilUs) {
    clock.step();
    await settle();
  }
  clock.skipTo(untilUs);
}

/** `0 COMPLETE, 1 FAILED`, or `nothing`. */
export function resultText({ statuses }: QueryResult): string {
  return statuses.map(({ runId, state }) => `${runId} ${state}`).join(', ') || 'nothing';
}

/** The code of one of our errors, else the message. */
export function errorText(error: unknown): string {
  if (isRunnerError(error)) return error.code;
  return error instanceof Error ? error.message : String(error);
}

/** A query for some states of listed runs. */
export function listed(runs: readonly RunID[], ...states: RunState[]): Query {
  return { runs, states: states.length === 0 ? ALL_MASK : maskForState(...states) };
}

/** A query for some states of all runs. */
export function everyRun(...states: RunState[]): Query {
  return { allRuns: true, states: states.length === 0 ? ALL_MASK : maskForState(...states) };
}

/** The world of one test. */
export class StoreWorld {
  readonly clock: VirtualClock = createVirtualClock();
  readonly store: StatusStore;
  /** Each `TIME NAME OUTCOME`, in the order in which the outcomes came. */
  readonly log: string[] = [];

  constructor(options: Partial<StatusStoreOptions> = {}) {
    this.store = createStatusStore({ clock: this.clock, ...options });
  }

  /** Starts a wait and notes how it ends. */
  wait(name: string, query: Query, wait: Wait = { timeoutMs: Infinity }): void {
    this.note(name, this.store.query(query, wait), resultText);
  }

  /** Notes when and how a promise settles. */
  note<T>(name: string, promise: Promise<T>, text: (value: T) => string = String): void {
    promise.then(
      (value) => this.log.push(`${this.clock.now()} ${name} ${text(value)}`),
      (error: unknown) => this.log.push(`${this.clock.now()} ${name} ${errorText(error)}`),
    );
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    await pass(this.clock, ms);
  }

  /** What has come since it was last asked. */
  async news(): Promise<string[]> {
    await settle();
    return this.log.splice(0);
  }

  /** The states of all runs now, as `0 PENDING, 1 COMPLETE`. */
  async runs(): Promise<string> {
    return resultText(await this.store.statusAll());
  }

  /** Creates `count` runs and gives their ids. */
  newRuns(count: number): RunID[] {
    return Array.from({ length: count }, () => this.store.newRun().runId);
  }

  /** Writes a bare status. */
  write(runId: RunID, state: RunState, fields: Partial<RunStatus> = {}): string {
    return this.store.update(bareStatus(runId, state, fields));
  }
}

/** A status with nothing but id and state, and the fields given. */
export function bareStatus(runId: RunID, state: RunState, fields: Partial<RunStatus> = {}): RunStatus {
  const tags = { jobId: '', taskId: '', tag: '' };
  const refs = { stdoutRef: '', stderrRef: '' };
  return { runId, state, ...tags, ...refs, snapshotId: '', exitCode: 0, error: '', ...fields };
}

/** A tracer that keeps what it gets. */
export class KeptTrace {
  readonly events: TraceEvent[] = [];

  record(event: TraceEvent): void {
    this.events.push(event);
  }
}
