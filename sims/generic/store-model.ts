/**
 * What a status store must say, written from A1 to A3 of the contract (docs/contract.md) and from nothing else. It keeps each run, the service
 * status and who waits, in the order of registration. Invariant: it decides about a wait at the very write that ends it.
 */
import {
  type ActionResult,
  formatMask,
  maskMatches,
  type LogTags,
  type Query,
  type RunID,
  type RunState,
  type RunStatus,
  type RunType,
  type ServiceStatus,
  type Simulation,
  type TraceEvent,
  type Tracer,
} from 'dryrunner';

/** How a read or a wait ends: with this value, or with an error of this code. */
export type Outcome = { readonly value: unknown } | { readonly code: string; readonly text?: string };

const BEFORE = 60;
const AFTER = 40;

/** By which call somebody waits. */
export type WaitShape = 'query' | 'finalStatus' | 'waitForState' | 'service';

/** Somebody who waits. */
export interface ModelWait {
  readonly isOf: (status: RunStatus) => boolean;
  readonly query: Query | undefined;
  readonly predicate: ((service: ServiceStatus) => boolean) | undefined;
  readonly registeredAtMs: number;
  readonly deadlineMs: number;
  /** What is returned of a match, and by which call: each has its own length of chain of promises. */
  readonly shape: WaitShape;
  /** When its signal aborted. */
  cancelledAtMs: number | undefined;
  /** Set by what ends it, unless that is its deadline or its signal. */
  decided: Outcome | undefined;
}

interface ModelRun {
  status: RunStatus;
  readonly runType: RunType;
}

/** What a write is to be answered with. */
export type WriteEnd = 'accepted' | 'dropped' | { readonly code: string };

/** The seven states, with which fields each may have (R11). */
const VALID: Readonly<Record<RunState, readonly string[]>> = {
  UNKNOWN: [],
  PENDING: [],
  RUNNING: [],
  COMPLETE: ['snapshotId', 'exitCode', 'error'],
  FAILED: ['exitCode', 'error'],
  ABORTED: ['error'],
  TIMEDOUT: [],
};

/** Whether a run in that state is over. */
export function isOver(state: RunState): boolean {
  return state !== 'PENDING' && state !== 'RUNNING';
}

function unknown(runId: RunID): Outcome {
  return { code: 'RUNNER_UNKNOWN_RUN', text: `unknown run id ${runId}` };
}

/** A store in the words of the contract. */
export class StoreModel {
  readonly runs: Map<RunID, ModelRun> = new Map();
  /** In the order of registration. */
  readonly waits: Set<ModelWait> = new Set();
  /** What the trace is to say of writes, in order. */
  readonly events: unknown[] = [];
  service: ServiceStatus = { initialized: false, isHealthy: false, error: '' };
  /** Waits that were decided about by the last writes, in the order in which they are to end. */
  readonly decided: ModelWait[] = [];
  closedWith: { readonly code: string; readonly text: string } | undefined;
  /** Somebody has begun to close it: what waits may end with `RUNNER_RELEASED` once all runs are over. */
  isClosing = false;
  readonly #capacity: number;
  readonly #idPrefix: string;
  readonly #now: () => number;
  #created = 0;

  constructor(capacity: number, idPrefix: string, now: () => number) {
    this.#capacity = capacity;
    this.#idPrefix = idPrefix;
    this.#now = now;
  }

  /** R44, R46–R49. */
  newRun(tags: LogTags, runType: RunType): Outcome {
    if (this.closedWith !== undefined) return this.closedWith;
    const runId = `${this.#idPrefix}${this.#created}`;
    this.#created += 1;
    const refs = { stdoutRef: '', stderrRef: '', snapshotId: '', exitCode: 0, error: '' };
    const run = { status: { runId, state: 'PENDING' as const, ...tags, ...refs }, runType };
    this.runs.set(runId, run);
    this.#wrote('status', run.status);
    if (this.#capacity > 0) this.#evict();
    return { value: run.status };
  }

  /** R4, R11, R50–R54. */
  update(update: RunStatus): WriteEnd {
    const run = this.runs.get(update.runId);
    if (run === undefined) return { code: 'RUNNER_UNKNOWN_RUN' };
    const old = run.status;
    if (isOver(old.state)) {
      this.#trace('dropped', { status: update });
      return 'dropped';
    }
    if (update.state === 'PENDING') return { code: 'RUNNER_ILLEGAL_MOVE' };
    if (update.actionResult !== undefined && run.runType !== 'bazel') {
      return { code: 'RUNNER_INVALID_ARGUMENT' };
    }
    const kept = (field: 'jobId' | 'taskId' | 'tag' | 'stdoutRef' | 'stderrRef'): string =>
      update[field] === '' ? old[field] : update[field];
    const { actionResult } = update;
    run.status = {
      runId: old.runId,
      state: update.state,
      jobId: kept('jobId'),
      taskId: kept('taskId'),
      tag: kept('tag'),
      stdoutRef: kept('stdoutRef'),
      stderrRef: kept('stderrRef'),
      snapshotId: update.snapshotId,
      exitCode: update.exitCode,
      error: update.error,
      ...(actionResult === undefined ? {} : { actionResult: structuredClone<ActionResult>(actionResult) }),
    };
    this.#wrote('status', run.status);
    return 'accepted';
  }

  /** R56. */
  updateService(service: ServiceStatus): void {
    this.service = { ...service };
    this.#trace('service', { service: this.service });
    for (const wait of this.waits) {
      const { predicate } = wait;
      if (predicate === undefined) continue;
      const end = judged(predicate, this.service);
      if (end !== undefined) this.#decide(wait, end);
    }
  }

  /** R84. */
  close(code: string, text: string): void {
    if (this.closedWith !== undefined) return;
    this.closedWith = { code, text };
    for (const wait of this.waits) this.#decide(wait, this.closedWith);
  }

  /** What a query is answered with at once; undefined if it has to wait (R24–R36). */
  answer(query: Query, timeoutMs: number): Outcome | undefined {
    const { runs = [], allRuns = false, states } = query;
    const missing = runs.find((runId) => !this.runs.has(runId));
    if (missing !== undefined) return unknown(missing);
    const listed = [...new Set(runs)];
    const ids = allRuns ? [...this.runs.keys()] : listed;
    const statuses = ids.map((runId) => this.status(runId)).filter(({ state }) => maskMatches(states, state));
    if (statuses.length > 0 || timeoutMs === 0 || (!allRuns && listed.length === 0)) {
      return { value: { statuses, service: this.service } };
    }
    if (!allRuns && listed.every((runId) => isOver(this.status(runId).state))) return this.#hopeless(query);
    return this.closedWith;
  }

  /** Somebody begins to wait. */
  wait(query: Query, timeoutMs: number, shape: WaitShape): ModelWait {
    const ids = new Set(query.runs);
    const isOf = ({ runId, state }: RunStatus): boolean =>
      (query.allRuns === true || ids.has(runId)) && maskMatches(query.states, state);
    return this.#enter({ isOf, query: { ...query, runs: [...ids] }, predicate: undefined, shape }, timeoutMs);
  }

  /** What a wait on the service is answered with at once; undefined if it has to wait (R56). */
  answerService(predicate: (service: ServiceStatus) => boolean, timeoutMs: number): Outcome | undefined {
    const end = judged(predicate, this.service);
    if (end !== undefined) return end;
    return timeoutMs === 0 ? { value: undefined } : this.closedWith;
  }

  /** Somebody begins to wait on the service. */
  waitForService(predicate: (service: ServiceStatus) => boolean, timeoutMs: number): ModelWait {
    return this.#enter({ isOf: () => false, query: undefined, predicate, shape: 'service' }, timeoutMs);
  }

  /** The status of a run that is there. */
  status(runId: RunID): RunStatus {
    return (this.runs.get(runId) as ModelRun).status;
  }

  /** Whether no run can move any more. */
  get isStill(): boolean {
    return [...this.runs.values()].every(({ status }) => isOver(status.state));
  }

  /** What its deadline ends a wait with. */
  expiry({ shape }: ModelWait): Outcome {
    return { value: shape === 'service' ? undefined : { statuses: [], service: this.service } };
  }

  #enter(parts: Pick<ModelWait, 'isOf' | 'query' | 'predicate' | 'shape'>, timeoutMs: number): ModelWait {
    const at = this.#now();
    const wait: ModelWait = {
      ...parts,
      registeredAtMs: at,
      deadlineMs: at + timeoutMs,
      cancelledAtMs: undefined,
      decided: undefined,
    };
    this.waits.add(wait);
    return wait;
  }

  #wrote(type: 'status', status: RunStatus): void {
    this.#trace(type, { status });
    for (const wait of this.waits) {
      const { query, shape } = wait;
      if (query === undefined) continue;
      if (wait.isOf(status)) {
        const { service } = this;
        this.#decide(wait, {
          value: shape === 'query' ? { statuses: [status], service } : { status, service },
        });
      } else if (query.allRuns !== true && query.runs?.includes(status.runId) === true) {
        const isHopeless = query.runs.every((runId) => isOver(this.status(runId).state));
        if (isHopeless) this.#decide(wait, this.#hopeless(query));
      }
    }
  }

  #evict(): void {
    for (const [runId, { status }] of this.runs) {
      if (this.runs.size <= this.#capacity) return;
      if (!isOver(status.state)) continue;
      this.runs.delete(runId);
      this.#trace('evicted', { runId });
      for (const wait of this.waits) {
        if (wait.query?.runs?.includes(runId) === true) this.#decide(wait, unknown(runId));
      }
    }
  }

  #decide(wait: ModelWait, end: Outcome): void {
    wait.decided = end;
    this.waits.delete(wait);
    this.decided.push(wait);
  }

  #hopeless({ runs = [], states }: Query): Outcome {
    const ids = [...new Set(runs)];
    const which = ids.length === 1 ? `run ${ids[0]} is` : `all ${ids.length} runs are`;
    const text = `${formatMask(states)} cannot happen any more: ${which} terminal in another state`;
    return { code: 'RUNNER_CANNOT_HAPPEN', text };
  }

  #trace(type: string, rest: object): void {
    this.events.push({ at: this.#now(), type, ...rest });
  }
}

function judged(predicate: (service: ServiceStatus) => boolean, service: ServiceStatus): Outcome | undefined {
  try {
    return predicate(service) ? { value: service } : undefined;
  } catch (error) {
    return { code: '', text: (error as Error).message };
  }
}

/** The field of a status that its state does not allow (R11). */
export function invalidField(state: RunState): 'snapshotId' | 'exitCode' | 'error' | undefined {
  return (['error', 'exitCode', 'snapshotId'] as const).find((field) => !VALID[state].includes(field));
}

/** Values as text, whatever the order of their fields. */
export function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) =>
    typeof field === 'object' && field !== null && !Array.isArray(field)
      ? Object.fromEntries(Object.entries(field).sort(([a], [b]) => (a < b ? -1 : 1)))
      : field,
  );
}

/** Two texts around the first place where they differ. */
export function difference(given: string, expected: string): string {
  let from = 0;
  while (from < given.length && given[from] === expected[from]) from += 1;
  const part = (text: string): string => text.slice(Math.max(0, from - BEFORE), from + AFTER);
  return `…${part(given)}…, and should to …${part(expected)}…`;
}

/** What the trace says of one store, beside what the model says. Invariant: whatever comes in is passed on. */
export class StoreTrace implements Tracer {
  readonly #sim: Simulation;
  readonly #name: string;
  readonly #onEvent: (event: TraceEvent) => void;
  readonly #said: unknown[] = [];
  #compared = 0;
  /** So many wait, by the trace. */
  held = 0;

  constructor(sim: Simulation, name: string, onEvent: (event: TraceEvent) => void = () => {}) {
    this.#sim = sim;
    this.#name = name;
    this.#onEvent = onEvent;
  }

  record(event: TraceEvent): void {
    this.#sim.world.tracer.record(event);
    const { runner, type, at, ...rest } = event;
    this.#sim.check(runner === this.#name, `an event of ${this.#name} is one of ${runner}`);
    this.#sim.check(at === this.#sim.now(), `an event of ${this.#sim.now()} is one of ${at}`);
    if (type === 'acquired') this.held += 1;
    else if (type === 'freed') this.held -= 1;
    else if (['status', 'dropped', 'evicted', 'service'].includes(type)) {
      this.#said.push({ at, type, ...rest });
    }
    this.#onEvent(event);
  }

  /** What it has said of writes is what the model has seen. */
  agrees({ events }: StoreModel): void {
    const said = textOf(this.#said.slice(this.#compared));
    const meant = textOf(events.slice(this.#compared));
    this.#sim.check(said === meant, `the trace says ${difference(said, meant)}`);
    this.#compared = events.length;
  }
}
