/**
 * A status store under several clients at once: they write, read and wait in every way that the contract allows, and in some that it
 * refuses, and whatever comes back is what the model of the contract says, in the same instant and in the same order.
 */
import {
  ALL_MASK,
  defaultRules,
  defineScenario,
  DONE_MASK,
  endCause,
  type RunState,
  type RunStatus,
  type RunType,
  type ScenarioDefinition,
  type ServiceStatus,
  type Simulation,
  startOrder,
  type StateMask,
  watchRuns,
} from 'dryrunner';
import { createStatusesRO, createStatusStore, makeRunStatus, type StatusStore } from 'dryrunner/kit';
import { pick, pickCount, rarely } from '../zoo/odds.ts';
import { outcomeOf, READ_AND_REACHED, Readers, settled } from './readers.ts';
import { difference, invalidField, type Outcome, StoreModel, StoreTrace, textOf } from './store-model.ts';
import { codeOf } from './outcome.ts';

const CLIENTS = 4;
const OPERATIONS = 12;
/** Runs that are there before the clients come. */
const FIRST_RUNS = 4;
const REACHED = [
  ...READ_AND_REACHED,
  'a write is accepted',
  'a write to a run that is over is dropped',
  'a wait on the service is met',
  'a predicate throws in a wait',
  'what is waited for is evicted',
  'a wait is ended by the close',
  'more runs are kept than fit, as none is over',
] as const;
const ACTION_DIGEST = { hash: 'a'.repeat(64), sizeBytes: 12 };
const METADATA = { worker: 'w', workerStartMs: 5 };
const RESULT = {
  exitCode: 0,
  outputFiles: [],
  outputDirectories: [],
  outputSymlinks: [],
  metadata: METADATA,
};
const ACTION_RESULT = { actionDigest: ACTION_DIGEST, cached: false, result: RESULT };
const TIMES_MS = [0, 5, 10, 20];
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

type Make = typeof createStatusStore;

/** The workload of a store; `make` is what makes one. */
export function storeWorkload(make: Make = createStatusStore): ScenarioDefinition<unknown> {
  return defineScenario<unknown>({
    name: 'generic-store',
    description:
      'clients write to a status store, read it and wait on it in all ways, and it says what its contract says',
    // Here runs may end in any order, and nobody has to abort one that ends as ABORTED.
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

class StoreWork {
  readonly #sim: Simulation;
  readonly #name: string;
  readonly #capacity: number;
  readonly #store: StatusStore;
  readonly #model: StoreModel;
  readonly #trace: StoreTrace;
  readonly #readers: Readers;

  constructor(sim: Simulation, make: Make, name: string) {
    this.#sim = sim;
    this.#name = name;
    this.#capacity = pick(sim, `${name} capacity`, [0, 1, 2, 4], 1);
    const idPrefix = pick(sim, `${name} prefix`, ['', 'node1-'], 1);
    const { clock } = sim.world;
    this.#trace = new StoreTrace(sim, name);
    this.#store = make({ clock, name, idPrefix, capacity: this.#capacity, tracer: this.#trace });
    this.#model = new StoreModel(this.#capacity, idPrefix, () => sim.now());
    this.#readers = new Readers(sim, this.#store, this.#model);
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
    await this.#readers.over();
    this.#agrees();
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
        return this.#readers.wait(name);
      case 'read':
        return this.#read(name);
      case 'service': {
        this.#updateService(pick(this.#sim, `${name} service`, SERVICES, 1, ({ error }) => error));
        return;
      }
      case 'wait on service':
        return this.#waitOnService(name);
      case 'cancel': {
        this.#readers.cancel(name);
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
    await this.#readers.sleep(ms);
    this.#agrees();
  }

  async #read(name: string): Promise<void> {
    if (!rarely(this.#sim, `${name} reads by currentStatus`, 6)) return this.#readers.read(name);
    const runId = this.#readers.pickRun(name);
    const one = this.#readers.one(runId);
    const current = outcomeOf(() => ({
      status: this.#store.currentStatus(runId),
      service: this.#store.serviceStatus,
    }));
    this.#readers.same('currentStatus', current, one);
  }

  #newRun(name: string): void {
    const tags = pick(this.#sim, `${name} tags`, TAGS, 1, ({ taskId }) => taskId);
    const runType: RunType = rarely(this.#sim, `${name} type`, 4) ? 'bazel' : 'scoot';
    const expected = this.#model.newRun(tags, runType);
    const given =
      runType === 'scoot'
        ? outcomeOf(() => this.#store.newRun(tags))
        : outcomeOf(() => this.#store.newRun(tags, runType));
    this.#readers.same('R46 newRun', given, expected);
    if ('value' in given) this.#check(Object.isFrozen(given.value), 'R39 a status is a value');
    this.#agrees();
  }

  #update(name: string): void {
    const runId = this.#readers.pickRun(name, 16);
    const update = this.#drawUpdate(name, runId);
    const expected = this.#model.update(update);
    const given = {
      ...update,
      ...(update.actionResult === undefined ? {} : { actionResult: structuredClone(update.actionResult) }),
    };
    const outcome = outcomeOf(() => this.#store.update(given));
    const meant = typeof expected === 'string' ? { value: expected } : expected;
    this.#readers.same(`update of ${runId} to ${update.state}`, outcome, meant);
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
    return { ...status, actionResult: ACTION_RESULT };
  }

  #updateService(service: ServiceStatus): void {
    const given = { ...service };
    this.#model.updateService(service);
    this.#store.updateService(given);
    given.error = 'changed';
    this.#agrees();
  }

  async #waitOnService(name: string): Promise<void> {
    const sim = this.#sim;
    const which = pick(sim, `${name} predicate`, Object.keys(PREDICATES), 1);
    const predicate = PREDICATES[which] as (service: ServiceStatus) => boolean;
    const wait = this.#readers.drawWait(name);
    const ask = (): Promise<unknown> => this.#store.awaitService(predicate, wait);
    const answer = this.#model.answerService(predicate, wait.timeoutMs);
    const what = `awaitService ${which} ${wait.timeoutMs}`;
    if (answer !== undefined) return this.#readers.atOnce(what, ask, answer);
    const waiting = this.#model.waitForService(predicate, wait.timeoutMs);
    const result = this.#readers.keep(this.#readers.awaits(what, ask(), waiting, wait));
    if (wait.timeoutMs < Infinity && rarely(sim, `${name} awaits the service`, 2)) await result;
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
    const { query, runId } = this.#readers.drawQuery(name);
    const expected = this.#model.answer(query, 0) as Outcome;
    const one = this.#model.answer({ runs: [runId], states: ALL_MASK }, 0) as Outcome;
    const isOne = 'value' in one;
    await this.#readers.atOnce('R57 query of a list', () => list.queryNow(query), expected);
    const asked = isOne
      ? { value: { status: statuses.find((status) => status.runId === runId), service } }
      : one;
    await this.#readers.atOnce('R57 status of a list', () => list.status(runId), asked);
    await this.#readers.atOnce('R57 all of a list', () => list.statusAll(), { value: { statuses, service } });
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
      'a close with anything but an error': () => store.close('x' as never),
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
    this.#trace.agrees(model);
    const { held: waiting } = this.#trace;
    this.#check(
      waiting === model.waits.size,
      `R204 by the trace ${waiting} wait, and should be ${model.waits.size}`,
    );
    if (this.#capacity > 0 && model.runs.size > this.#capacity) {
      this.#sim.sometimes('more runs are kept than fit, as none is over');
    }
  }

  #all(): unknown[] {
    return [...this.#store.runIds].map((runId) => this.#store.currentStatus(runId));
  }

  #check(condition: boolean, message: string): void {
    this.#sim.check(condition, message);
  }
}
