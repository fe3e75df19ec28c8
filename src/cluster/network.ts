/** A simulated network of nodes. Its parts: `node.ts`, `link.ts`, `endpoint.ts`. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { CallOptions, NodeProgram, Stub } from '../model/node-context.ts';
import type { OngoingWait } from '../model/wait-watch.ts';
import { SIMULATED_WORLD } from '../model/world.ts';
import type { Simulation } from '../simulation/simulation.ts';
import { CALL_TIMEOUT_MS, Endpoint, networkStopped, NODE_NAME, SCENARIO } from './endpoint.ts';
import type { Envelope } from './envelope.ts';
import type { Receiver } from './link.ts';
import { checkLinkOptions, LINK_FIELDS, type LinkOptions, LinkSettings } from './link-settings.ts';
import { Fabric, type SettingsOfLink } from './fabric.ts';
import {
  CLUSTER_NODE_FIELDS,
  CLUSTER_NODE_OPTIONS,
  type ClusterNode,
  type ClusterNodeOptions,
  SimulatedClusterNode,
} from './node.ts';
import { Outage } from './outage.ts';
import { createStub } from './stub.ts';

/** Options of {@link createNetwork}. */
export interface NetworkOptions extends LinkOptions {
  /** Default timeout of calls in milliseconds, which a call can override; `Infinity` for none. Default 10,000. */
  readonly callTimeoutMs?: number;
  /**
   * Options of the link from one node to another where it differs from the rest; called once for each direction.
   * Default: none differs.
   */
  readonly links?: (from: string, to: string) => LinkOptions | undefined;
  /** Default options of all nodes. */
  readonly nodes?: ClusterNodeOptions;
}

/** The name of one node, or of several. */
export type NodeNames = string | readonly string[];

const SIMULATION = is.objectOf<Pick<Simulation, 'world' | 'onEnd'>>(
  'a simulation',
  { world: SIMULATED_WORLD, onEnd: is.FUNCTION },
  {},
);
const NETWORK_OPTIONS = is.optionsOf<NetworkOptions>(
  {},
  { ...LINK_FIELDS, callTimeoutMs: is.limit(), links: is.FUNCTION, nodes: CLUSTER_NODE_OPTIONS },
);
const NAMES = is.anyOf('a name or a list of names', is.TEXT, is.listOf(is.TEXT));

/** An endpoint that is not a node and never goes down: the scenario, or an object behind a link (`through`). */
class Place implements Receiver {
  readonly name: string;
  readonly hasLeft = false;
  readonly endpoint: Endpoint;
  readonly #fabric: Fabric;

  constructor(core: Fabric, name: string) {
    this.name = name;
    this.#fabric = core;
    this.endpoint = new Endpoint({
      name,
      incarnation: 0,
      clock: core.world.clock,
      transport: {
        nextId: () => core.nextId(),
        post: (envelope) => core.link(name, envelope.to).send(envelope),
      },
      callTimeoutMs: core.callTimeoutMs,
      waits: core.world.waits,
    });
  }

  awaits(id: number): boolean {
    return this.endpoint.awaits(id);
  }

  waits(): Iterable<OngoingWait> {
    return this.endpoint.waits();
  }

  arrive(envelope: Envelope): void {
    const refusal = this.endpoint.refusal(envelope);
    if (refusal !== undefined) {
      this.#fabric.refuse(envelope, refusal);
      return;
    }
    this.#fabric.link(envelope.from, this.name).trace(envelope, 'delivered');
    this.endpoint.deliver(envelope);
  }
}

/** A simulated network. Made by {@link createNetwork}. */
export class Network {
  readonly #fabric: Fabric;
  readonly #defaults: ClusterNodeOptions;
  readonly #nodes = new Map<string, SimulatedClusterNode<object | void>>();
  readonly #places = new Map<string, Place>();
  #isStopped = false;

  /** @internal */
  constructor(sim: Pick<Simulation, 'world' | 'onEnd'>, options: NetworkOptions) {
    const { callTimeoutMs = CALL_TIMEOUT_MS, nodes = {} } = options;
    this.#defaults = is.only(CLUSTER_NODE_FIELDS, nodes);
    this.#fabric = new Fabric(sim.world, settingsOfLinks(options), callTimeoutMs);
    sim.world.onHeal(() => this.#nodes.forEach((node) => node.heal()));
    sim.onEnd(() => this.#end());
  }

  /**
   * Adds a node and starts its program. Nodes can join at any time. Calls to a node wait until its program has
   * returned.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a name that is taken, also by a node that has left;
   * `RUNNER_RELEASED` after `stop`. With `onError: 'fail'`, an error that the program throws synchronously is thrown
   * here, and no node is added; not in ambient time, where the program starts later. `onError` decides about all
   * others.
   */
  node<T extends object | void>(
    name: string,
    program: NodeProgram<T>,
    options: ClusterNodeOptions = {},
  ): ClusterNode<T> {
    check('program', program, is.FUNCTION);
    check('options', options, CLUSTER_NODE_OPTIONS);
    this.#checkFree(name);
    const node = new SimulatedClusterNode(this.#fabric, name, program, {
      ...this.#defaults,
      ...is.only(CLUSTER_NODE_FIELDS, options),
    });
    this.#nodes.set(name, node);
    this.#fabric.add(node);
    try {
      node.start();
    } catch (error) {
      this.#nodes.delete(name);
      this.#fabric.remove(node);
      node.discard();
      throw error;
    }
    return node;
  }

  /** A stub for the object of a node, called by the scenario through links of its own. */
  connect<T extends object>(to: string, options?: CallOptions): Stub<T> {
    return createStub<T>(this.#place(SCENARIO).endpoint, to, options);
  }

  /**
   * Puts an object behind a link without a node, and returns a stub for it: `name` never crashes, but the usual faults
   * strike its messages.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a name that is taken, or if `object` is not an object;
   * `RUNNER_RELEASED` after `stop`.
   */
  through<T extends object>(name: string, object: T, options?: CallOptions): Stub<T> {
    check('object', object, is.OPAQUE);
    this.#checkFree(name);
    const place = this.#place(name);
    try {
      place.endpoint.serve(object);
    } catch (error) {
      this.#places.delete(name);
      this.#fabric.remove(place);
      throw error;
    }
    return this.connect<T>(name, options);
  }

  /** Sends a one-way message from the scenario to a node. */
  send(to: string, message: unknown): void {
    check('to', to, is.TEXT);
    this.#place(SCENARIO).endpoint.send(to, message);
  }

  /**
   * Partitions the network: messages between two of the groups that are sent, or would arrive, before `repair` or
   * before faults end are lost. A message that is due only after that arrives. Nodes that are in no group keep all
   * their links.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for fewer than two groups, an empty group, an unknown node, or a node
   * in two groups.
   * @example
   * ```ts
   * import { simulate } from 'dryrunner';
   * import { createNetwork, isCallLost } from 'dryrunner/cluster';
   * const { held } = await simulate({
   *   async scenario(sim) {
   *     const net = createNetwork(sim);
   *     const server = net.through('server', { ping: () => 'pong' }, { timeoutMs: 100 });
   *     net.partition('server', 'scenario');
   *     const lost = await server.ping().then(() => false, isCallLost);
   *     net.repair();
   *     sim.check(lost && (await server.ping()) === 'pong', 'it is lost while the network is partitioned');
   *   },
   * });
   * if (!held) throw new Error('expected it to hold');
   * ```
   */
  partition(...groups: readonly NodeNames[]): void {
    if (groups.length < 2) throw invalidArgument('groups', 'at least two groups of nodes', groups);
    const named = groups.map((group, index) => this.#names(`groups[${index}]`, group));
    this.#checkApart('groups', named);
    this.#fabric.begin(new Outage('partition', named));
  }

  /** Loses all messages from one group to the other, and none in the other direction. */
  cut(from: NodeNames, to: NodeNames): void {
    this.#fabric.begin(new Outage('cut', this.#direction(from, to)));
  }

  /** Makes all messages from one group to the other wait until `release`. */
  hold(from: NodeNames, to: NodeNames): void {
    const [senders, receivers] = this.#direction(from, to);
    for (const one of senders) {
      for (const other of receivers) this.#fabric.begin(new Outage('hold', [[one], [other]]));
    }
  }

  /** Ends all holds from one group to the other, also one that was decided; the messages that waited arrive now. */
  release(from: NodeNames, to: NodeNames): void {
    const [senders, receivers] = this.#direction(from, to);
    this.#fabric.end(
      (outage) =>
        outage.kind === 'hold' &&
        senders.some((one) => receivers.some((other) => outage.concerns(one, other))),
    );
  }

  /** Ends all partitions, cuts and holds, including those of the exploration. */
  repair(): void {
    this.#fabric.end(() => true);
  }

  /**
   * Ends all nodes at once, without a fault, as the end of the scenario does. Pending calls of the scenario reject with
   * `RUNNER_CALL_LOST`, later calls with `RUNNER_RELEASED`.
   */
  stop(): void {
    for (const place of this.#places.values()) place.endpoint.release();
    this.#end();
  }

  #end(): void {
    this.#isStopped = true;
    for (const node of this.#nodes.values()) node.stop();
    for (const place of this.#places.values()) place.endpoint.close();
    this.#fabric.stop();
  }

  #direction(from: NodeNames, to: NodeNames): readonly [readonly string[], readonly string[]] {
    const both = [this.#names('from', from), this.#names('to', to)] as const;
    this.#checkApart('to', both);
    return both;
  }

  #names(what: string, group: NodeNames): readonly string[] {
    check(what, group, NAMES);
    const names = typeof group === 'string' ? [group] : group;
    if (names.length === 0) throw invalidArgument(what, 'at least one node', group);
    const unknown = names.find((name) => name !== SCENARIO && !this.#fabric.has(name));
    if (unknown !== undefined) throw invalidArgument(what, 'nodes of this network', unknown);
    return names;
  }

  #checkApart(what: string, groups: readonly (readonly string[])[]): void {
    const seen = new Set<string>();
    for (const name of groups.flat()) {
      if (seen.has(name)) throw invalidArgument(what, 'each node once', name);
      seen.add(name);
    }
  }

  #place(name: string): Place {
    let place = this.#places.get(name);
    if (place === undefined) {
      place = new Place(this.#fabric, name);
      // Nothing else would ever answer the calls of nodes to the scenario.
      if (name === SCENARIO) place.endpoint.serve(undefined);
      if (this.#isStopped) place.endpoint.release();
      this.#places.set(name, place);
      this.#fabric.add(place);
    }
    return place;
  }

  #checkFree(name: string): void {
    check('name', name, NODE_NAME);
    if (name === SCENARIO || this.#nodes.has(name) || this.#places.has(name)) {
      throw invalidArgument('name', 'one that no other node has', name);
    }
    if (this.#isStopped) throw networkStopped();
  }
}

function settingsOfLinks(options: NetworkOptions): SettingsOfLink {
  const { links } = options;
  const settings = new LinkSettings(options);
  return (from, to) => {
    const own = links?.(from, to);
    if (own === undefined) return settings;
    checkLinkOptions(`links("${from}", "${to}")`, own);
    return settings.with(own);
  };
}

/**
 * Makes a simulated network of nodes. The exploration decides how long calls take, whether they are lost, duplicated or
 * reordered, and when nodes crash and come back. Without faults and latency, a call is one event at the callee and one
 * at the caller.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid options.
 * @example
 * ```ts
 * import { simulate } from 'dryrunner';
 * import { createNetwork } from 'dryrunner/cluster';
 * class Counter {
 *   #count = 0;
 *   add(n: number): number {
 *     return (this.#count += n);
 *   }
 * }
 * const { held } = await simulate({
 *   async scenario(sim) {
 *     const net = createNetwork(sim, { latencyMs: [1, 20] });
 *     net.node('counter', () => new Counter());
 *     const counter = net.connect<Counter>('counter');
 *     await counter.add(2);
 *     sim.check((await counter.add(3)) === 5, 'it counts');
 *   },
 * });
 * if (!held) throw new Error('expected it to hold');
 * ```
 */
export function createNetwork(
  sim: Pick<Simulation, 'world' | 'onEnd'>,
  options: NetworkOptions = {},
): Network {
  check('sim', sim, SIMULATION);
  check('options', options, NETWORK_OPTIONS);
  return new Network(sim, options);
}
