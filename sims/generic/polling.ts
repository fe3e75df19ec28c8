/**
 * Pollers with every period, over something that answers at once, later or not at all: each poll comes at its time and asks for what it must, and each wait
 * ends as and when the rules of polling say (R154–R159), also if a caller cancels or releases meanwhile.
 */
import {
  ALL_MASK,
  createPollingQuerier,
  createPollingService,
  defaultRules,
  defineScenario,
  DONE_MASK,
  endCause,
  FAILED_MASK,
  formatMask,
  isTerminal,
  maskForState,
  maskMatches,
  PENDING_MASK,
  type PollingOptions,
  type Query,
  type QueryResult,
  RUNNING_MASK,
  type ScenarioDefinition,
  type Service,
  type Simulation,
  startOrder,
  type StateMask,
  type StatusQueryNower,
  watchRuns,
} from 'dryrunner';
import {
  abortStatus,
  completeStatus,
  createStatusStore,
  runningStatus,
  type StatusStore,
  timeoutStatus,
} from 'dryrunner/kit';
import { pick, pickCount, rarely } from '../zoo/odds.ts';
import { settled } from './readers.ts';
import { difference, type Outcome, textOf } from './store-model.ts';
import { mustRefuse, rounded } from './outcome.ts';

const CLIENTS = 3;
const WAITS = 5;
const WRITES = 6;
const PERIOD_MS_MAX = 10_000;
const PERIODS_MS = [5, 3, 20, 0.5, 10_000, 20_000];
const TIMEOUTS_MS = [50, 0, 12, 5, 30_000, Infinity];
const MASKS: readonly StateMask[] = [
  DONE_MASK,
  RUNNING_MASK,
  FAILED_MASK,
  PENDING_MASK,
  ALL_MASK,
  maskForState(),
];
const REACHED = [
  'a wait is met at its first poll',
  'a wait is met at a later poll',
  'a wait is met at its deadline',
  'a wait ends empty at its deadline',
  'a wait cannot be met any more',
  'a wait on an unknown run is refused',
  'a wait is cancelled in a pause',
  'a wait is cancelled while it asks',
  'a wait is ended by the release',
  'a poll fails',
  'a poll is under way at the deadline',
  'a pause is as long as any can be',
];

/** What makes pollers and services of them. */
export interface Pollers {
  readonly querier: typeof createPollingQuerier;
  readonly service: typeof createPollingService;
}

/** The workload of pollers; `make` makes them. */
export function pollingWorkload(
  make: Pollers = { querier: createPollingQuerier, service: createPollingService },
): ScenarioDefinition<unknown> {
  return defineScenario<unknown>({
    name: 'generic-polling',
    description: 'clients wait by polling, and each poll and each end comes at its time',
    // Here runs may end in any order, and nobody has to abort one that ends as ABORTED.
    options: {
      oracles: [watchRuns(defaultRules.filter((rule) => rule !== startOrder && rule !== endCause))],
    },
    async run(sim) {
      for (const name of REACHED) sim.sometimes(name, false);
      refusesOptions(sim, make);
      await passesOn(sim, make);
      await new PollingWork(sim, make).run();
    },
  });
}

export const polling: ScenarioDefinition<unknown> = pollingWorkload();

const NOBODY: StatusQueryNower = { queryNow: () => Promise.reject(new Error('nobody')) };

/** R158. */
function refusesOptions(sim: Simulation, { querier }: Pollers): void {
  const wrong: readonly unknown[] = [
    { periodMs: 0 },
    { periodMs: -1 },
    { periodMs: NaN },
    { periodMs: Infinity },
    {},
    { periodMs: 5, name: 3 },
  ];
  const options = pick(sim, 'wrong options', wrong, 1, textOf);
  mustRefuse(sim, `R158 ${textOf(options)}`, () => querier(sim.world, NOBODY, options as PollingOptions));
}

/** A service passes on what does not wait, and what its controller says (R159). */
async function passesOn(sim: Simulation, { service }: Pollers): Promise<void> {
  if (!rarely(sim, 'a service', 4)) return;
  const calls: string[] = [];
  const isBroken = rarely(sim, 'is broken', 3);
  const said = (what: string): Promise<never> => {
    calls.push(what);
    return isBroken ? Promise.reject(new Error(what)) : Promise.resolve(what as never);
  };
  const controller = {
    run: ({ argv }: { argv: readonly string[] }) => said(`run ${argv.join()}`),
    abort: (runId: string) => said(`abort ${runId}`),
    release: () => said('release'),
  };
  const store = createStatusStore({ clock: sim.world.clock });
  const { runId } = store.newRun();
  const polled: Service = service(sim.world, controller, store, { periodMs: 5 });
  const is = async (what: string, promise: Promise<unknown>): Promise<void> => {
    const outcome = await settled(promise);
    const meant = isBroken ? { code: '', text: what } : { value: what === 'release' ? undefined : what };
    sim.check(textOf(outcome) === textOf(meant), `R159 ${what} came to ${textOf(outcome)}`);
  };
  await is('run x', polled.run({ argv: ['x'] }));
  await is('abort y', polled.abort('y'));
  const [status] = (await polled.statusAll()).statuses;
  sim.check(
    (await polled.status(runId)).status === status && status.runId === runId,
    'R159 reads pass through',
  );
  const wait = settled(polled.query({ runs: [runId], states: DONE_MASK }, { timeoutMs: 20 }));
  await is('release', polled.release());
  const releasedAtMs = sim.now();
  const ended = await wait;
  const isReleased = 'code' in ended && ended.code === 'RUNNER_RELEASED';
  sim.check(isReleased === !isBroken, `R84 a wait ended with ${textOf(ended)} after the release`);
  if (isReleased) sim.check(sim.now() === releasedAtMs, 'R86 waits end with the release');
  sim.check(calls.join() === 'run x,abort y,release', `R159 the controller was called: ${calls.join()}`);
}

/** A wait as the rules of polling have it. */
interface Expected {
  readonly query: Query;
  readonly deadlineMs: number;
  readonly mayWait: boolean;
  readonly hasSignal: boolean;
  periodMs: number;
  polls: number;
  /** When the next poll comes; undefined while it asks. */
  nextMs: number | undefined;
  /** Whether the next poll is the last, unless something cuts its pause short. */
  isLast: boolean;
  cancelledAtMs: number;
  /** How it is to end, and when. */
  end: { readonly outcome: Outcome; readonly atMs: number } | undefined;
}

/** One poller, whose waits come one after another. */
class Poller {
  readonly #sim: Simulation;
  readonly #name: string;
  readonly #store: StatusStore;
  readonly #querier: ReturnType<typeof createPollingQuerier>;
  readonly #periodMs: number;
  #controller = new AbortController();
  #wait: Expected | undefined;
  #isReleased = false;
  /** When a last poll came, which must be after all else of its instant. */
  lastPollMs = -1;

  constructor(sim: Simulation, { querier }: Pollers, name: string, store: StatusStore) {
    this.#sim = sim;
    this.#name = name;
    this.#store = store;
    this.#periodMs = pick(sim, `${name} period`, PERIODS_MS, 1);
    const options = rarely(sim, `${name} has a name`, 2)
      ? { periodMs: this.#periodMs, name }
      : { periodMs: this.#periodMs };
    this.#querier = querier(sim.world, { queryNow: (query) => this.#polled(query) }, options);
  }

  async live(): Promise<void> {
    const sim = this.#sim;
    const waits = pickCount(sim, `${this.#name} waits`, WAITS);
    for (let at = 0; at < waits; at += 1) {
      const ms = pick(sim, `${this.#name} sleeps`, [0, 5, 10], 1);
      await sim.sleep(ms);
      if (rarely(sim, `${this.#name} asks now`, 5)) await this.#now();
      else await this.#waits();
    }
  }

  cancel(): void {
    const wait = this.#wait;
    const now = this.#sim.now();
    if (wait?.hasSignal === true && !this.#controller.signal.aborted) {
      wait.cancelledAtMs = now;
      if (wait.nextMs !== undefined) {
        wait.nextMs = Math.min(wait.nextMs, now);
        this.#sim.sometimes('a wait is cancelled in a pause');
      }
    }
    this.#controller.abort('enough');
  }

  release(): void {
    this.#isReleased = true;
    if (this.#wait?.nextMs !== undefined) this.#wait.nextMs = Math.min(this.#wait.nextMs, this.#sim.now());
    this.#querier.release();
  }

  /** Nothing is late. */
  atEvent(): void {
    const wait = this.#wait;
    const now = this.#sim.now();
    const next = wait?.nextMs ?? Infinity;
    this.#check(next >= now, `R154 a poll was to come at ${next}, and has not by ${now}`);
    const end = wait?.end?.atMs ?? Infinity;
    this.#check(end >= now, `R156 a wait was to end at ${end}, and has not by ${now}`);
  }

  async #now(): Promise<void> {
    const query = this.#drawQuery();
    const given = await settled(this.#querier.queryNow(query));
    this.#check(!('code' in given) || given.code !== 'RUNNER_RELEASED', 'R84 reads still work');
  }

  async #waits(): Promise<void> {
    const sim = this.#sim;
    const query = this.#drawQuery();
    const timeoutMs = pick(sim, `${this.#name} timeout`, TIMEOUTS_MS, 1);
    const hasSignal = rarely(sim, `${this.#name} signal`, 2);
    if (this.#controller.signal.aborted && !rarely(sim, `${this.#name} old signal`, 3)) {
      this.#controller = new AbortController();
    }
    const listed = new Set(query.runs);
    const isAborted = hasSignal && this.#controller.signal.aborted;
    const wait: Expected = {
      query,
      deadlineMs: rounded(sim.now() + timeoutMs),
      mayWait: timeoutMs > 0 && (query.allRuns === true || listed.size > 0),
      hasSignal,
      periodMs: Math.min(this.#periodMs, PERIOD_MS_MAX),
      polls: 0,
      nextMs: sim.now(),
      isLast: false,
      cancelledAtMs: isAborted ? sim.now() : Infinity,
      end: undefined,
    };
    this.#wait = wait;
    const { signal } = this.#controller;
    const outcome = await settled(
      this.#querier.query(query, hasSignal ? { timeoutMs, signal } : { timeoutMs }),
    );
    this.#wait = undefined;
    this.#ended(wait, outcome);
  }

  #ended(wait: Expected, outcome: Outcome): void {
    const sim = this.#sim;
    const now = sim.now();
    const { end, cancelledAtMs, nextMs } = wait;
    if (end === undefined) {
      // While it asks, a cancel ends it without an answer, in its instant.
      const isCut = nextMs === undefined && cancelledAtMs === now && wait.mayWait;
      const isCancel = 'code' in outcome && outcome.code === 'RUNNER_WAIT_CANCELLED';
      this.#check(
        isCut && isCancel,
        `R154 ${this.#text(wait)} ended with ${textOf(outcome)} at ${now}, before it was to`,
      );
      sim.sometimes('a wait is cancelled while it asks');
      return;
    }
    this.#check(end.atMs === now, `R156 ${this.#text(wait)} ended at ${now}, and was to at ${end.atMs}`);
    const { outcome: meant } = end;
    const isSame =
      'code' in meant && 'code' in outcome
        ? meant.code === outcome.code && (meant.text === undefined || meant.text === outcome.text)
        : textOf(outcome) === textOf(meant);
    this.#check(isSame, `R154 ${this.#text(wait)} came to ${difference(textOf(outcome), textOf(meant))}`);
  }

  /** Somebody is asked: at its time, and for what is needed. */
  async #polled(asked: Query): Promise<QueryResult> {
    const sim = this.#sim;
    const wait = this.#wait;
    const isPoll = wait !== undefined && wait.end === undefined;
    const atMs = sim.now();
    if (isPoll) this.#begin(wait, asked);
    const answer = this.#store.queryNow(asked);
    const outcome = await settled(answer);
    const kind = pick(sim, `${this.#name} poll`, ['at once', 'late', 'fails'], 8);
    if (kind !== 'at once') await sim.sleep(pick(sim, `${this.#name} takes`, [0, 5, 12], 1));
    const failure = kind === 'fails' ? new Error(`no answer at ${atMs}`) : undefined;
    const result: Outcome = failure === undefined ? outcome : { code: '', text: failure.message };
    // A wait that was cut off does not hear of it.
    if (isPoll && wait === this.#wait) this.#answered(wait, result);
    if (failure !== undefined) throw failure;
    return answer;
  }

  #begin(wait: Expected, { runs, allRuns, states }: Query): void {
    const now = this.#sim.now();
    const { query, nextMs, polls } = wait;
    this.#check(
      nextMs === now,
      `R154 poll ${polls + 1} of ${this.#text(wait)} came at ${now}, and was to at ${nextMs}`,
    );
    const isAll = query.allRuns === true;
    const meant = isAll ? query.states : polls === 0 ? ALL_MASK : query.states | DONE_MASK;
    this.#check(
      states === meant && allRuns === query.allRuns && textOf(runs) === textOf(query.runs),
      `R154 poll ${polls + 1} asks for ${formatMask(states)} of ${textOf(runs)}`,
    );
    if (wait.isLast && now === wait.deadlineMs && wait.cancelledAtMs !== now) this.lastPollMs = now;
    wait.polls += 1;
    wait.nextMs = undefined;
  }

  /** What follows from an answer: the end of the wait, or its next poll. */
  #answered(wait: Expected, answer: Outcome): void {
    const end = this.#endOf(wait, answer);
    if (end !== undefined) {
      wait.end = { outcome: end, atMs: this.#sim.now() };
      return;
    }
    const now = this.#sim.now();
    const leftMs = rounded(wait.deadlineMs - now);
    wait.isLast = leftMs <= wait.periodMs;
    if (!wait.isLast && wait.periodMs === PERIOD_MS_MAX) {
      this.#sim.sometimes('a pause is as long as any can be');
    }
    wait.nextMs = rounded(now + Math.min(leftMs, wait.periodMs));
    wait.periodMs = Math.min(wait.periodMs * 2, PERIOD_MS_MAX);
  }

  #endOf(wait: Expected, answer: Outcome): Outcome | undefined {
    const sim = this.#sim;
    if (!('value' in answer)) {
      sim.sometimes(answer.code === '' ? 'a poll fails' : 'a wait on an unknown run is refused');
      return answer;
    }
    const { query, polls, deadlineMs, mayWait, cancelledAtMs } = wait;
    const { statuses, service } = answer.value as QueryResult;
    const now = sim.now();
    const matches = statuses.filter(({ state }) => maskMatches(query.states, state));
    if (matches.length > 0 || !mayWait) {
      if (matches.length > 0) {
        sim.sometimes(polls === 1 ? 'a wait is met at its first poll' : 'a wait is met at a later poll');
      }
      if (matches.length > 0 && now === deadlineMs) sim.sometimes('a wait is met at its deadline');
      return { value: { statuses: matches, service } };
    }
    const listed = new Set(query.runs);
    const over = new Set(statuses.filter(({ state }) => isTerminal(state)).map(({ runId }) => runId));
    if (query.allRuns !== true && over.size === listed.size) {
      sim.sometimes('a wait cannot be met any more');
      return { code: 'RUNNER_CANNOT_HAPPEN' };
    }
    if (cancelledAtMs <= now) return { code: 'RUNNER_WAIT_CANCELLED' };
    const leftMs = rounded(deadlineMs - now);
    if (leftMs > 0 && this.#isReleased) {
      sim.sometimes('a wait is ended by the release');
      return { code: 'RUNNER_RELEASED' };
    }
    if (leftMs > 0) return undefined;
    sim.sometimes(leftMs < 0 ? 'a poll is under way at the deadline' : 'a wait ends empty at its deadline');
    return { value: { statuses: [], service } };
  }

  #drawQuery(): Query {
    const sim = this.#sim;
    const name = this.#name;
    const states = pick(sim, `${name} mask`, MASKS, 2);
    const ids = [...this.#store.runIds];
    const runId = pick(sim, `${name} run`, [...ids, 'nobody'], 1);
    const other = pick(sim, `${name} other run`, ids, 1);
    const which = pick(sim, `${name} asks for`, ['one', 'two', 'all', 'none', 'twice'], 2);
    if (which === 'all') return { allRuns: true, states };
    if (which === 'none') return { states };
    if (which === 'twice') return { runs: [runId, runId], states };
    return { runs: which === 'one' ? [runId] : [runId, other], states };
  }

  #text({ query, deadlineMs, polls }: Expected): string {
    return `the wait of ${this.#name} for ${formatMask(query.states)} of ${textOf(query.runs ?? 'all')} until ${deadlineMs}, after ${polls} polls,`;
  }

  #check(condition: boolean, message: string): void {
    this.#sim.check(condition, message);
  }
}

class PollingWork {
  readonly #sim: Simulation;
  readonly #store: StatusStore;
  readonly #pollers: readonly Poller[];

  constructor(sim: Simulation, make: Pollers) {
    this.#sim = sim;
    this.#store = createStatusStore({ clock: sim.world.clock });
    for (let at = pickCount(sim, 'runs', 3); at > 0; at -= 1) this.#store.newRun();
    const clients = pickCount(sim, 'clients', CLIENTS);
    this.#pollers = Array.from(
      { length: clients },
      (_, index) => new Poller(sim, make, `client ${index + 1}`, this.#store),
    );
  }

  async run(): Promise<void> {
    const living = this.#pollers.map((poller) => poller.live());
    await this.#write();
    for (const poller of this.#pollers) poller.release();
    await Promise.all(living);
    // Who was asked may still be about to answer a wait that is over.
    await this.#sim.sleep(20);
    for (const poller of this.#pollers) poller.atEvent();
  }

  async #write(): Promise<void> {
    const sim = this.#sim;
    const writes = pickCount(sim, 'writes', WRITES);
    for (let at = 0; at < writes; at += 1) {
      const ms = pick(sim, 'writer sleeps', [5, 0, 12, 50, 35_000], 1);
      await sim.sleep(ms);
      const now = sim.now();
      for (const poller of this.#pollers) {
        poller.atEvent();
        sim.check(
          ms === 0 || poller.lastPollMs !== now,
          'R156 the last poll came before what was due at its deadline',
        );
      }
      const kind = pick(sim, 'writer does', ['write', 'cancel', 'release'], 4);
      const poller = pick(sim, 'whose', this.#pollers, 1, (each) => this.#pollers.indexOf(each));
      if (kind === 'write') this.#update();
      else if (kind === 'cancel') poller.cancel();
      else poller.release();
    }
  }

  #update(): void {
    const sim = this.#sim;
    const runId = pick(sim, 'written run', [...this.#store.runIds], 1);
    const { state } = this.#store.currentStatus(runId);
    if (isTerminal(state)) return;
    const ends = [completeStatus(runId, '', 3), abortStatus(runId), timeoutStatus(runId)];
    this.#store.update(
      pick(sim, 'written', [runningStatus(runId, 'out', 'err'), ...ends], 1, (status) => status.state),
    );
  }
}
