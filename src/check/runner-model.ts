/**
 * A pure model of the runner contract: it knows what was asked of a runner and decides which observations are legal. It
 * predicts no race; it accepts exactly the outcomes that some order of events allows. Invariant: it never accesses the
 * runner itself.
 */
import * as is from '../kernel/shape.ts';
import { parseSimScript } from '../execers/sim-script.ts';
import type { SimStep } from '../execers/sim-step.ts';
import { check } from '../kernel/argument-check.ts';
import { shownText } from '../kernel/errors.ts';
import { checkCommand, type Command } from '../model/command.ts';
import { EXIT_CODES } from '../model/exit-code.ts';
import { counted } from '../model/plural.ts';
import { canMove, isTerminal, type RunState } from '../model/run-state.ts';
import type { RunID, RunStatus } from '../model/run-status.ts';
import { ContractBrokenError } from '../oracles/contract-broken-error.ts';
import { isAhead } from '../oracles/watch-answers.ts';

/** What is known of an accepted run. */
export interface ModelRun {
  readonly runId: RunID;
  readonly command: Command;
  /** How the command ends if it is not stopped; undefined if it never does. */
  readonly end: NaturalEnd | undefined;
  /** The last status seen. */
  readonly seen: RunStatus;
  readonly abortAsked: boolean;
}

/** A status that was seen, and the mark from which on no answer may show less. */
interface SeenStatus {
  readonly status: RunStatus;
  readonly mark: number;
}

/** The model of one runner. See {@link runnerProperty}. */
export class RunnerModel {
  /** How many runs the runner has room for, the active one included. */
  readonly capacity: number;
  readonly #runs = new Map<RunID, ModelRun>();
  /** At most three of each run: PENDING, RUNNING, its end. */
  readonly #seen = new Map<RunID, SeenStatus[]>();
  #mark = 0;
  #isReleased = false;

  /** @param capacity the capacity of the runner under test, the active run included (R58); 0 means 1 (R59). */
  constructor(capacity: number) {
    check('capacity', capacity, is.COUNT);
    this.capacity = Math.max(1, capacity);
  }

  /** Ids in order of acceptance. */
  get runIds(): readonly RunID[] {
    return [...this.#runs.keys()];
  }

  get isReleased(): boolean {
    return this.#isReleased;
  }

  /** Number of runs not seen terminal yet; some of them may be over by now. */
  get unfinished(): number {
    return [...this.#runs.values()].filter(({ seen }) => !isTerminal(seen.state)).length;
  }

  /** The runs, in order of acceptance. */
  get runs(): readonly ModelRun[] {
    return [...this.#runs.values()];
  }

  /** The current point in time: an answer to a call that begins now may not show less than what is known now. */
  mark(): number {
    this.#mark += 1;
    return this.#mark;
  }

  /**
   * Whether a run certainly ends without another stop: it, and all runs before it in the queue, are over, stopped or
   * have an end.
   */
  isSureToEnd(runId: RunID): boolean {
    if (this.#isReleased) return this.#runs.has(runId);
    for (const run of this.#runs.values()) {
      const { command, end, seen, abortAsked } = run;
      const hasEnd = (command.timeoutMs ?? 0) > 0 || end !== undefined;
      if (!hasEnd && !abortAsked && !isTerminal(seen.state)) return false;
      if (run.runId === runId) return true;
    }
    return false;
  }

  /** The `index`-th run whose end was not seen, modulo their number; any other run if there is none. */
  openAt(index: number): ModelRun | undefined {
    check('index', index, is.COUNT);
    const open = [...this.#runs.values()].filter(({ seen }) => !isTerminal(seen.state));
    return open[index % open.length] ?? this.runAt(index);
  }

  /** The `index`-th run, modulo their number; undefined if there is none. */
  runAt(index: number): ModelRun | undefined {
    check('index', index, is.COUNT);
    const runs = [...this.#runs.values()];
    return runs[index % runs.length];
  }

  /**
   * Records that a command was accepted. `end` is how it ends by itself; by default as the sim script in its argv says.
   *
   * @throws ContractBrokenError if the runner may not accept now, or with this status (R44, R58, R65, R84).
   */
  accepted(command: Command, status: RunStatus, ...given: readonly [end?: NaturalEnd | undefined]): void {
    this.#checkOffer(command, status);
    this.#expect(!isTerminal(status.state), 'R65', `a new run came back as ${status.state}`);
    const [end] = given.length === 0 ? [naturalEnd(command)] : given;
    this.#add({ runId: status.runId, command, end, seen: status, abortAsked: false });
  }

  /**
   * Records a listed run whose acceptance was lost; it may be over by now. `end` as in `accepted`.
   *
   * @throws ContractBrokenError as `accepted`, or if the run may not have ended like this.
   */
  found(command: Command, status: RunStatus, end: NaturalEnd | undefined): void {
    this.#checkOffer(command, status);
    const run = { runId: status.runId, command, end, seen: status, abortAsked: false };
    this.#checkEnd(run, status);
    this.#add(run);
  }

  #add(run: ModelRun): void {
    this.#runs.set(run.runId, run);
    this.#seen.set(run.runId, [{ status: run.seen, mark: this.mark() }]);
  }

  #checkOffer(command: Command, status: RunStatus): void {
    checkCommand(command);
    // Checks no more than that: its contents are what the model judges.
    check('status', status, is.readable('a run status'));
    this.#expect(!this.#isReleased, 'R84', `run ${status.runId} was accepted after the release`);
    this.#expect(!this.#runs.has(status.runId), 'R44', `run id ${status.runId} was given twice`);
    const { tag = '' } = command;
    this.#expect(status.tag === tag, 'R46', `run ${status.runId} has tag ${status.tag}, not ${tag}`);
  }

  /**
   * Records a refusal. `since` is the `mark` at which the offer began. Default: it is as of now.
   *
   * @throws ContractBrokenError if the runner had to accept: it was idle and not released (R64, R69).
   */
  rejected(code: string, since: number = this.mark()): void {
    check('code', code, is.text('the code of an error'));
    check('since', since, is.COUNT);
    if (this.#isReleased) {
      this.#expect(code === 'RUNNER_RELEASED', 'R84', `a released runner refused with ${code}`);
      return;
    }
    this.#expect(code === 'RUNNER_BUSY', 'R64', `an initialized, healthy runner refused with ${code}`);
    const taken = this.#unfinishedAt(since);
    this.#expect(
      taken >= this.capacity,
      'R69',
      `it refused as full with ${taken} of ${this.capacity} slots taken`,
    );
  }

  /** Number of runs whose ends were not known at a mark. */
  #unfinishedAt(since: number): number {
    const isOver = ({ mark, status }: SeenStatus): boolean => mark <= since && isTerminal(status.state);
    return [...this.#seen.values()].filter((seen) => !seen.some(isOver)).length;
  }

  /** Records that an abort was called; ABORTED is legal from now on. */
  abortAsked(runId: RunID): void {
    const run = this.#runs.get(runId);
    if (run !== undefined) this.#runs.set(runId, { ...run, abortAsked: true });
  }

  /** Records that a release was called; it counts as an abort of every run (R203). */
  releaseAsked(): void {
    this.#isReleased = true;
    for (const { runId } of [...this.#runs.values()]) this.abortAsked(runId);
  }

  /**
   * Records a status of a run. `since` is the `mark` at which the call that shows it began: of calls that overlap, the
   * answer to the earlier one may come last. Default: it is as of now.
   *
   * @throws ContractBrokenError if it is not legal now.
   */
  saw(status: RunStatus, since: number = this.mark()): void {
    check('status', status, is.readable('a run status'));
    check('since', since, is.COUNT);
    const run = this.#runs.get(status.runId);
    if (run === undefined) {
      throw new ContractBrokenError('R26', `it shows run ${status.runId}, which nobody started`);
    }
    const seen = this.#seen.get(status.runId) ?? [];
    const isSecondEnd = isTerminal(run.seen.state) && isTerminal(status.state);
    const before = isSecondEnd ? run.seen : seen.findLast(({ mark }) => mark <= since)?.status;
    if (before !== undefined) this.#checkMove(before, status);
    this.#checkEnd(run, status);
    if (!isAhead(run.seen, status)) return;
    this.#runs.set(status.runId, { ...run, seen: status });
    seen.push({ status, mark: this.mark() });
  }

  /**
   * Records an answer of `call` that lists runs, all as of one moment. `since` as in `saw`.
   *
   * @throws ContractBrokenError if more of them are unfinished than there is room for (R58), or as `saw`.
   */
  sawTogether(call: string, statuses: readonly RunStatus[], since: number = this.mark()): void {
    check('statuses', statuses, is.LIST);
    for (const status of statuses) this.saw(status, since);
    const open = statuses.filter(({ state }) => !isTerminal(state));
    if (open.length <= this.capacity) return;
    const shown = open.map(({ runId, state }) => `run ${runId} ${state}`).join(', ');
    const expected = `at most ${counted(this.capacity, 'run')} not over at once`;
    throw new ContractBrokenError(
      'R58',
      `${shownText(call)}: expected ${expected}, got ${open.length}: ${shown}`,
    );
  }

  /** @throws ContractBrokenError unless every accepted run is over. */
  allOver(): void {
    for (const { runId, seen } of this.#runs.values()) {
      this.#expect(isTerminal(seen.state), 'R200', `run ${runId} is still ${seen.state} after the release`);
    }
  }

  #checkMove(before: RunStatus, after: RunStatus): void {
    const { runId } = after;
    if (isTerminal(before.state)) {
      for (const field of ['state', 'exitCode', 'error'] as const) {
        const [was, now] = [before, after].map((status) => JSON.stringify(status[field])) as [string, string];
        this.#expect(was === now, 'R4', `run ${runId} had ended with ${field} ${was}, and now has ${now}`);
      }
      return;
    }
    const isLegal = before.state === after.state || canMove(before.state, after.state);
    this.#expect(isLegal, 'R4', `run ${runId} went from ${before.state} to ${after.state}`);
    this.#expect(
      before.stdoutRef === '' || after.stdoutRef !== '',
      'R206',
      `run ${runId} lost its stdoutRef`,
    );
  }

  #checkEnd({ command, end, abortAsked }: ModelRun, { runId, state, exitCode, error }: RunStatus): void {
    const { timeoutMs = 0 } = command;
    if (state === 'ABORTED') {
      this.#expect(abortAsked, 'R203', `run ${runId} is ABORTED and nobody asked for it`);
    }
    if (state === 'TIMEDOUT') {
      this.#expect(timeoutMs > 0, 'R203', `run ${runId} is TIMEDOUT and has no timeout`);
    }
    if (state !== 'COMPLETE' && state !== 'FAILED') return;
    const isExpected = end?.state === state && end.exitCode === exitCode;
    this.#expect(
      isExpected,
      'R110',
      `run ${runId} ended as ${state} ${exitCode}, its script as ${end?.state} ${end?.exitCode}`,
    );
    const rule = end?.signal === undefined ? 'R110' : 'R124';
    const part = end?.error ?? '';
    this.#expect(
      error.includes(part),
      rule,
      `run ${runId} has error ${JSON.stringify(error)}, without ${JSON.stringify(part)}`,
    );
  }

  #expect(condition: boolean, rule: string, message: string): void {
    if (!condition) throw new ContractBrokenError(rule, message);
  }
}

/** How a script ends if it is not stopped. */
export interface NaturalEnd {
  readonly state: RunState;
  readonly exitCode: number;
  /** The signal that it dies of. */
  readonly signal?: string;
  /** What its error contains. */
  readonly error?: string;
  /** Everything that it writes until then. */
  readonly stdout: string;
  readonly stderr: string;
}

/** How a script ends if it is not stopped; undefined if it never does. */
export function naturalEnd({ argv }: Command): NaturalEnd | undefined {
  const wrote = { stdout: '', stderr: '' };
  for (const step of parseSimScript(argv)) {
    if (step.op === 'stdout' || step.op === 'stderr') wrote[step.op] += step.text;
    if (step.op === 'hang' || step.op === 'pause') return undefined;
    const end = endOf(step);
    if (end !== undefined) return { ...end, ...wrote };
  }
  return { state: 'COMPLETE', exitCode: 0, ...wrote };
}

function endOf(step: SimStep): Omit<NaturalEnd, 'stdout' | 'stderr'> | undefined {
  if (step.op === 'complete') return { state: 'COMPLETE', exitCode: step.exitCode };
  if (step.op === 'fail') {
    // A process that is lost without a code of its own gets that of the rule (R110).
    return { state: 'FAILED', exitCode: step.exitCode || EXIT_CODES.POST_EXEC, error: 'error execing: ' };
  }
  if (step.op === 'signal') {
    return { state: 'COMPLETE', exitCode: -1, signal: step.signal, error: step.signal };
  }
  return undefined;
}
