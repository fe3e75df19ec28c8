// A small pure model of the store, written from the rules alone: lists that are searched, nothing clever. It foretells the order
// and the instant of every outcome.
import type { LogTags } from '../../src/model/command.ts';
import { canMove, isTerminal } from '../../src/model/run-state.ts';
import { pendingStatus, type RunID, type RunStatus } from '../../src/model/run-status.ts';
import { maskMatches, type StateMask } from '../../src/model/state-mask.ts';

/** What a model query asks. */
export interface ModelQuery {
  readonly runs: readonly RunID[];
  readonly allRuns: boolean;
  readonly states: StateMask;
  /** Waits for this service error instead of a status. */
  readonly serviceError: string | undefined;
  readonly timeoutMs: number;
  /** Index of its signal, if it has one. */
  readonly signal: number | undefined;
}

interface ModelWait extends ModelQuery {
  readonly name: string;
  /** When its timer fires, and the position of the timer in the order of making. */
  dueMs: number;
  made: number;
  cancelled: boolean;
}

interface Scheduled {
  readonly atMs: number;
  readonly made: number;
  readonly act: () => void;
}

/** The model of one store on a virtual clock. */
export class StoreModel {
  nowMs = 0;
  statuses: RunStatus[] = [];
  serviceError = '';
  waits: ModelWait[] = [];
  scheduled: Scheduled[] = [];
  /** Each `TIME NAME OUTCOME`, in order. */
  readonly log: string[] = [];
  readonly #capacity: number;
  readonly #aborted = new Set<number>();
  #created = 0;
  #made = 0;
  #isClosed = false;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  newRun(tags: LogTags): string {
    if (this.#isClosed) return 'RUNNER_RELEASED';
    const status = pendingStatus(String(this.#created), tags);
    this.#created += 1;
    this.statuses.push(status);
    this.#written(status);
    while (this.#capacity > 0 && this.statuses.length > this.#capacity) {
      const oldest = this.statuses.find(({ state }) => isTerminal(state));
      if (oldest === undefined) break;
      this.statuses = this.statuses.filter((kept) => kept !== oldest);
      this.#end(
        (wait) => wait.serviceError === undefined && wait.runs.includes(oldest.runId),
        () => 'RUNNER_UNKNOWN_RUN',
      );
    }
    return status.runId;
  }

  update(update: RunStatus): string {
    const old = this.statuses.find(({ runId }) => runId === update.runId);
    if (old === undefined) return 'RUNNER_UNKNOWN_RUN';
    if (isTerminal(old.state)) return 'dropped';
    if (!canMove(old.state, update.state)) return 'RUNNER_ILLEGAL_MOVE';
    const status = { ...update };
    for (const field of ['jobId', 'taskId', 'tag', 'stdoutRef', 'stderrRef'] as const) {
      if (status[field] === '') Object.assign(status, { [field]: old[field] });
    }
    this.statuses = this.statuses.map((kept) => (kept === old ? status : kept));
    this.#written(status);
    return 'accepted';
  }

  updateService(error: string): void {
    this.serviceError = error;
    this.#end(
      (wait) => wait.serviceError === error,
      () => `service ${error}`,
    );
  }

  query(name: string, query: ModelQuery): void {
    const answer = this.#answerNow(query);
    if (answer !== undefined) {
      this.log.push(`${this.nowMs} ${name} ${answer}`);
      return;
    }
    const cancelled = query.signal !== undefined && this.#aborted.has(query.signal);
    const dueMs = this.nowMs + (cancelled ? 0 : query.timeoutMs);
    this.waits.push({ ...query, name, dueMs, made: this.#nextMade(), cancelled });
  }

  cancel(signal: number): void {
    if (this.#aborted.has(signal)) return;
    this.#aborted.add(signal);
    for (const wait of this.waits) {
      if (wait.signal === signal) {
        Object.assign(wait, { cancelled: true, dueMs: this.nowMs, made: this.#nextMade() });
      }
    }
  }

  /** Does something after `ms`, before the end of that instant. */
  later(ms: number, act: () => void): void {
    this.scheduled.push({ atMs: this.nowMs + ms, made: this.#nextMade(), act });
  }

  close(): void {
    this.#isClosed = true;
    this.#end(
      () => true,
      () => 'RUNNER_RELEASED',
    );
  }

  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const acts = this.scheduled.map(({ atMs, made, act }) => ({ atMs, late: 0, made, act }));
      const ends = this.waits.map((wait) => ({
        atMs: wait.dueMs,
        late: 1,
        made: wait.made,
        act: () =>
          this.#end(
            (other) => other === wait,
            () => (wait.cancelled ? 'RUNNER_WAIT_CANCELLED' : this.#expiry(wait)),
          ),
      }));
      const [next] = [...acts, ...ends].sort((a, b) => a.atMs - b.atMs || a.late - b.late || a.made - b.made);
      if (next === undefined || next.atMs > untilMs) break;
      this.nowMs = next.atMs;
      this.scheduled = this.scheduled.filter(({ made }) => made !== next.made);
      next.act();
    }
    this.nowMs = untilMs;
  }

  /** How many timers there must be. */
  get timers(): number {
    return this.scheduled.length + this.waits.filter(({ dueMs }) => dueMs !== Infinity).length;
  }

  #expiry({ serviceError }: ModelQuery): string {
    return serviceError === undefined ? `nothing @${this.serviceError}` : 'service none';
  }

  #answerNow(query: ModelQuery): string | undefined {
    if (query.serviceError !== undefined) {
      if (query.serviceError === this.serviceError) return `service ${this.serviceError}`;
      return query.timeoutMs === 0 ? 'service none' : this.#refusal();
    }
    return this.#answerRuns(query);
  }

  #answerRuns({ runs, allRuns, states, timeoutMs }: ModelQuery): string | undefined {
    const listed = [...new Set(runs)].map((id) => this.statuses.find(({ runId }) => runId === id));
    const known = listed.filter((status) => status !== undefined);
    if (known.length < listed.length) return 'RUNNER_UNKNOWN_RUN';
    const matches = (allRuns ? this.statuses : known).filter(({ state }) => maskMatches(states, state));
    if (matches.length > 0 || timeoutMs === 0 || (!allRuns && known.length === 0)) {
      const found = matches.map(({ runId, state }) => `${runId} ${state}`).join(', ');
      return `${found || 'nothing'} @${this.serviceError}`;
    }
    if (!allRuns && known.every(({ state }) => isTerminal(state))) return 'RUNNER_CANNOT_HAPPEN';
    return this.#refusal();
  }

  #refusal(): string | undefined {
    return this.#isClosed ? 'RUNNER_RELEASED' : undefined;
  }

  #written({ runId, state }: RunStatus): void {
    const isLive = (id: RunID): boolean =>
      this.statuses.some((status) => status.runId === id && !isTerminal(status.state));
    const isMet = ({ allRuns, runs, states, serviceError }: ModelWait): boolean =>
      serviceError === undefined && (allRuns || runs.includes(runId)) && maskMatches(states, state);
    const isDoomed = ({ allRuns, runs, serviceError }: ModelWait): boolean =>
      serviceError === undefined && !allRuns && !runs.some(isLive);
    this.#end(
      (wait) => isMet(wait) || isDoomed(wait),
      (wait) => (isMet(wait) ? `${runId} ${state} @${this.serviceError}` : 'RUNNER_CANNOT_HAPPEN'),
    );
  }

  #end(ends: (wait: ModelWait) => boolean, outcome: (wait: ModelWait) => string): void {
    for (const wait of this.waits.filter(ends)) this.log.push(`${this.nowMs} ${wait.name} ${outcome(wait)}`);
    this.waits = this.waits.filter((wait) => !ends(wait));
  }

  #nextMade(): number {
    this.#made += 1;
    return this.#made;
  }
}
