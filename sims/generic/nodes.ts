/** A node under all verbs: its state, its processes, when its timers fire, what it leaves behind and what is refused, as a model says. */
import { defineScenario, isRunnerError, type ScenarioDefinition, type Simulation } from 'dryrunner';
import { type ClusterNode, createNetwork, type NodeContext } from 'dryrunner/cluster';
import { pick, pickCount } from '../zoo/odds.ts';
import { rounded } from './outcome.ts';

const VERBS = ['crash', 'restart', 'pause', 'resume', 'slow', 'restart', 'resume', 'fail', 'leave'] as const;
const REACHED = VERBS.map((verb) => `${verb} of a node`);
const STEPS = 14;
const EVERY_MS = 2;
const STEP_MS = 0.017;
const SETTLE_MS = 0.001;
const RESTART_MS = 7.3;

type Make = typeof createNetwork;

/** The workload of a node; `make` is what makes its network. */
export function nodesWorkload(make: Make = createNetwork): ScenarioDefinition<unknown> {
  return defineScenario<unknown>({
    name: 'generic-nodes',
    description: 'a node crashes, restarts, pauses, is slow, fails and leaves, and lives as a model says',
    async run(sim) {
      for (const name of REACHED) sim.sometimes(name, false);
      await new NodeWork(sim, make).run();
    },
  });
}

export const nodes: ScenarioDefinition<unknown> = nodesWorkload();

class NodeWork {
  readonly #sim: Simulation;
  readonly #node: ClusterNode<object>;
  readonly #onError: 'crash' | 'restart';
  readonly #seen: string[] = [];
  readonly #expected: string[] = [];
  readonly #downs: number[] = [];
  readonly #hooks: string[] = [];
  #context: NodeContext | undefined;
  #state: 'up' | 'paused' | 'down' | 'left' = 'up';
  #incarnation = 0;
  #factor = 1;
  #dueMs = EVERY_MS;
  #restartMs = Infinity;
  #downCount = 0;
  #isAmbiguous = false;

  constructor(sim: Simulation, make: Make) {
    this.#sim = sim;
    this.#onError = pick(sim, 'an error', ['crash', 'restart'] as const, 1);
    const net = make(sim);
    const program = (node: NodeContext): object => {
      this.#context = node;
      node.onStop(() => void this.#hooks.push(`last of ${node.incarnation}`));
      node.onStop(async () => {
        await node.sleep(0);
        this.#hooks.push(`first of ${node.incarnation}`);
      });
      const tick = (): void => {
        this.#seen.push(`${node.incarnation} at ${rounded(sim.now())}`);
        node.clock.timer('tick', EVERY_MS, tick);
      };
      node.clock.timer('tick', EVERY_MS, tick);
      return { incarnation: node.incarnation };
    };
    const onDown = (): void => void this.#downs.push(sim.now());
    this.#node = net.node('n', program, { onError: this.#onError, restartMs: RESTART_MS, onDown });
  }

  async run(): Promise<void> {
    const sim = this.#sim;
    for (let left = pickCount(sim, 'steps', STEPS); left > 0; left -= 1) {
      this.#advance();
      await this.#verb(pick(sim, 'verb', VERBS, 1));
      await sim.sleep(SETTLE_MS);
      this.#advance();
      if (this.#isAmbiguous) return;
      this.#compare();
      await sim.sleep(pick(sim, 'pauses', [1, 5, 12], 1) + STEP_MS - SETTLE_MS);
    }
  }

  async #verb(verb: (typeof VERBS)[number]): Promise<void> {
    const sim = this.#sim;
    if (this.#state === 'left') {
      this.#refused(verb);
      return;
    }
    sim.sometimes(`${verb} of a node`);
    const now = sim.now();
    switch (verb) {
      case 'crash':
        this.#node.crash();
        if (this.#state !== 'down') this.#down();
        this.#restartMs = Infinity;
        return;
      case 'restart':
        this.#node.restart();
        if (this.#state !== 'down') this.#down();
        this.#up(now);
        return;
      case 'pause':
        this.#node.pause();
        if (this.#state === 'up') this.#state = 'paused';
        return;
      case 'resume':
        this.#node.resume();
        if (this.#state !== 'paused') return;
        this.#state = 'up';
        this.#dueMs = Math.max(this.#dueMs, now);
        return;
      case 'slow':
        this.#factor = pick(sim, 'how slow', [1, 2, 3], 1);
        this.#node.slow(this.#factor);
        return;
      case 'fail':
        this.#fail(now);
        return;
      case 'leave':
        await this.#leave();
    }
  }

  #fail(now: number): void {
    if (this.#state !== 'up') return;
    this.#context?.clock.post('fails', () => {
      throw new Error('the program fails');
    });
    this.#down();
    if (this.#onError === 'restart') this.#restartMs = now + RESTART_MS;
  }

  async #leave(): Promise<void> {
    if (this.#state === 'paused') return;
    const wasUp = this.#state === 'up';
    this.#hooks.length = 0;
    const left = this.#node.leave();
    this.#sim.check(this.#node.leave() === left, 'it leaves once');
    await left;
    const { incarnation } = this.#node;
    const hooks = wasUp ? `first of ${incarnation},last of ${incarnation}` : '';
    this.#sim.check(this.#hooks.join() === hooks, `its hooks are called so: ${this.#hooks.join()}`);
    if (wasUp) this.#down();
    this.#state = 'left';
    this.#restartMs = Infinity;
  }

  #refused(verb: (typeof VERBS)[number]): void {
    if (verb === 'fail' || verb === 'leave') return;
    try {
      if (verb === 'slow') this.#node.slow(2);
      else this.#node[verb]();
      this.#sim.check(false, `${verb} comes too late, and is not refused`);
    } catch (error) {
      const text = `n has left the network, for good: ${verb}() comes too late`;
      this.#sim.check(
        isRunnerError(error, 'RUNNER_SIMULATION_MISUSE') && error.message === text,
        `${verb} is refused so: ${String(error)}`,
      );
    }
  }

  #down(): void {
    this.#state = 'down';
    this.#downCount += 1;
    this.#restartMs = Infinity;
  }

  #up(atMs: number): void {
    this.#state = 'up';
    this.#incarnation += 1;
    this.#restartMs = Infinity;
    this.#dueMs = atMs + EVERY_MS * this.#factor;
  }

  /** Timers that are due, and the restart after an error. */
  #advance(): void {
    const now = this.#sim.now();
    for (;;) {
      const tickMs = this.#state === 'up' ? this.#dueMs : Infinity;
      const nextMs = Math.min(tickMs, this.#restartMs);
      if (Math.abs(nextMs - now) < SETTLE_MS / 2) this.#isAmbiguous = true;
      if (nextMs > now) return;
      if (this.#restartMs === nextMs) this.#up(this.#restartMs);
      else {
        this.#expected.push(`${this.#incarnation} at ${rounded(tickMs)}`);
        this.#dueMs = tickMs + EVERY_MS * this.#factor;
      }
    }
  }

  #compare(): void {
    const node = this.#node;
    const said = `${node.state} ${node.incarnation} ${JSON.stringify(node.object)} ${this.#downs.length}`;
    const isThere = this.#state === 'up' || this.#state === 'paused';
    const object = isThere ? JSON.stringify({ incarnation: this.#incarnation }) : 'undefined';
    const meant = `${this.#state} ${this.#incarnation} ${object} ${this.#downCount}`;
    this.#sim.check(said === meant, `the node is ${said}, not ${meant}`);
    const last = (ticks: readonly string[]): string => ticks.slice(-6).join();
    this.#sim.check(
      this.#seen.length === this.#expected.length && last(this.#seen) === last(this.#expected),
      `its timers have fired ${last(this.#seen)}, not ${last(this.#expected)}`,
    );
  }
}
