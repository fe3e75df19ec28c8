/**
 * Clients that read and wait in every way, over whatever says the same as a status store: the store, a runner, something in front of one.
 * Each answer is compared with the model's, in its instant and in the order in which waits are to end. Invariant: it writes nothing.
 */
import {
  ABORTED_MASK,
  ALL_MASK,
  COMPLETE_MASK,
  DONE_MASK,
  FAILED_MASK,
  finalStatus,
  isRunnerError,
  type LegacyStatusReader,
  maskForState,
  PENDING_MASK,
  type Query,
  RUN_STATES,
  RUNNING_MASK,
  type RunStatus,
  type Simulation,
  singleStatus,
  statusAll,
  statusNow,
  type StateMask,
  type StatusQuerier,
  TIMEDOUT_MASK,
  UNKNOWN_MASK,
  type Wait,
  waitForever,
  waitForState,
} from 'dryrunner';
import { pick, rarely } from '../zoo/odds.ts';
import {
  difference,
  type ModelWait,
  type Outcome,
  type StoreModel,
  textOf,
  type WaitShape,
} from './store-model.ts';

const MASKS: readonly StateMask[] = [
  DONE_MASK,
  RUNNING_MASK,
  PENDING_MASK,
  ALL_MASK,
  COMPLETE_MASK,
  FAILED_MASK,
  ABORTED_MASK,
  TIMEDOUT_MASK,
  UNKNOWN_MASK,
  maskForState('PENDING', 'RUNNING'),
  maskForState('FAILED', 'UNKNOWN'),
  maskForState(),
];

/** What readers must have seen in some execution. */
export const READ_AND_REACHED = [
  'a wait is met',
  'a wait on all runs is met',
  'a wait is met at its deadline',
  'a wait is met in the instant of its cancel',
  'a wait expires',
  'a wait is cancelled',
  'a wait cannot be met any more',
] as const;

/** What can be read and waited on. */
export type Readable = StatusQuerier & LegacyStatusReader;

/** All who read and wait on one thing. */
export class Readers {
  readonly #sim: Simulation;
  readonly #of: Readable;
  readonly #model: StoreModel;
  readonly #open = new Set<string>();
  readonly #background: Promise<void>[] = [];
  readonly #signals: AbortController[] = [new AbortController(), new AbortController()];
  #lastExpiryMs = -1;
  #calls = 0;

  constructor(sim: Simulation, of: Readable, model: StoreModel) {
    this.#sim = sim;
    this.#of = of;
    this.#model = model;
  }

  /** Lets time pass, and looks at what must be over by then. */
  async sleep(ms: number): Promise<void> {
    await this.#sim.sleep(ms);
    // What a timer of this instant does comes before the end of the instant, where waits expire (R35).
    const isEarly = ms > 0 && this.#lastExpiryMs === this.#sim.now();
    this.check(!isEarly, 'R35 a wait has ended before what was due at its deadline');
    this.atEvent();
  }

  /** Reads in one of all ways. */
  async read(name: string): Promise<void> {
    const { query, runId } = this.drawQuery(name);
    const ways = ['queryNow', 'status', 'statusAll', 'statusNow', 'statusAll of a querier'] as const;
    const way = pick(this.#sim, `${name} reads by`, ways, 1);
    const model = this.#model;
    const all = model.answer({ allRuns: true, states: ALL_MASK }, 0) as Outcome;
    switch (way) {
      case 'queryNow':
        return this.atOnce(way, () => this.#of.queryNow(query), model.answer(query, 0) as Outcome);
      case 'status':
        return this.atOnce(way, () => this.#of.status(runId), this.one(runId));
      case 'statusNow':
        return this.atOnce(way, () => statusNow(this.#of, runId), this.one(runId));
      case 'statusAll':
        return this.atOnce(way, () => this.#of.statusAll(), all);
      case 'statusAll of a querier':
        return this.atOnce(way, () => statusAll(this.#of), all);
    }
  }

  /** What a read of one run comes to. */
  one(runId: string): Outcome {
    const model = this.#model;
    return model.runs.has(runId)
      ? { value: { status: model.status(runId), service: model.service } }
      : { code: 'RUNNER_UNKNOWN_RUN', text: `unknown run id ${runId}` };
  }

  /** Begins to wait in one of all ways; rarely the wait is awaited. */
  async wait(name: string): Promise<void> {
    const sim = this.#sim;
    const helper = pick(sim, `${name} waits by`, ['query', 'finalStatus', 'waitForState'] as const, 4);
    const { query: drawn, runId } = this.drawQuery(name);
    const wait = this.drawWait(name);
    if (helper === 'query') {
      const runs = drawn.runs?.slice();
      const kept = { ...drawn, ...(runs === undefined ? {} : { runs }) };
      const what = `query ${textOf(drawn)} ${wait.timeoutMs}`;
      const result = this.#begin(what, () => this.#of.query(kept, { ...wait }), drawn, wait, helper);
      // The query is the caller's own, to change after the call.
      runs?.splice(0);
      Object.assign(kept, { states: ALL_MASK });
      if (wait.timeoutMs < Infinity && rarely(sim, `${name} awaits it`, 2)) await result;
      return;
    }
    const state = pick(sim, `${name} state to come`, RUN_STATES, 1);
    const states = helper === 'finalStatus' ? DONE_MASK : maskForState(state);
    const ask = (): Promise<unknown> =>
      helper === 'finalStatus'
        ? finalStatus(this.#of, runId, wait.signal)
        : waitForState(this.#of, runId, state, wait.signal);
    const query = { runs: [runId], states };
    void this.#begin(`${helper} ${runId} ${state}`, ask, query, waitForever(wait.signal), helper);
  }

  /** Aborts a signal that waits may share. */
  cancel(name: string): void {
    const index = pick(this.#sim, `${name} signal`, [0, 1], 1);
    (this.#signals[index] as AbortController).abort('no longer wanted');
    if (rarely(this.#sim, `${name} new signal`, 2)) this.#signals[index] = new AbortController();
  }

  /** All waits have ended. */
  async over(): Promise<void> {
    await Promise.all(this.#background);
    this.atEvent();
  }

  /** A wait from its beginning to its end; it ends by what has decided about it, by its deadline or by its signal, and at that time. */
  async awaits(what: string, promise: Promise<unknown>, waiting: ModelWait, { signal }: Wait): Promise<void> {
    const onAbort = (): void => void (waiting.cancelledAtMs ??= this.#sim.now());
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener('abort', onAbort);
    const outcome = await settled(promise);
    signal?.removeEventListener('abort', onAbort);
    if (waiting.decided === undefined) this.#expired(what, outcome, waiting);
    else this.#decided(what, outcome, waiting, waiting.decided);
  }

  /** Something that is answered in the instant in which it is asked. */
  async atOnce(what: string, ask: () => Promise<unknown>, expected: Outcome): Promise<void> {
    const at = this.#sim.now();
    this.#calls += 1;
    const call = `${what} (${this.#calls})`;
    this.#open.add(call);
    const outcome = await settled(ask());
    this.#open.delete(call);
    this.check(this.#sim.now() === at, `R29 ${what} was answered at ${this.#sim.now()}, and asked at ${at}`);
    this.same(what, outcome, expected);
    // What is returned is the caller's: nothing that it does with it changes what is read (R39).
    const { statuses } = (('value' in outcome ? outcome.value : undefined) ?? {}) as {
      statuses?: RunStatus[];
    };
    if (statuses !== undefined && !Object.isFrozen(statuses)) statuses.length = 0;
  }

  /** Waits that may be left behind; what fails in there has failed the simulation already. */
  keep(wait: Promise<void>): Promise<void> {
    this.#background.push(wait);
    wait.catch(() => undefined);
    return wait;
  }

  /** At an event all that was decided before has reached those who wait, and nobody has missed an end. */
  atEvent(): void {
    const now = this.#sim.now();
    this.check(this.#model.decided.length === 0, 'R54 a wait that was to end has not ended');
    this.check(this.#open.size === 0, `R29 not answered at once: ${[...this.#open].join()}`);
    const isLate = (wait: ModelWait): boolean =>
      Math.min(wait.deadlineMs, wait.cancelledAtMs ?? Infinity) < now;
    const late = [...this.#model.waits].find(isLate);
    this.check(
      late === undefined,
      `R31 a wait did not end by ${late?.deadlineMs}, or by its cancel at ${late?.cancelledAtMs}`,
    );
  }

  /** Equal, but for texts that the model does not know. */
  same(what: string, given: Outcome, expected: Outcome): void {
    const isSame =
      'code' in given && 'code' in expected
        ? given.code === expected.code && (expected.text === undefined || given.text === expected.text)
        : textOf(given) === textOf(expected);
    this.check(isSame, `${what} came to ${difference(textOf(given), textOf(expected))}`);
  }

  check(condition: boolean, message: string): void {
    this.#sim.check(condition, message);
  }

  drawWait(name: string): Wait {
    const timeoutMs = pick(this.#sim, `${name} timeout`, [5, 10, 20, 0, Infinity], 1);
    const signal = pick(this.#sim, `${name} signal of wait`, [-1, 0, 1], 1);
    return signal < 0
      ? { timeoutMs }
      : { timeoutMs, signal: (this.#signals[signal] as AbortController).signal };
  }

  drawQuery(name: string): { readonly query: Query; readonly runId: string } {
    const sim = this.#sim;
    const states = pick(sim, `${name} mask`, MASKS, 3);
    const runId = this.pickRun(name);
    const which = pick(sim, `${name} asks for`, ['one', 'some', 'all', 'both', 'none', 'twice'], 2);
    if (which === 'one') return { query: { runs: [runId], states }, runId };
    if (which === 'all') return { query: { allRuns: true, states }, runId };
    if (which === 'none') return { query: { states }, runId };
    if (which === 'both') return { query: { runs: [runId], allRuns: true, states }, runId };
    const other = this.pickRun(name);
    if (which === 'twice') return { query: { runs: [runId, other, runId], allRuns: false, states }, runId };
    return { query: { runs: [other, runId], states }, runId };
  }

  /** The newest first; once in `oneIn` one that is not there, or not any more. */
  pickRun(name: string, oneIn = 10): string {
    const known = [...this.#model.runs.keys()].reverse();
    if (known.length === 0 || rarely(this.#sim, `${name} unknown run`, oneIn)) {
      return pick(this.#sim, `${name} which unknown`, ['0', 'nobody', ''], 1);
    }
    return pick(this.#sim, `${name} run`, known, 1);
  }

  #begin(
    what: string,
    ask: () => Promise<unknown>,
    query: Query,
    wait: Wait,
    shape: WaitShape,
  ): Promise<void> {
    const answer = this.#model.answer(query, wait.timeoutMs);
    if (answer !== undefined) {
      const isOne = shape !== 'query' && 'value' in answer;
      const expected = isOne ? { value: singleStatus(answer.value as never) } : answer;
      return this.keep(this.atOnce(what, ask, expected));
    }
    const waiting = this.#model.wait(query, wait.timeoutMs, shape);
    return this.keep(this.awaits(what, ask(), waiting, wait));
  }

  #decided(what: string, outcome: Outcome, waiting: ModelWait, decided: Outcome): void {
    const model = this.#model;
    const next = model.decided.find(({ shape }) => shape === waiting.shape);
    this.check(next === waiting, `R54 ${what} has ended out of turn`);
    model.decided.splice(model.decided.indexOf(waiting), 1);
    this.same(what, outcome, decided);
    this.#noteDecided(waiting, decided);
  }

  #expired(what: string, outcome: Outcome, waiting: ModelWait): void {
    const now = this.#sim.now();
    this.check(this.#model.waits.delete(waiting), `${what} ended twice`);
    if (this.#model.isClosing && 'code' in outcome && outcome.code === 'RUNNER_RELEASED') {
      this.check(this.#model.isStill, `R85 ${what} was ended by a release that is not over`);
      this.#sim.sometimes('a wait is ended by the release');
      return;
    }
    this.#lastExpiryMs = now;
    const { cancelledAtMs, deadlineMs } = waiting;
    if ('code' in outcome && outcome.code === 'RUNNER_WAIT_CANCELLED') {
      this.check(
        cancelledAtMs === now,
        `R34 ${what} was cancelled at ${cancelledAtMs}, and ends as such at ${now}`,
      );
      this.#sim.sometimes('a wait is cancelled');
      return;
    }
    this.check(
      deadlineMs === now,
      `R31 ${what}: expected to wait for a match ${deadlineMs === Infinity ? 'without a deadline' : `until its deadline at ${deadlineMs} ms`}, got at ${now} ms: ${endText(outcome)}`,
    );
    this.same(what, outcome, this.#model.expiry(waiting));
    this.#sim.sometimes('a wait expires');
  }

  #noteDecided({ shape, deadlineMs, cancelledAtMs, query }: ModelWait, decided: Outcome): void {
    const sim = this.#sim;
    if ('value' in decided) {
      sim.sometimes(shape === 'service' ? 'a wait on the service is met' : 'a wait is met');
      if (deadlineMs === sim.now()) sim.sometimes('a wait is met at its deadline');
      if (cancelledAtMs === sim.now()) sim.sometimes('a wait is met in the instant of its cancel');
      if (query?.allRuns === true) sim.sometimes('a wait on all runs is met');
      return;
    }
    if (decided.code === 'RUNNER_CANNOT_HAPPEN') sim.sometimes('a wait cannot be met any more');
    if (decided.code === 'RUNNER_UNKNOWN_RUN') sim.sometimes('what is waited for is evicted');
    if (decided.code === 'RUNNER_RELEASED') sim.sometimes('a wait is ended by the close');
    if (decided.code === '') sim.sometimes('a predicate throws in a wait');
  }
}

/** What a promise comes to, as data. */
export function settled(promise: Promise<unknown>): Promise<Outcome> {
  return promise.then((value): Outcome => ({ value }), refusalOf);
}

/** What a call comes to, as data. */
export function outcomeOf(act: () => unknown): Outcome {
  try {
    return { value: act() };
  } catch (error) {
    return refusalOf(error);
  }
}

function refusalOf(error: unknown): Outcome {
  const text = error instanceof Error ? error.message : String(error);
  return { code: isRunnerError(error) ? error.code : '', text };
}

/** What a wait came to without a match. */
function endText(outcome: Outcome): string {
  return 'code' in outcome ? `${outcome.code} "${outcome.text ?? ''}"` : textOf(outcome);
}
