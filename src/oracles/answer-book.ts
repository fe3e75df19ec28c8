/**
 * What the answers of one runner have shown of its runs, and when. Invariant: of each run at most three statuses are kept (PENDING,
 * RUNNING, its end), each with the moment from which on nobody may be shown less.
 */
import type { Query } from '../model/query.ts';
import { canMove, isTerminal } from '../model/run-state.ts';
import { STATUS_FIELDS, type RunID, type RunStatus } from '../model/run-status.ts';
import { maskMatches } from '../model/state-mask.ts';
import type { ServiceReach } from './service-reach.ts';

/** A status that was shown, and the mark from which on it is known. */
interface Shown {
  readonly status: RunStatus;
  readonly mark: number;
}

/** Remembers and compares. */
export class AnswerBook {
  readonly complain: (rule: string, message: string) => void;
  readonly #reach: ServiceReach;
  readonly #runs = new Map<RunID, Shown[]>();
  readonly #accepted = new Set<RunID>();
  readonly #open = new Set<RunID>();
  readonly #active = new Set<RunID>();
  #mark = 0;

  constructor(complain: (rule: string, message: string) => void, reach: ServiceReach) {
    this.complain = complain;
    this.#reach = reach;
  }

  /** Whether a run was last shown as RUNNING. */
  get hasActive(): boolean {
    return this.#active.size > 0;
  }

  /** Whether a run was accepted whose end was not shown. */
  get hasOpen(): boolean {
    return this.#open.size > 0;
  }

  /** Now: an answer to a call that begins here may not show less than what is known here. */
  mark(): number {
    this.#mark += 1;
    return this.#mark;
  }

  /** Whether the end of a run was shown. */
  isOver(runId: RunID): boolean {
    const last = this.#runs.get(runId)?.at(-1);
    return last !== undefined && isTerminal(last.status.state);
  }

  /** Whether a run that was shown last in such a state would meet this query. */
  matches({ runs, allRuns, states }: Query): boolean {
    const ids = allRuns === true ? [...this.#runs.keys()] : (runs ?? []);
    return ids.some((runId) => {
      const last = this.#runs.get(runId)?.at(-1);
      return last !== undefined && maskMatches(states, last.status.state);
    });
  }

  /** A run that was accepted; others may have seen it before its caller. */
  accept(status: RunStatus, since: number): void {
    if (this.#accepted.has(status.runId)) this.complain('R44', `run id ${status.runId} was given twice`);
    this.#accepted.add(status.runId);
    this.see('run', status, since);
  }

  /** A status that `call` shows, which began at `since`; of the run that was asked for, if there was one. */
  see(call: string, status: RunStatus, since: number, asked: RunID = status.runId): void {
    const { runId, state } = status;
    if (runId !== asked) {
      this.complain('R207', `${call} of run ${asked} shows run ${runId}`);
      return;
    }
    const shown = this.#runs.get(runId) ?? [];
    const floor = shown.findLast(({ mark }) => mark <= since)?.status;
    const last = shown.at(-1)?.status;
    if (last !== undefined && isTerminal(last.state) && isTerminal(state)) {
      this.#checkSame(call, last, status);
    } else if (floor !== undefined) this.#checkForward(call, floor, status);
    if (last !== undefined && !isAhead(last, status)) return;
    // A copy: a status is a value, but a runner that is being tested may not know it.
    shown.push({ status: { ...status }, mark: this.mark() });
    this.#runs.set(runId, shown);
    this.#keep(status);
  }

  /** An answer about all runs, in order of acceptance (R37): whatever has started leaves nothing open before it. */
  seeAll(call: string, statuses: readonly RunStatus[]): void {
    const open = statuses.filter(({ state }) => !isTerminal(state));
    const late = open.find(({ state }, index) => index > 0 && state === 'RUNNING');
    const [first] = open;
    if (late === undefined || first === undefined) return;
    const both = first.state === 'RUNNING' ? 'two active runs' : 'a run that overtook another';
    this.complain(
      'R67',
      `${call} shows ${both}: ${first.runId} ${first.state} and ${late.runId} ${late.state}`,
    );
  }

  #keep({ runId, state, exitCode }: RunStatus): void {
    if (!isTerminal(state)) {
      this.#open.add(runId);
      if (state === 'RUNNING') this.#active.add(runId);
      return;
    }
    this.#open.delete(runId);
    this.#active.delete(runId);
    if (state === 'COMPLETE') {
      this.#reach.note(exitCode === 0 ? 'end COMPLETE 0' : 'end COMPLETE with another exit code');
    } else if (state !== 'UNKNOWN' && state !== 'PENDING' && state !== 'RUNNING') {
      this.#reach.note(`end ${state}`);
    }
  }

  #checkSame(call: string, before: RunStatus, after: RunStatus): void {
    const field = STATUS_FIELDS.find((name) => before[name] !== after[name]);
    if (field === undefined) return;
    const [was, is] = [JSON.stringify(before[field]), JSON.stringify(after[field])];
    this.complain(
      'R200',
      `run ${after.runId} had ended with ${field} ${was}, and ${call} shows ${field} ${is}`,
    );
  }

  #checkForward(call: string, before: RunStatus, after: RunStatus): void {
    const { runId, state } = after;
    if (before.state !== state && !canMove(before.state, state)) {
      this.complain('R4', `run ${runId} was known to be ${before.state}, and ${call} shows ${state}`);
      return;
    }
    for (const ref of ['stdoutRef', 'stderrRef'] as const) {
      if (before[ref] !== '' && after[ref] === '') {
        this.complain('R206', `run ${runId} had ${ref} ${before[ref]}, and ${call} shows none`);
      }
    }
  }
}

/** Whether a status says more than another one of the same run. */
function isAhead(before: RunStatus, after: RunStatus): boolean {
  if (isTerminal(before.state)) return false;
  if (before.state === after.state) return before.stdoutRef === '' && after.stdoutRef !== '';
  return after.state !== 'PENDING';
}
