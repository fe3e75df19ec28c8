/**
 * What a fake runner must do and when, written from A4 of the contract and the page about runners: whose turn it is, when each run starts, and how and
 * at which time it ends. Where several things are due in one instant, each order is right. Invariant: it gets each status before anybody else does.
 */
import {
  type Command,
  type FakeEnd,
  type FakeScript,
  isTerminal,
  type RunID,
  type RunStatus,
  type Simulation,
} from 'dryrunner';
import { ExpectedHealth } from 'dryrunner/conformance';

/** What a command is planned to do. */
export interface Plan {
  readonly command: Command;
  /** Undefined if it is driven by hand. */
  readonly script: FakeScript | undefined;
  /** It fails as its turn comes. */
  readonly fails?: { readonly exitCode: number; readonly error: string | undefined };
}

interface Planned {
  readonly plan: Plan;
  readonly acceptedAtMs: number;
  runningAtMs: number | undefined;
  endedAtMs: number | undefined;
  startedByHandAtMs: number | undefined;
  readonly ends: End[];
}

interface End {
  readonly atMs: number;
  readonly state: string;
  readonly exitCode: number;
  /** Undefined if the text is not known. */
  readonly error: string | undefined;
}

const UNHEALTHY = 'Worker is unhealthy.';
const COULD_NOT_EXEC = 240;
const HIGH_MEMORY = 241;

/** The runs of one fake runner. */
export class FakeModel {
  readonly #sim: Simulation;
  readonly #runs = new Map<RunID, Planned>();
  /** Why it takes no runs any more. */
  unhealthy: string | undefined;
  isReleased = false;
  readonly #health = new ExpectedHealth();

  constructor(sim: Simulation) {
    this.#sim = sim;
  }

  /** How many runs are in the runner. */
  get held(): number {
    return [...this.#runs.values()].filter(({ endedAtMs }) => endedAtMs === undefined).length;
  }

  /** The oldest run that is not over. */
  get head(): RunID | undefined {
    for (const [runId, { endedAtMs }] of this.#runs) if (endedAtMs === undefined) return runId;
    return undefined;
  }

  isRunning(runId: RunID): boolean {
    return this.#runs.get(runId)?.runningAtMs !== undefined;
  }

  /** When its turn has come; undefined if it has not. */
  turnOf(runId: RunID): number | undefined {
    let atMs = 0;
    for (const [id, { acceptedAtMs, endedAtMs }] of this.#runs) {
      if (id === runId) return Math.max(atMs, acceptedAtMs);
      if (endedAtMs === undefined) return undefined;
      atMs = Math.max(atMs, endedAtMs);
    }
    return undefined;
  }

  accepted(runId: RunID, plan: Plan): void {
    const [acceptedAtMs, ends] = [this.#sim.now(), []];
    const rest = { runningAtMs: undefined, endedAtMs: undefined, startedByHandAtMs: undefined };
    this.#runs.set(runId, { plan, acceptedAtMs, ends, ...rest });
  }

  abortAsked(runId: RunID): void {
    const run = this.#runs.get(runId);
    run?.ends.push({ atMs: this.#sim.now(), state: 'ABORTED', exitCode: 0, error: '' });
  }

  releaseAsked(): void {
    this.isReleased = true;
    for (const [runId, { endedAtMs }] of this.#runs) if (endedAtMs === undefined) this.abortAsked(runId);
  }

  startedByHand(runId: RunID): void {
    const run = this.#runs.get(runId);
    if (run !== undefined) run.startedByHandAtMs = this.#sim.now();
  }

  endedByHand(runId: RunID, { state, exitCode, error = '' }: FakeEnd): void {
    this.#runs.get(runId)?.ends.push({ atMs: this.#sim.now(), state, exitCode, error });
  }

  /** A status that was just written. */
  wrote(status: RunStatus): void {
    const { runId, state, stdoutRef, stderrRef } = status;
    const run = this.#runs.get(runId);
    if (run === undefined) return;
    if (state === 'RUNNING') this.#started(runId, run);
    else if (isTerminal(state)) this.#ended(status, run);
    const hasRefs = run.runningAtMs !== undefined;
    const refs = hasRefs ? [`fake:///${runId}-stdout`, `fake:///${runId}-stderr`] : ['', ''];
    this.#check(
      stdoutRef === refs[0] && stderrRef === refs[1],
      `R99 run ${runId} has refs ${stdoutRef} and ${stderrRef}`,
    );
    const { command } = run.plan;
    const isTagged = (['jobId', 'taskId', 'tag'] as const).every(
      (tag) => status[tag] === (command[tag] ?? ''),
    );
    this.#check(isTagged, `R46 run ${runId} has the tags ${status.jobId}, ${status.taskId}, ${status.tag}`);
  }

  /** What must have happened before now has. */
  atEvent(): void {
    const now = this.#sim.now();
    for (const [runId, run] of this.#runs) {
      if (run.endedAtMs !== undefined) continue;
      const end = this.#firstEnd(runId, run);
      this.#check(end >= now, `run ${runId} was to end at ${end}, and has not`);
      const start = this.#startOf(runId, run);
      this.#check(
        run.runningAtMs !== undefined || start >= now,
        `run ${runId} was to start at ${start}, and has not`,
      );
    }
  }

  #started(runId: RunID, run: Planned): void {
    const now = this.#sim.now();
    this.#check(run.runningAtMs === undefined, `run ${runId} started twice`);
    this.#check(
      this.#startOf(runId, run) === now,
      `R68 run ${runId} started at ${now}, and was to at ${this.#startOf(runId, run)}`,
    );
    this.#check(this.#firstEnd(runId, run) >= now, `run ${runId} started after its end`);
    run.runningAtMs = now;
  }

  #ended(status: RunStatus, run: Planned): void {
    const { runId, state, exitCode, error } = status;
    const now = this.#sim.now();
    const ends = this.#endsOf(runId, run);
    const first = Math.min(...ends.map(({ atMs }) => atMs));
    const isDue = ends.some(
      (end) =>
        end.atMs === now &&
        end.state === state &&
        end.exitCode === exitCode &&
        (end.error === undefined || end.error === error),
    );
    const due = ends.map((end) => `${end.state} ${end.exitCode} at ${end.atMs}`).join(', ');
    this.#check(
      isDue && first === now,
      `run ${runId} ended as ${state} ${exitCode} "${error}" at ${now}, and was to as ${due}`,
    );
    this.#sim.sometimes(`a run ends as ${state}`);
    run.endedAtMs = now;
    this.#note(status);
  }

  /** R81–R83. */
  #note(status: RunStatus): void {
    this.#health.note(status);
    if (!this.#health.isLost || this.unhealthy !== undefined) return;
    const { exitCode, error } = status;
    this.unhealthy = `exit code ${exitCode}${exitCode === HIGH_MEMORY ? '' : ' twice in a row'}: ${error}`;
    this.#sim.sometimes('a runner becomes unhealthy');
    const end = { atMs: this.#sim.now(), state: 'FAILED', exitCode: COULD_NOT_EXEC, error: UNHEALTHY };
    for (const { endedAtMs, ends } of this.#runs.values()) if (endedAtMs === undefined) ends.push(end);
  }

  #startOf(runId: RunID, { plan, startedByHandAtMs }: Planned): number {
    if (startedByHandAtMs !== undefined) return startedByHandAtMs;
    const turn = this.#turnNow(runId);
    if (turn === undefined || plan.script === undefined || plan.fails !== undefined) return Infinity;
    return turn + (plan.script.startAfterMs ?? 0);
  }

  /** Its turn, unless nothing starts any more. */
  #turnNow(runId: RunID): number | undefined {
    return this.unhealthy === undefined ? this.turnOf(runId) : undefined;
  }

  #firstEnd(runId: RunID, run: Planned): number {
    return Math.min(...this.#endsOf(runId, run).map(({ atMs }) => atMs));
  }

  #endsOf(runId: RunID, { plan, runningAtMs, ends }: Planned): End[] {
    const all = [...ends];
    const turn = this.#turnNow(runId);
    const { script, fails, command } = plan;
    if (turn !== undefined && fails !== undefined) all.push({ atMs: turn, state: 'FAILED', ...fails });
    const { timeoutMs = 0 } = command;
    if (turn !== undefined && timeoutMs > 0) {
      all.push({ atMs: turn + timeoutMs, state: 'TIMEDOUT', exitCode: 0, error: '' });
    }
    if (script !== undefined && runningAtMs !== undefined) {
      const { runMs = 0, end = { state: 'COMPLETE', exitCode: 0 } } = script;
      all.push({ atMs: runningAtMs + runMs, error: '', ...end });
    }
    return all;
  }

  #check(condition: boolean, message: string): void {
    this.#sim.check(condition, message);
  }
}
