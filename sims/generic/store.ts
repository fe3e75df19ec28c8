/**
 * A status store under several clients at once: they write, read and wait in every way that the contract allows, and in some that it
 * refuses, and whatever comes back is what the model of the contract says, in the same instant and in the same order.
 */
import {
  ABORTED_MASK,
  ALL_MASK,
  COMPLETE_MASK,
  defaultRules,
  defineScenario,
  DONE_MASK,
  endCause,
  FAILED_MASK,
  finalStatus,
  isRunnerError,
  maskForState,
  PENDING_MASK,
  type Query,
  RUN_STATES,
  RUNNING_MASK,
  type RunState,
  type RunStatus,
  type RunType,
  type ScenarioDefinition,
  type ServiceStatus,
  type Simulation,
  singleStatus,
  startOrder,
  statusAll,
  statusNow,
  type StateMask,
  TIMEDOUT_MASK,
  type TraceEvent,
  UNKNOWN_MASK,
  type Wait,
  waitForever,
  waitForState,
  watchRuns,
} from 'dryrunner';
import { createStatusesRO, createStatusStore, makeRunStatus, type StatusStore } from 'dryrunner/kit';
import { pick, pickCount, rarely } from '../zoo/odds.ts';
import {
  invalidField,
  type ModelWait,
  type Outcome,
  StoreModel,
  textOf,
  type WaitShape,
} from './store-model.ts';

const CLIENTS = 4;
const OPERATIONS = 12;
/** Runs that are there before the clients come. */
const FIRST_RUNS = 4;
const REACHED = [
  'a write is accepted',
  'a write to a run that is over is dropped',
  'a wait is met',
  'a wait on all runs is met',
  'a wait is met at its deadline',
  'a wait is met in the instant of its cancel',
  'a wait on the service is met',
  'a predicate throws in a wait',
  'a wait expires',
  'a wait is cancelled',
  'a wait cannot be met any more',
  'what is waited for is evicted',
  'a wait is ended by the close',
  'more runs are kept than fit, as none is over',
] as const;
const TIMES_MS = [0, 5, 10, 20];
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
const SERVICES: readonly ServiceStatus[] = [
  { initialized: true, isHealthy: true, error: '' },
  { initialized: false, isHealthy: false, error: 'no filer' },
  { initialized: true, isHealthy: false, error: 'disk full' },
  { initialized: true, isHealthy: true, error: 'an update was given up' },
];
const PREDICATES: Readonly<Record<string, (service: ServiceStatus) => boolean>> = {
  healthy: ({ isHealthy }) => isHealthy,
  initialized: ({ initialized }) => initialized,
  failed: ({ error }) => error !== '',
  throws: ({ error }) => {
    if (error === 'disk full') throw new Error('the predicate throws');
    return false;
  },
};
const TAGS = [
  { jobId: '', taskId: '', tag: '' },
  { jobId: 'job', taskId: 'task', tag: 'tag' },
  { jobId: '', taskId: 'other task', tag: '' },
];

const BEFORE = 60;
const AFTER = 40;

type Make = typeof createStatusStore;

/** The workload of a store; `make` is what makes one. */
export function storeWorkload(make: Make = createStatusStore): ScenarioDefinition<unknown> {
  return defineScenario<unknown>({
    name: 'generic-store',
    description:
      'clients write to a status store, read it and wait on it in all ways, and it says what its contract says',
    // Whoever writes may write any end in any order.
    options: {
      oracles: [watchRuns(defaultRules.filter((rule) => rule !== startOrder && rule !== endCause))],
    },
    async run(sim) {
      for (const name of REACHED) sim.sometimes(name, false);
      refusesOptions(sim, make);
      const stores = pickCount(sim, 'stores', 2);
      const works = Array.from({ length: stores }, (_, index) => new StoreWork(sim, make, `store${index}`));
      await Promise.all(works.map((work) => work.run()));
    },
  });
}

export const statusStore: ScenarioDefinition<unknown> = storeWorkload();

function refusesOptions(sim: Simulation, make: Make): void {
  const { clock } = sim.world;
  const wrong = [
    { clock, capacity: -1 },
    { clock, capacity: 1.5 },
    { clock, name: 3 },
    { clock, idPrefix: 1 },
    {},
  ];
  const options = pick(sim, 'wrong options', wrong, 1, (value) => Object.keys(value).join());
  sim.check(
    codeOf(() => make(options as never)) === 'RUNNER_INVALID_ARGUMENT',
    'a store refuses wrong options',
  );
}

function codeOf(act: () => unknown): string {
  try {
    act();
    return 'none';
  } catch (error) {
    return isRunnerError(error) ? error.code : String(error);
  }
}

class StoreWork {
  readonly #sim: Simulation;
  readonly #name: string;
  readonly #capacity: number;
  readonly #store: StatusStore;
  readonly #model: StoreModel;
  /** What the trace has said of writes. */
  readonly #events: unknown[] = [];
  /** So many of them are known to be right. */
  #compared = 0;
  /** So many wait, by the trace. */
  #held = 0;
  readonly #open = new Set<string>();
  readonly #background: Promise<void>[] = [];
  readonly #signals: AbortController[] = [new AbortController(), new AbortController()];
  #lastExpiryMs = -1;
  #calls = 0;

  constructor(sim: Simulation, make: Make, name: string) {
    this.#sim = sim;
    this.#name = name;
    this.#capacity = pick(sim, `${name} capacity`, [0, 1, 2, 4], 1);
    const idPrefix = pick(sim, `${name} prefix`, ['', 'node1-'], 1);
    const { clock, tracer } = sim.world;
    const record = (event: TraceEvent): void => {
      tracer.record(event);
      const { runner, ...rest } = event;
      sim.check(runner === name, `an event of ${name} is one of ${runner}`);
      if (event.type === 'acquired') this.#held += 1;
      else if (event.type === 'freed') this.#held -= 1;
      else this.#events.push(rest);
    };
    this.#store = make({ clock, name, idPrefix, capacity: this.#capacity, tracer: { record } });
    this.#model = new StoreModel(this.#capacity, idPrefix, () => sim.now());
    this.#agrees();
  }

  async run(): Promise<void> {
    const runs = pickCount(this.#sim, `${this.#name} first runs`, FIRST_RUNS) - 1;
    for (let at = 0; at < runs; at += 1) this.#newRun(`${this.#name} at first`);
    const clients = pickCount(this.#sim, `${this.#name} clients`, CLIENTS);
    const work = Array.from({ length: clients }, (_, index) =>
      this.#client(`${this.#name} client ${index + 1}`),
    );
    await Promise.all(work);
    this.#close(undefined);
    await Promise.all(this.#background);
    this.#atEvent();
    this.#sim.check(this.#store.waiterCount === 0, `R55 ${this.#store.waiterCount} waiters are left`);
  }

  async #client(name: string): Promise<void> {
    const operations = pickCount(this.#sim, `${name} operations`, OPERATIONS);
    for (let at = 0; at < operations; at += 1) await this.#operation(name);
  }

  async #operation(name: string): Promise<void> {
    const kinds = [
      'sleep',
      'new run',
      'update',
      'wait',
      'read',
      'service',
      'wait on service',
      'cancel',
    ] as const;
    const rest = ['wrong', 'list', 'close'] as const;
    const kind = pick(this.#sim, `${name} does`, [...kinds, ...kinds, ...kinds, ...rest], 3);
    switch (kind) {
      case 'sleep':
        return this.#sleep(pick(this.#sim, `${name} sleeps`, TIMES_MS, 1));
      case 'new run': {
        this.#newRun(name);
        return;
      }
      case 'update': {
        this.#update(name);
        return;
      }
      case 'wait':
        return this.#wait(name);
      case 'read':
        return this.#read(name);
      case 'service': {
        this.#updateService(pick(this.#sim, `${name} service`, SERVICES, 1, ({ error }) => error));
        return;
      }
      case 'wait on service':
        return this.#waitOnService(name);
      case 'cancel': {
        this.#cancel(pick(this.#sim, `${name} signal`, [0, 1], 1));
        return;
      }
      case 'wrong':
        return this.#wrong(name);
      case 'list':
        return this.#list(name);
      case 'close':
        if (rarely(this.#sim, `${name} closes`, 4)) {
          this.#close(pick(this.#sim, `${name} error`, [undefined, new Error('gone')], 1, String));
        }
    }
  }

  async #sleep(ms: number): Promise<void> {
    await this.#sim.sleep(ms);
    // What a timer of this instant does comes before the end of the instant, where waits expire (R35).
    if (ms > 0) {
      this.#check(
        this.#lastExpiryMs !== this.#sim.now(),
        'R35 a wait has ended before what was due at its deadline',
      );
    }
    this.#atEvent();
  }

  #newRun(name: string): void {
    const tags = pick(this.#sim, `${name} tags`, TAGS, 1, ({ taskId }) => taskId);
    const runType: RunType = rarely(this.#sim, `${name} type`, 4) ? 'bazel' : 'scoot';
    const expected = this.#model.newRun(tags, runType);
    const given =
      runType === 'scoot'
        ? this.#outcome(() => this.#store.newRun(tags))
        : this.#outcome(() => this.#store.newRun(tags, runType));
    this.#same('R46 newRun', given, expected);
    if ('value' in given) this.#check(Object.isFrozen(given.value), 'R39 a status is a value');
    this.#agrees();
  }

  #update(name: string): void {
    const runId = this.#pickRun(name, true);
    const update = this.#drawUpdate(name, runId);
    const expected = this.#model.update(update);
    const given = {
      ...update,
      ...(update.actionResult === undefined ? {} : { actionResult: structuredClone(update.actionResult) }),
    };
    const outcome = this.#outcome(() => this.#store.update(given));
    const meant = typeof expected === 'string' ? { value: expected } : expected;
    this.#same(`update of ${runId} to ${update.state}`, outcome, meant);
    // What the writer does with its object afterwards is its own affair (R39).
    Object.assign(given, { state: 'UNKNOWN', tag: 'changed', stdoutRef: 'changed' });
    if (given.actionResult !== undefined) Object.assign(given.actionResult, { digest: 'changed' });
    if (expected === 'dropped') this.#sim.sometimes('a write to a run that is over is dropped');
    if (expected === 'accepted') this.#sim.sometimes('a write is accepted');
    this.#agrees();
  }

  #drawUpdate(name: string, runId: string): RunStatus {
    const sim = this.#sim;
    const states: readonly RunState[] = [
      'RUNNING',
      'COMPLETE',
      'FAILED',
      'ABORTED',
      'TIMEDOUT',
      'UNKNOWN',
      'PENDING',
    ];
    const state = pick(sim, `${name} state`, states, 2);
    const tags = pick(sim, `${name} written tags`, TAGS, 2, ({ taskId }) => taskId);
    const refs = {
      stdoutRef: pick(sim, `${name} stdout`, ['', 'out', 'uploaded'], 1),
      stderrRef: pick(sim, `${name} stderr`, ['', 'err'], 1),
    };
    const snapshotId = state === 'COMPLETE' ? pick(sim, `${name} snapshot`, ['', 'snap'], 1) : '';
    const exitCode =
      state === 'COMPLETE' || state === 'FAILED' ? pick(sim, `${name} code`, [0, 1, 250], 1) : 0;
    const error = ['COMPLETE', 'FAILED', 'ABORTED'].includes(state)
      ? pick(sim, `${name} error`, ['', 'broken'], 1)
      : '';
    const status = makeRunStatus(runId, state, tags, refs, { snapshotId, exitCode, error });
    if (!rarely(sim, `${name} action result`, 6)) return status;
    return { ...status, actionResult: { digest: 'd', files: [{ path: 'a' }] } };
  }

  #updateService(service: ServiceStatus): void {
    const given = { ...service };
    this.#model.updateService(service);
    this.#store.updateService(given);
    given.error = 'changed';
    this.#agrees();
  }

  async #read(name: string): Promise<void> {
    const sim = this.#sim;
    const { query, runId } = this.#drawQuery(name);
    const kind = pick(
      sim,
      `${name} reads by`,
      ['queryNow', 'status', 'statusAll', 'current', 'statusNow', 'all'],
      1,
    );
    const model = this.#model;
    const all = model.answer({ allRuns: true, states: ALL_MASK }, 0) as Outcome;
    const one: Outcome = model.runs.has(runId)
      ? { value: { status: model.status(runId), service: model.service } }
      : { code: 'RUNNER_UNKNOWN_RUN', text: `unknown run id ${runId}` };
    if (kind === 'queryNow') {
      return this.#atOnce(kind, () => this.#store.queryNow(query), model.answer(query, 0) as Outcome);
    }
    if (kind === 'status') return this.#atOnce(kind, () => this.#store.status(runId), one);
    if (kind === 'statusNow') return this.#atOnce(kind, () => statusNow(this.#store, runId), one);
    if (kind === 'statusAll') return this.#atOnce(kind, () => this.#store.statusAll(), all);
    if (kind === 'all') return this.#atOnce('statusAll of a querier', () => statusAll(this.#store), all);
    const current = this.#outcome(() => this.#store.currentStatus(runId));
    this.#same(
      'currentStatus',
      current,
      'value' in one ? { value: (one.value as { status: unknown }).status } : one,
    );
  }

  async #wait(name: string): Promise<void> {
    const sim = this.#sim;
    const helper = pick(sim, `${name} waits by`, ['query', 'finalStatus', 'waitForState'] as const, 4);
    const { query: drawn, runId } = this.#drawQuery(name);
    const wait = this.#drawWait(name);
    if (helper === 'query') {
      const runs = drawn.runs?.slice();
      const kept = { ...drawn, ...(runs === undefined ? {} : { runs }) };
      const result = this.#begin(
        `query ${textOf(drawn)} ${wait.timeoutMs}`,
        () => this.#store.query(kept, { ...wait }),
        drawn,
        wait,
        helper,
      );
      // The query is the caller's own, to change after the call.
      runs?.splice(0);
      Object.assign(kept, { states: ALL_MASK });
      if (wait.timeoutMs < Infinity && rarely(sim, `${name} awaits it`, 2)) await result;
      return;
    }
    const state = pick(sim, `${name} state to come`, RUN_STATES, 1);
    const states = helper === 'finalStatus' ? DONE_MASK : maskForState(state);
    const forever = waitForever(wait.signal);
    const ask = (): Promise<unknown> =>
      helper === 'finalStatus'
        ? finalStatus(this.#store, runId, wait.signal)
        : waitForState(this.#store, runId, state, wait.signal);
    void this.#begin(`${helper} ${runId} ${state}`, ask, { runs: [runId], states }, forever, helper);
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
      return this.#keep(
        this.#atOnce(what, ask, isOne ? { value: singleStatus(answer.value as never) } : answer),
      );
    }
    const waiting = this.#model.wait(query, wait.timeoutMs, shape);
    return this.#keep(this.#await(what, ask(), waiting, wait));
  }

  async #waitOnService(name: string): Promise<void> {
    const sim = this.#sim;
    const which = pick(sim, `${name} predicate`, Object.keys(PREDICATES), 1);
    const predicate = PREDICATES[which] as (service: ServiceStatus) => boolean;
    const wait = this.#drawWait(name);
    const ask = (): Promise<unknown> => this.#store.awaitService(predicate, wait);
    const answer = this.#model.answerService(predicate, wait.timeoutMs);
    const what = `awaitService ${which} ${wait.timeoutMs}`;
    if (answer !== undefined) return this.#atOnce(what, ask, answer);
    const waiting = this.#model.waitForService(predicate, wait.timeoutMs);
    const result = this.#keep(this.#await(what, ask(), waiting, wait));
    if (wait.timeoutMs < Infinity && rarely(sim, `${name} awaits the service`, 2)) await result;
  }

  /** A wait from its beginning to its end; it ends by what has decided about it, by its deadline or by its signal, and at that time. */
  async #await(what: string, promise: Promise<unknown>, waiting: ModelWait, { signal }: Wait): Promise<void> {
    const model = this.#model;
    const onAbort = (): void => void (waiting.cancelledAtMs ??= this.#sim.now());
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener('abort', onAbort);
    const outcome = await settled(promise);
    signal?.removeEventListener('abort', onAbort);
    const now = this.#sim.now();
    const { decided, cancelledAtMs, deadlineMs } = waiting;
    if (decided !== undefined) {
      const next = model.decided.find(({ shape }) => shape === waiting.shape);
      this.#check(next === waiting, `R54 ${what} has ended out of turn`);
      model.decided.splice(model.decided.indexOf(waiting), 1);
      this.#same(what, outcome, decided);
      this.#noteDecided(waiting, decided);
      return;
    }
    this.#check(model.waits.delete(waiting), `${what} ended twice`);
    this.#lastExpiryMs = now;
    const isCancel = 'code' in outcome && outcome.code === 'RUNNER_WAIT_CANCELLED';
    if (isCancel) {
      this.#check(
        cancelledAtMs === now,
        `R34 ${what} ended as cancelled, and its signal aborted at ${cancelledAtMs}`,
      );
      this.#sim.sometimes('a wait is cancelled');
      return;
    }
    this.#check(
      deadlineMs === now,
      `R31 ${what} ended without a match at ${now}, and its deadline is ${deadlineMs}: ${textOf(outcome)}`,
    );
    this.#same(what, outcome, model.expiry(waiting));
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

  async #atOnce(what: string, ask: () => Promise<unknown>, expected: Outcome): Promise<void> {
    const at = this.#sim.now();
    this.#calls += 1;
    const call = `${what} (${this.#calls})`;
    this.#open.add(call);
    const outcome = await settled(ask());
    this.#open.delete(call);
    this.#check(this.#sim.now() === at, `R29 ${what} was answered at ${this.#sim.now()}, and asked at ${at}`);
    this.#same(what, outcome, expected);
    this.#isValue(outcome);
  }

  /** What is returned is the caller's: nothing that it does with it changes the store (R39). */
  #isValue(outcome: Outcome): void {
    if (!('value' in outcome)) return;
    const { statuses } = (outcome.value ?? {}) as { statuses?: RunStatus[] };
    if (statuses !== undefined && !Object.isFrozen(statuses)) statuses.length = 0;
  }

  #cancel(index: number): void {
    const controller = this.#signals[index] as AbortController;
    controller.abort('no longer wanted');
    if (rarely(this.#sim, `${this.#name} new signal`, 2)) this.#signals[index] = new AbortController();
  }

  #close(error: Error | undefined): void {
    if (error === undefined) {
      this.#model.close('RUNNER_RELEASED', `${this.#name} was released`);
      this.#store.close();
    } else {
      this.#model.close('', error.message);
      this.#store.close(error);
    }
    this.#agrees();
  }

  /** A list of the store's statuses answers as the store does (R57). */
  async #list(name: string): Promise<void> {
    const { statuses, service } = (
      this.#model.answer({ allRuns: true, states: ALL_MASK }, 0) as {
        value: { statuses: RunStatus[]; service: ServiceStatus };
      }
    ).value;
    const own = statuses.map((status) => ({ ...status }));
    const list = createStatusesRO(own, service);
    for (const status of own) Object.assign(status, { state: 'UNKNOWN', jobId: 'changed' });
    const { query, runId } = this.#drawQuery(name);
    const expected = this.#model.answer(query, 0) as Outcome;
    const one = this.#model.answer({ runs: [runId], states: ALL_MASK }, 0) as Outcome;
    const isOne = 'value' in one;
    await this.#atOnce('R57 query of a list', () => list.queryNow(query), expected);
    const asked = isOne
      ? { value: { status: statuses.find((status) => status.runId === runId), service } }
      : one;
    await this.#atOnce('R57 status of a list', () => list.status(runId), asked);
    await this.#atOnce('R57 all of a list', () => list.statusAll(), { value: { statuses, service } });
    const odd = codeOf(() => createStatusesRO([{ ...statuses[0], state: 'odd' } as never], service));
    const none = codeOf(() => createStatusesRO(statuses, { ...service, error: 3 } as never));
    this.#check(odd === none && odd === 'RUNNER_INVALID_ARGUMENT', 'R57 a list holds statuses only');
    const twice = codeOf(() => createStatusesRO([...statuses, ...statuses.slice(0, 1)], service));
    this.#check(
      twice === (statuses.length === 0 ? 'none' : 'RUNNER_INVALID_ARGUMENT'),
      'R57 one status per run',
    );
  }

  /** What is refused, and changes nothing. */
  async #wrong(name: string): Promise<void> {
    const store = this.#store;
    const runId = [...this.#model.runs.keys()].find((id) =>
      ['PENDING', 'RUNNING'].includes(this.#model.status(id).state),
    );
    const zero = { runs: [], states: DONE_MASK };
    const status = runId === undefined ? undefined : this.#model.status(runId);
    const wrong: Readonly<Record<string, () => unknown>> = {
      'a mask too large': () => store.query({ ...zero, states: 128 as StateMask }, { timeoutMs: 0 }),
      'a mask below 0': () => store.queryNow({ ...zero, states: -1 as StateMask }),
      'a mask between two': () => store.queryNow({ ...zero, states: 1.5 as StateMask }),
      'ids that are no list': () => store.queryNow({ ...zero, runs: 'ab' as never }),
      'an id that is no text': () => store.queryNow({ ...zero, runs: [3] as never }),
      'allRuns that is no switch': () => store.queryNow({ ...zero, allRuns: 1 as never }),
      'no list of ids at all': () => createStatusesRO(3 as never, store.serviceStatus),
      'no query': () => store.queryNow(undefined as never),
      'a negative wait': () => store.query({ allRuns: true, states: DONE_MASK }, { timeoutMs: -1 }),
      'a wait that is no number': () => store.query({ ...zero, states: DONE_MASK }, { timeoutMs: NaN }),
      'no wait': () => store.query(zero, undefined as never),
      'a service that is none': () => store.updateService({ initialized: true } as never),
      'a service with an error that is no text': () =>
        store.updateService({ initialized: true, isHealthy: true, error: 3 } as never),
      'a predicate that is none': () => store.awaitService('x' as never, { timeoutMs: 5 }),
      'a status that is none': () => store.update(undefined as never),
      'a close with what is no error': () => store.close('x' as never),
    };
    const field =
      status === undefined
        ? undefined
        : pick(
            this.#sim,
            `${name} wrong state`,
            ['RUNNING', 'TIMEDOUT', 'ABORTED', 'FAILED', 'UNKNOWN'] as const,
            1,
          );
    const which = pick(this.#sim, `${name} wrong call`, ['a field', ...Object.keys(wrong)], 4);
    const before = textOf(this.#all());
    if (which === 'a field' && status !== undefined && field !== undefined) {
      const odd = invalidField(field) ?? 'state';
      const update = { ...status, state: field, [odd]: odd === 'exitCode' ? 3 : 'odd' };
      this.#check(
        codeOf(() => store.update(update)) === 'RUNNER_INVALID_ARGUMENT',
        `R11 ${odd} of ${field} is refused`,
      );
    } else if (which !== 'a field') {
      const call = wrong[which] as () => unknown;
      const outcome = await settled(Promise.resolve().then(call));
      this.#check(
        'code' in outcome && outcome.code === 'RUNNER_INVALID_ARGUMENT',
        `${which} is refused, got ${textOf(outcome)}`,
      );
      return;
    }
    this.#check(textOf(this.#all()) === before, `${which} has changed the store`);
  }

  #drawWait(name: string): Wait {
    const timeoutMs = pick(this.#sim, `${name} timeout`, [5, 10, 20, 0, Infinity], 1);
    const signal = pick(this.#sim, `${name} signal of wait`, [-1, 0, 1], 1);
    return signal < 0
      ? { timeoutMs }
      : { timeoutMs, signal: (this.#signals[signal] as AbortController).signal };
  }

  #drawQuery(name: string): { readonly query: Query; readonly runId: string } {
    const sim = this.#sim;
    const states = pick(sim, `${name} mask`, MASKS, 3);
    const runId = this.#pickRun(name, false);
    const which = pick(sim, `${name} asks for`, ['one', 'some', 'all', 'both', 'none', 'twice'], 2);
    if (which === 'one') return { query: { runs: [runId], states }, runId };
    if (which === 'all') return { query: { allRuns: true, states }, runId };
    if (which === 'none') return { query: { states }, runId };
    if (which === 'both') return { query: { runs: [runId], allRuns: true, states }, runId };
    const other = this.#pickRun(name, false);
    if (which === 'twice') return { query: { runs: [runId, other, runId], allRuns: false, states }, runId };
    return { query: { runs: [other, runId], states }, runId };
  }

  /** The newest first; rarely one that is not there, or not any more. */
  #pickRun(name: string, isWrite: boolean): string {
    const known = [...this.#model.runs.keys()].reverse();
    if (known.length === 0 || rarely(this.#sim, `${name} unknown run`, isWrite ? 16 : 10)) {
      return pick(this.#sim, `${name} which unknown`, ['0', 'nobody', ''], 1);
    }
    return pick(this.#sim, `${name} run`, known, 1);
  }

  /** At an event all that was decided before has reached those who wait, and nobody has missed an end. */
  #atEvent(): void {
    const now = this.#sim.now();
    this.#check(this.#model.decided.length === 0, 'R54 a wait that was to end has not ended');
    this.#check(this.#open.size === 0, `R29 not answered at once: ${[...this.#open].join()}`);
    const late = [...this.#model.waits].find(
      (wait) => Math.min(wait.deadlineMs, wait.cancelledAtMs ?? Infinity) < now,
    );
    this.#check(
      late === undefined,
      `R31 a wait did not end by ${late?.deadlineMs}, or at its cancel at ${late?.cancelledAtMs}`,
    );
    this.#agrees();
  }

  /** The store shows what the model shows, and its trace says what happened. */
  #agrees(): void {
    const store = this.#store;
    const model = this.#model;
    const all = [...model.runs.keys()].map((runId) => model.status(runId));
    const held = textOf(this.#all());
    this.#check(held === textOf(all), `the store holds ${difference(held, textOf(all))}`);
    this.#check(
      textOf(store.serviceStatus) === textOf(model.service),
      `R56 the service status is ${textOf(store.serviceStatus)}`,
    );
    this.#check(
      store.waiterCount === model.waits.size,
      `R55 ${store.waiterCount} wait, and should be ${model.waits.size}`,
    );
    this.#traceAgrees();
    if (this.#capacity > 0 && model.runs.size > this.#capacity) {
      this.#sim.sometimes('more runs are kept than fit, as none is over');
    }
  }

  #traceAgrees(): void {
    const { events, waits } = this.#model;
    const said = textOf(this.#events.slice(this.#compared));
    const meant = textOf(events.slice(this.#compared));
    this.#check(said === meant, `the trace says ${difference(said, meant)}`);
    this.#compared = events.length;
    this.#check(
      this.#held === waits.size,
      `R204 by the trace ${this.#held} wait, and should be ${waits.size}`,
    );
  }

  #all(): unknown[] {
    return [...this.#store.runIds].map((runId) => this.#store.currentStatus(runId));
  }

  #outcome(act: () => unknown): Outcome {
    try {
      return { value: act() };
    } catch (error) {
      return refusalOf(error);
    }
  }

  /** Equal, but for texts that the model does not know. */
  #same(what: string, given: Outcome, expected: Outcome): void {
    const isSame =
      'code' in given && 'code' in expected
        ? given.code === expected.code && (expected.text === undefined || given.text === expected.text)
        : textOf(given) === textOf(expected);
    this.#check(isSame, `${what} came to ${difference(textOf(given), textOf(expected))}`);
  }

  #keep(wait: Promise<void>): Promise<void> {
    this.#background.push(wait);
    // What fails in there has failed the simulation already.
    wait.catch(() => undefined);
    return wait;
  }

  #check(condition: boolean, message: string): void {
    this.#sim.check(condition, message);
  }
}

function refusalOf(error: unknown): Outcome {
  const text = error instanceof Error ? error.message : String(error);
  return { code: isRunnerError(error) ? error.code : '', text };
}

function settled(promise: Promise<unknown>): Promise<Outcome> {
  return promise.then((value): Outcome => ({ value }), refusalOf);
}

/** Two texts around the first place where they differ. */
function difference(given: string, expected: string): string {
  let from = 0;
  while (from < given.length && given[from] === expected[from]) from += 1;
  const part = (text: string): string => text.slice(Math.max(0, from - BEFORE), from + AFTER);
  return `…${part(given)}…, and should to …${part(expected)}…`;
}
