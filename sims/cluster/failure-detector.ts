/**
 * A failure detector by heartbeats that is eventually perfect, as in "Unreliable Failure Detectors for Reliable Distributed Systems" (Chandra
 * and Toueg, 1996), with incarnations as SWIM has them (Das, Gupta and Motivala, 2002): workers send heartbeats with the number of their
 * process, and a monitor suspects the one that it has not heard of for a while. It takes that back when it hears of it again, and waits longer
 * from then on. A heartbeat of an earlier process than the last one says nothing.
 *
 * An observer from outside knows who is up. The monitor may be wrong for a time, but it never goes back to an earlier process, it reports the
 * end of each process that it has reported, and without faults it knows in time who is there and who is not.
 */
import type { ScenarioDefinition, Simulation } from 'dryrunner';
import { createNetwork, type ClusterNode, type NodeContext } from 'dryrunner/cluster';
import { defineProgram, LINKS } from './program.ts';

type Mistake = 'suspects-for-ever' | 'counts-an-old-process' | 'misses-a-restart' | 'never-suspects-again';

const WORKERS = ['w1', 'w2'];
const HEARTBEAT_MS = 50;
const TIMEOUT_MS = 130;
const LEAVES_AT_MS = 500;
const RECOVERY_MS = 2_000;

class Heartbeat {
  readonly type = 'heartbeat';
  readonly process: number;
  readonly worker: string;

  constructor(worker: string, process: number) {
    this.worker = worker;
    this.process = process;
  }

  describe(): string {
    return `a heartbeat of process ${this.process} of ${this.worker}`;
  }
}

async function work(node: NodeContext): Promise<void> {
  for (;;) {
    node.send('monitor', new Heartbeat(node.name, node.incarnation));
    await node.sleep(HEARTBEAT_MS, `${node.name} is alive`);
  }
}

/** What the monitor knows of a worker. */
interface Belief {
  process: number;
  isSuspected: boolean;
  lastMs: number;
  timeoutMs: number;
}

/** What the monitor reports to those who rely on it, in this order. */
interface Report {
  readonly worker: string;
  readonly process: number;
  readonly what: 'up' | 'suspected' | 'gone';
}

/** Suspects workers. */
class Monitor {
  readonly #node: NodeContext;
  readonly #mistake: Mistake | undefined;
  readonly #beliefs = new Map<string, Belief>();
  readonly reports: Report[] = [];

  constructor(node: NodeContext, mistake: Mistake | undefined) {
    this.#node = node;
    this.#mistake = mistake;
    node.onMessage((heartbeat: Heartbeat) => this.#hear(heartbeat));
    void this.#watch();
  }

  #hear({ worker, process }: Heartbeat): void {
    const belief = this.#beliefs.get(worker);
    const lastMs = this.#node.clock.now();
    if (belief === undefined) {
      this.#beliefs.set(worker, { process, isSuspected: false, lastMs, timeoutMs: TIMEOUT_MS });
      this.#report(worker, process, 'up');
      return;
    }
    if (process < belief.process && this.#mistake !== 'counts-an-old-process') return;
    const isNew = process !== belief.process;
    if (isNew && this.#mistake !== 'misses-a-restart') this.#report(worker, belief.process, 'gone');
    const wasSuspected = belief.isSuspected;
    if (wasSuspected && !isNew && this.#mistake === 'suspects-for-ever') return;
    Object.assign(belief, { process, isSuspected: false, lastMs });
    if (isNew || wasSuspected) this.#report(worker, process, 'up');
    if (wasSuspected && !isNew) belief.timeoutMs += TIMEOUT_MS;
    if (wasSuspected && this.#mistake === 'never-suspects-again') belief.timeoutMs = Infinity;
  }

  async #watch(): Promise<void> {
    for (;;) {
      await this.#node.sleep(HEARTBEAT_MS, 'the monitor looks');
      const now = this.#node.clock.now();
      for (const [worker, belief] of this.#beliefs) {
        if (belief.isSuspected || now - belief.lastMs <= belief.timeoutMs) continue;
        belief.isSuspected = true;
        this.#report(worker, belief.process, 'suspected');
      }
    }
  }

  #report(worker: string, process: number, what: Report['what']): void {
    this.reports.push({ worker, process, what });
    this.#node.note(`${worker}/${process} is ${what}`);
  }
}

/** Compares what the monitor reports with what is so. */
class Observer {
  readonly #monitor: ClusterNode<Monitor>;
  readonly #workers: readonly ClusterNode<object | void>[];
  #process: Monitor | undefined;
  #seen = 0;
  /** Of each worker the process that was reported last, and what of it. */
  readonly #last = new Map<string, Report>();

  constructor(monitor: ClusterNode<Monitor>, workers: readonly ClusterNode<object | void>[]) {
    this.#monitor = monitor;
    this.#workers = workers;
  }

  /** True, or throws what is wrong. */
  look(): true {
    const monitor = this.#monitor.object;
    if (monitor === undefined) return true;
    if (monitor !== this.#process) {
      // It has forgotten what the process before it has reported.
      this.#process = monitor;
      this.#seen = 0;
      this.#last.clear();
    }
    for (; this.#seen < monitor.reports.length; this.#seen += 1) {
      const report = monitor.reports[this.#seen] as Report;
      this.#judge(report, this.#last.get(report.worker));
      this.#last.set(report.worker, report);
    }
    return true;
  }

  /** Whether it is right about all workers now. */
  get isRight(): boolean {
    if (this.#monitor.object === undefined) return false;
    return this.#workers.every(({ name, state, incarnation }) => {
      const last = this.#last.get(name);
      if (state === 'up') return last?.what === 'up' && last.process === incarnation;
      return last === undefined || last.what === 'suspected';
    });
  }

  #judge({ worker, process, what }: Report, last: Report | undefined): void {
    if (last === undefined) return;
    if (process < last.process) {
      throw new Error(`${worker}/${process} is ${what}, after ${worker}/${last.process} was ${last.what}`);
    }
    if (process > last.process && last.what !== 'gone') {
      throw new Error(
        `${worker}/${process} is ${what}, and nobody was informed that ${worker}/${last.process} is gone`,
      );
    }
  }
}

async function rehearse(sim: Simulation, mistake: Mistake | undefined): Promise<void> {
  const net = createNetwork(sim, {
    ...LINKS,
    nodes: {
      faults: {
        crash: 32,
        pause: 48,
        slow: 96,
        downMsMax: 200,
        pauseMsMax: 400,
        slowMsMax: 400,
        strikesMax: 2,
      },
      skew: true,
    },
  });
  const monitor = net.node('monitor', (node) => new Monitor(node, mistake));
  const workers = WORKERS.map((name) =>
    net.node(name, (node) => {
      void work(node);
    }),
  );
  const observer = new Observer(monitor, workers);
  sim.always('reports are in order', () => observer.look());
  await sim.sleep(LEAVES_AT_MS, 'a worker leaves');
  await workers[WORKERS.length - 1]?.leave();
  await sim.eventually('the monitor knows who is up', () => observer.isRight, { withinMs: RECOVERY_MS });
}

const { correct, mistaken } = defineProgram<Mistake>({
  name: 'failure-detector',
  description:
    'a monitor suspects workers whose heartbeats stay away, and withdraws the suspicion when they return: without faults it knows in time who is up',
  mistakes: {
    'suspects-for-ever': 'the monitor withdraws no suspicion',
    'counts-an-old-process': 'the heartbeats of an earlier process count',
    'misses-a-restart': 'the monitor does not report that the process before is gone',
    'never-suspects-again': 'the monitor does not suspect again what it was wrong about',
  },
  run: rehearse,
});

export const failureDetector: ScenarioDefinition = correct;
/** The same with one mistake each, for explorations to find. */
export const failureDetectorMistakes: readonly ScenarioDefinition[] = mistaken;
