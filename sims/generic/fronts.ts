/**
 * What can stand between clients and a runner without being noticed: nothing, a decorator that passes calls on, chaos without faults, a meter, watchers, a
 * node that nothing strikes. Invariant: whatever is drawn, each call comes to the same in the same instant; and a meter has counted it.
 */
import {
  type Around,
  createChaosRunner,
  createHistory,
  createMemoryMetrics,
  createNode,
  interceptInPlace,
  interceptService,
  type MemoryMetrics,
  type MeteredService,
  meterService,
  METRIC_NAMES,
  type Service,
  type ServiceCall,
  type ServiceReply,
  type Simulation,
  type SimulatedWorld,
  watchAnswers,
  watchHistory,
} from 'dryrunner';
import { pick } from '../zoo/odds.ts';
import { isOver, type StoreModel } from './store-model.ts';

const FRONTS = ['none', 'intercepted', 'in place', 'chaos', 'metered', 'answers', 'history', 'node'] as const;
const SPIKES_MS = [undefined, 0, 20];

/** A service and what is known of what stands in front of it. */
export interface Front {
  readonly service: Service;
  /** Looks at what it says of the calls so far. */
  check(): Promise<void>;
}

/** Draws what stands in front of the runner that `make` makes in a world. */
export function drawFront<S extends Service>(
  sim: Simulation,
  world: SimulatedWorld,
  make: (world: SimulatedWorld) => S,
  model: StoreModel,
): Front & { readonly runner: S } {
  const kind = pick(sim, 'in front', FRONTS, 2);
  if (kind === 'node') {
    const node = createNode({ world }, { name: 'machine', start: (own) => make(own) });
    return { ...plain(node), runner: node.service as S };
  }
  const runner = make(world);
  const pass: Around = (call, proceed) => proceed(call);
  switch (kind) {
    case 'none':
      return { ...plain(runner), runner };
    case 'intercepted':
      return { ...plain(interceptService(runner, pass)), runner };
    case 'in place':
      return { ...plain(interceptInPlace(runner, pass)), runner };
    case 'chaos':
      return { ...plain(createChaosRunner(world, runner)), runner };
    case 'answers': {
      const report = ({ rule, message }: { rule: string; message: string }): void =>
        sim.check(false, `${rule} ${message}`);
      return { ...plain(watchAnswers(world, runner, report)), runner };
    }
    case 'history': {
      const history = createHistory<ServiceCall, ServiceReply>(world.clock);
      return { ...plain(watchHistory(runner, history, 'client')), runner };
    }
    case 'metered':
      return { ...metered(sim, world, runner, model), runner };
  }
}

function plain(service: Service): Front {
  return { service, check: () => Promise.resolve() };
}

/** R183: what the meter says is what was called, and how the runs stand. */
function metered(sim: Simulation, { clock }: SimulatedWorld, runner: Service, model: StoreModel): Front {
  const metrics = createMemoryMetrics();
  const startSpikeMs = pick(sim, 'spike', SPIKES_MS, 1);
  const refreshAfterCalls = pick(sim, 'refreshes', [undefined, false], 1);
  const meter = meterService(runner, {
    metrics,
    clock,
    ...(startSpikeMs === undefined ? {} : { startSpikeMs }),
    ...(refreshAfterCalls === undefined ? {} : { refreshAfterCalls }),
  });
  const book = new MeterBook(sim, meter, metrics, model, startSpikeMs ?? 60_000);
  const service = interceptService(meter, (call, proceed) => book.counted(call, proceed(call)));
  return { service, check: () => book.check() };
}

class MeterBook {
  readonly #sim: Simulation;
  readonly #meter: MeteredService;
  readonly #metrics: MemoryMetrics;
  readonly #model: StoreModel;
  readonly #spikeMs: number;
  readonly #startMs: number;
  readonly #calls = new Map<string, number>();
  #answered = 0;
  #contactMs: number;
  #made = 0;

  constructor(
    sim: Simulation,
    meter: MeteredService,
    metrics: MemoryMetrics,
    model: StoreModel,
    spikeMs: number,
  ) {
    this.#sim = sim;
    this.#meter = meter;
    this.#metrics = metrics;
    this.#model = model;
    this.#spikeMs = spikeMs;
    this.#startMs = sim.now();
    this.#contactMs = sim.now();
    this.#is(METRIC_NAMES.START, spikeMs > 0 ? 1 : 0);
  }

  counted<R>({ method }: ServiceCall, reply: Promise<R>): Promise<R> {
    this.#made += 1;
    this.#contactMs = this.#sim.now();
    this.#calls.set(method, (this.#calls.get(method) ?? 0) + 1);
    const answered = (): void => {
      if (method === 'run') this.#answered += 1;
    };
    reply.then(answered, answered);
    return reply;
  }

  async check(): Promise<void> {
    const called = (method: string): number => this.#calls.get(method) ?? 0;
    const sim = this.#sim;
    this.#is(METRIC_NAMES.RUNS, called('run'));
    this.#is(METRIC_NAMES.ABORTS, called('abort'));
    const reads = ['query', 'queryNow', 'status', 'statusAll'].map(called);
    this.#is(
      METRIC_NAMES.QUERIES,
      reads.reduce((sum, count) => sum + count, 0),
    );
    this.#is(METRIC_NAMES.RUN_LATENCY_MS, this.#answered);
    const latencies = this.#metrics.values(METRIC_NAMES.RUN_LATENCY_MS);
    sim.check(
      latencies.every((ms) => ms === 0),
      `R183 runs took ${latencies.join()} ms`,
    );
    const states = [...this.#model.runs.values()].map(({ status }) => status.state);
    const ended = states.filter(isOver).length;
    const made = this.#made;
    const now = sim.now();
    await this.#meter.refresh();
    if (made !== this.#made || now !== sim.now()) return;
    this.#is(METRIC_NAMES.ACTIVE_RUNS, states.length - ended);
    this.#is(METRIC_NAMES.ENDED_CACHED_RUNS, ended);
    this.#is(METRIC_NAMES.FAILED_CACHED_RUNS, states.filter((state) => state === 'FAILED').length);
    this.#is(METRIC_NAMES.UPTIME_MS, now - this.#startMs);
    this.#is(METRIC_NAMES.TIME_SINCE_LAST_CONTACT_MS, now - this.#contactMs);
    this.#is(METRIC_NAMES.START, now - this.#startMs < this.#spikeMs ? 1 : 0);
    this.#is(METRIC_NAMES.ACTIVE_INIT_LATENCY_MS, 0);
    sim.sometimes('a meter is read');
  }

  #is(name: string, expected: number): void {
    const value = this.#metrics.value(name);
    this.#sim.check(value === expected, `R183 ${name} is ${value}, and should be ${expected}`);
  }
}
