/**
 * Metrics on their own: instruments of all kinds against plain sums and lists, names of the contract used as what they are not, and a metered
 * service whose every metric of R183 is known from the calls.
 */
import {
  createMemoryMetrics,
  defineScenario,
  type MemoryMetrics,
  type MeteredService,
  METRIC_NAMES,
  meterService,
  type RunState,
  type RunStatus,
  type ScenarioDefinition,
  type Service,
  type ServiceStatus,
  type Simulation,
} from 'dryrunner';
import { makeRunStatus, serviceStatus } from 'dryrunner/kit';
import { pick, pickCount, rarely } from '../zoo/odds.ts';
import { codeOf, mustBe, rounded } from './outcome.ts';

export const metrics: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'metrics',
  description:
    'metrics in memory add up, refuse what no instrument takes, and a metered service counts and measures each call',
  async run(sim) {
    if (pick(sim, 'part', ['instruments', 'meter'] as const, 1) === 'instruments') {
      await new InstrumentPlay(sim).run();
    } else await new MeterPlay(sim).run();
  },
});

type Kind = 'counter' | 'gauge' | 'histogram';
const KINDS: readonly Kind[] = ['counter', 'gauge', 'histogram'];
/** R176–R183, each with what it is. */
const CONTRACT: Readonly<Record<string, Kind>> = {
  runningTask: 'gauge',
  workerTaskLatency_ms: 'histogram',
  workerDownloads: 'counter',
  workerDownloadLatency_ms: 'histogram',
  workerUploads: 'counter',
  workerLogUploadFailures: 'counter',
  workerLogUploadLatency_ms: 'histogram',
  workerUploadLatency_ms: 'histogram',
  workerTimeouts: 'counter',
  memoryCapExceeded: 'counter',
  highInitialMemoryUtilization: 'counter',
  memory: 'gauge',
  workerUnhealthy: 'gauge',
  workerDownloadInitFailure: 'counter',
  workerIdleLatency_ms: 'histogram',
  commandDirUsage_kb_tmp: 'gauge',
  runs: 'counter',
  aborts: 'counter',
  workerQueries: 'counter',
  runLatency_ms: 'histogram',
  activeRunsGauge: 'gauge',
  failedCachedRunsGauge: 'gauge',
  endedCachedRunsGauge: 'gauge',
  workerFinishedInitLatency_ms: 'gauge',
  workerActiveInitLatency_ms: 'gauge',
  workerUptimeGauge_ms: 'gauge',
  timeSinceLastContactGauge_ms: 'gauge',
  workerStartGauge: 'gauge',
  bzCachedExecCounter: 'counter',
  bzExecQueuedTimeHistogram_ms: 'histogram',
  BzExecActionCacheCheckTimeHistogram_ms: 'histogram',
  BzExecActionFetchTimeHistogram_ms: 'histogram',
  BzExecCommandFetchTimeHistogram_ms: 'histogram',
  bzExecInputFetchTimeHistogram_ms: 'histogram',
  bzExecExecerTimeHistogram_ms: 'histogram',
};
const OWN_NAMES = ['mine', 'yours', 'Other.name'];
const VALUES = [1, 0, 2.5, -3, 1e9];
const BAD_VALUES = [NaN, Infinity, -Infinity];

function isSame(make: () => unknown): boolean {
  const first = make();
  return first === make();
}

/** Instruments against plain sums and lists. */
class InstrumentPlay {
  readonly #sim: Simulation;
  readonly #metrics: MemoryMetrics;
  readonly #samplesMax: number;
  readonly #kinds = new Map<string, Kind>();
  readonly #values = new Map<string, number[]>();
  readonly #events: string[] = [];
  readonly #expected: string[] = [];
  readonly #isTraced: boolean;

  constructor(sim: Simulation) {
    this.#sim = sim;
    this.#samplesMax = pick(sim, 'samples', [1000, 0, 1, 3], 1);
    this.#isTraced = rarely(sim, 'traced', 2);
    const { clock } = sim.world;
    const tracer = {
      record: (event: { readonly type: string }): void => void this.#events.push(JSON.stringify(event)),
    } as Simulation['world']['tracer'];
    const runner = rarely(sim, 'named', 2) ? { name: 'mine' } : {};
    this.#runner = runner.name ?? '';
    this.#metrics = createMemoryMetrics({
      ...(this.#isTraced ? { tracer, clock, ...runner } : {}),
      ...(this.#samplesMax === 1000 ? {} : { samplesMax: this.#samplesMax }),
    });
  }

  readonly #runner: string;

  async run(): Promise<void> {
    const names = Object.values(METRIC_NAMES);
    const fixed = Object.keys(CONTRACT).filter((name) => !name.startsWith('commandDirUsage'));
    mustBe(this.#sim, 'the names of the contract', [...fixed].sort(), [...names].sort());
    const acts = pickCount(this.#sim, 'acts', 14);
    for (let act = 0; act < acts; act += 1) {
      if (rarely(this.#sim, 'time passes', 4)) await this.#sim.sleep(5);
      this.#act();
    }
    this.#compare();
  }

  #act(): void {
    const sim = this.#sim;
    const isOwn = rarely(sim, 'own name', 2);
    const name = pick(sim, 'name', isOwn ? OWN_NAMES : Object.keys(CONTRACT), 1);
    const kind = pick(sim, 'kind', KINDS, 1);
    const known = this.#kinds.get(name) ?? CONTRACT[name];
    if (known !== undefined && known !== kind) {
      mustBe(
        sim,
        `${name} used as a ${kind}`,
        'RUNNER_INVALID_ARGUMENT',
        codeOf(() => this.#metrics[kind](name)),
      );
      mustBe(
        sim,
        'a metric without name',
        'RUNNER_INVALID_ARGUMENT',
        codeOf(() => this.#metrics[kind]('')),
      );
      return;
    }
    this.#kinds.set(name, kind);
    const values = this.#values.get(name) ?? [];
    this.#values.set(name, values);
    if (rarely(sim, 'wrong value', 6)) this.#refuse(kind, name);
    else this.#use(kind, name, values);
    mustBe(
      sim,
      `the same name gives the same ${kind}`,
      true,
      isSame(() => this.#metrics[kind](name)),
    );
  }

  #refuse(kind: Kind, name: string): void {
    const value = pick(this.#sim, 'bad value', kind === 'counter' ? [...BAD_VALUES, -1] : BAD_VALUES, 1);
    const use = (): void => {
      if (kind === 'counter') this.#metrics.counter(name).increment(value);
      else if (kind === 'gauge') this.#metrics.gauge(name).set(value);
      else this.#metrics.histogram(name).record(value);
    };
    mustBe(this.#sim, `${value} of the ${kind} ${name}`, 'RUNNER_INVALID_ARGUMENT', codeOf(use));
  }

  #use(kind: Kind, name: string, values: number[]): void {
    const drawn = pick(this.#sim, 'value', VALUES, 1);
    const before = kind === 'counter' ? sum(values) : (values.at(-1) ?? 0);
    if (kind === 'counter') {
      const by = Math.abs(drawn);
      values.push(by);
      if (by === 1) this.#metrics.counter(name).increment();
      else this.#metrics.counter(name).increment(by);
      this.#trace(name, before + by);
      return;
    }
    values.push(drawn);
    if (kind === 'histogram') this.#metrics.histogram(name).record(drawn);
    else this.#metrics.gauge(name).set(drawn);
    if (kind === 'histogram' || drawn !== before) this.#trace(name, drawn);
  }

  #trace(name: string, value: number): void {
    if (!this.#isTraced) return;
    this.#expected.push(
      JSON.stringify({ at: this.#sim.now(), type: 'metric', runner: this.#runner, name, value }),
    );
  }

  #compare(): void {
    const { counters, gauges, histograms } = this.#metrics.snapshot();
    const of = (kind: Kind): string[] =>
      [...this.#kinds]
        .filter(([, each]) => each === kind)
        .map(([name]) => name)
        .sort();
    const valuesOf = (name: string): number[] => this.#values.get(name) ?? [];
    const table = <T>(kind: Kind, valueOf: (values: number[]) => T): Record<string, T> =>
      Object.fromEntries(of(kind).map((name) => [name, valueOf(valuesOf(name))]));
    mustBe(this.#sim, 'all counters', table('counter', sum), counters);
    mustBe(
      this.#sim,
      'all gauges',
      table('gauge', (values) => values.at(-1) ?? 0),
      gauges,
    );
    const summary = (values: number[]): unknown => ({
      count: values.length,
      sum: sum(values),
      min: values.length === 0 ? 0 : Math.min(...values),
      max: values.length === 0 ? 0 : Math.max(...values),
    });
    mustBe(this.#sim, 'all histograms', table('histogram', summary), histograms);
    for (const [name, kind] of this.#kinds) {
      const values = valuesOf(name);
      const value =
        kind === 'counter' ? sum(values) : kind === 'gauge' ? (values.at(-1) ?? 0) : values.length;
      mustBe(this.#sim, `the value of ${name}`, value, this.#metrics.value(name));
      const kept = kind === 'histogram' && this.#samplesMax > 0 ? values.slice(-this.#samplesMax) : [];
      mustBe(this.#sim, `the newest samples of ${name}`, kept, this.#metrics.values(name));
    }
    mustBe(
      this.#sim,
      'a name that was never asked for',
      [0, []],
      [this.#metrics.value('nobody'), this.#metrics.values('nobody')],
    );
    mustBe(this.#sim, 'the events of the trace', this.#expected, this.#events);
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

const STATES: readonly RunState[] = [
  'COMPLETE',
  'RUNNING',
  'PENDING',
  'FAILED',
  'ABORTED',
  'UNKNOWN',
  'TIMEDOUT',
];
const METHODS = ['run', 'abort', 'query', 'queryNow', 'status', 'statusAll', 'release'] as const;
type Method = (typeof METHODS)[number];
const SPIKE_MS = 60_000;

function statusOf(runId: string, state: RunState): RunStatus {
  const tags = { jobId: '', taskId: '', tag: '' };
  const refs = { stdoutRef: '', stderrRef: '' };
  return makeRunStatus(runId, state, tags, refs, { snapshotId: '', exitCode: 0, error: '' });
}

/** A service that answers late, and the meter around it. */
class MeterPlay {
  readonly #sim: Simulation;
  readonly #metrics = createMemoryMetrics();
  readonly #service: MeteredService;
  readonly #refreshes: boolean;
  readonly #spikeMs: number;
  readonly #wrappedMs: number;
  readonly #counts = { runs: 0, aborts: 0, queries: 0 };
  readonly #latencies: number[] = [];
  #statuses: readonly RunStatus[] = [];
  #machine: ServiceStatus = serviceStatus(false, false);
  #takesMs = 0;
  #fails = false;
  #contactMs: number;
  #finishedMs: number | undefined;
  #activeInitMs = 0;

  constructor(sim: Simulation) {
    this.#sim = sim;
    this.#refreshes = !rarely(sim, 'no refresh after calls', 2);
    const spike = pick(sim, 'spike', [undefined, 0, 30], 1);
    this.#spikeMs = spike ?? SPIKE_MS;
    this.#wrappedMs = sim.now();
    this.#contactMs = sim.now();
    this.#service = meterService(this.#inner(), {
      metrics: this.#metrics,
      clock: sim.world.clock,
      ...(this.#refreshes ? {} : { refreshAfterCalls: false }),
      ...(spike === undefined ? {} : { startSpikeMs: spike }),
    });
  }

  async run(): Promise<void> {
    this.#gauge(METRIC_NAMES.START, this.#spikeMs > 0 ? 1 : 0);
    const acts = pickCount(this.#sim, 'acts', 8);
    for (let act = 0; act < acts; act += 1) {
      await this.#sim.sleep(pick(this.#sim, 'waits', [10, 0, 25, SPIKE_MS], 2));
      this.#draw();
      await this.#call(pick(this.#sim, 'calls', METHODS, 1));
      this.#count();
    }
    this.#fails = false;
    await this.#refresh();
  }

  #draw(): void {
    const count = pickCount(this.#sim, 'runs known', 3, 0);
    this.#statuses = Array.from({ length: count }, (_, at) =>
      statusOf(String(at), pick(this.#sim, 'state', STATES, 1)),
    );
    this.#machine = rarely(this.#sim, 'initialized', 3) ? serviceStatus(true, true) : this.#machine;
    this.#takesMs = pick(this.#sim, 'takes', [0, 7], 1);
    this.#fails = rarely(this.#sim, 'fails', 5);
  }

  async #call(method: Method): Promise<void> {
    const { takesMs, fails } = { takesMs: this.#takesMs, fails: this.#fails };
    const answer = this.#answerOf(method);
    this.#contactMs = this.#sim.now();
    if (method === 'run') this.#counts.runs += 1;
    else if (method === 'abort') this.#counts.aborts += 1;
    else if (method !== 'release') this.#counts.queries += 1;
    this.#count();
    const got = await answer;
    mustBe(this.#sim, `R183 the answer of ${method}`, fails, got === 'failed');
    if (method === 'run') this.#latencies.push(takesMs);
    const isRead = method !== 'run' && method !== 'abort' && method !== 'release';
    if (isRead && !fails) this.#observe();
    const refreshedMs = this.#sim.now() + takesMs;
    // What the refresh behind a call finds is known once it is over.
    await this.#sim.sleep(takesMs + 0.5);
    if (!this.#refreshes || fails) return;
    this.#observe(refreshedMs);
    this.#runGauges();
  }

  #answerOf(method: Method): Promise<unknown> {
    const query = { runs: ['0'], states: 0 } as never;
    const calls: Record<Method, () => Promise<unknown>> = {
      run: () => this.#service.run({ argv: [] }),
      abort: () => this.#service.abort('0'),
      query: () => this.#service.query(query, { timeoutMs: 0 }),
      queryNow: () => this.#service.queryNow(query),
      status: () => this.#service.status('0'),
      statusAll: () => this.#service.statusAll(),
      release: () => this.#service.release(),
    };
    return calls[method]().then(
      () => 'answered',
      () => 'failed',
    );
  }

  /** The first answer that says initialized ends the initialization. */
  #observe(atMs = this.#sim.now()): void {
    if (this.#finishedMs !== undefined) return;
    const sinceMs = atMs - this.#wrappedMs;
    if (this.#machine.initialized) this.#finishedMs = sinceMs;
    this.#activeInitMs = this.#machine.initialized ? 0 : sinceMs;
  }

  async #refresh(): Promise<void> {
    this.#draw();
    this.#fails = false;
    const nowMs = this.#sim.now();
    const uptimeMs = nowMs - this.#wrappedMs;
    await this.#service.refresh();
    this.#gauge(METRIC_NAMES.UPTIME_MS, uptimeMs);
    this.#gauge(METRIC_NAMES.START, uptimeMs < this.#spikeMs ? 1 : 0);
    this.#gauge(METRIC_NAMES.TIME_SINCE_LAST_CONTACT_MS, nowMs - this.#contactMs);
    this.#observe();
    this.#runGauges();
    this.#gauge(METRIC_NAMES.FINISHED_INIT_LATENCY_MS, this.#finishedMs ?? 0);
    this.#gauge(METRIC_NAMES.ACTIVE_INIT_LATENCY_MS, this.#activeInitMs);
    this.#count();
    this.#sim.sometimes('an initialization was measured', this.#finishedMs !== undefined);
  }

  #runGauges(): void {
    const is = (...states: readonly RunState[]): number =>
      this.#statuses.filter(({ state }) => states.includes(state)).length;
    const active = is('PENDING', 'RUNNING');
    this.#gauge(METRIC_NAMES.ACTIVE_RUNS, active);
    this.#gauge(METRIC_NAMES.ENDED_CACHED_RUNS, this.#statuses.length - active);
    this.#gauge(METRIC_NAMES.FAILED_CACHED_RUNS, is('FAILED'));
  }

  #count(): void {
    const { runs, aborts, queries } = this.#counts;
    mustBe(this.#sim, 'R183 runs', runs, this.#metrics.value(METRIC_NAMES.RUNS));
    mustBe(this.#sim, 'R183 aborts', aborts, this.#metrics.value(METRIC_NAMES.ABORTS));
    mustBe(this.#sim, 'R183 workerQueries', queries, this.#metrics.value(METRIC_NAMES.QUERIES));
    mustBe(
      this.#sim,
      'R183 runLatency_ms',
      this.#latencies,
      this.#metrics.values(METRIC_NAMES.RUN_LATENCY_MS),
    );
  }

  #gauge(name: string, expected: number): void {
    mustBe(this.#sim, `R183 ${name}`, rounded(expected), rounded(this.#metrics.value(name)));
  }

  #inner(): Service {
    const after = async <T>(result: () => T): Promise<T> => {
      const { takesMs, fails } = { takesMs: this.#takesMs, fails: this.#fails };
      if (takesMs > 0) await this.#sim.sleep(takesMs, 'answer');
      if (fails) throw new Error('refused');
      return result();
    };
    const all = (): { statuses: readonly RunStatus[]; service: ServiceStatus } => ({
      statuses: this.#statuses,
      service: this.#machine,
    });
    const one = (): RunStatus => statusOf('0', 'PENDING');
    return {
      run: () => after(one),
      abort: () => after(one),
      release: () => after(() => undefined),
      query: () => after(all),
      queryNow: () => after(all),
      status: () => after(() => ({ status: one(), service: this.#machine })),
      statusAll: () => after(all),
    };
  }
}
