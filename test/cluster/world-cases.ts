// What a network promises, as a list of cases that runs on a simulated one and on threads.
import { expect } from 'vitest';
import { isRunnerError } from '../../src/kernel/errors.ts';
import type { CallOptions, Stub } from '../../src/model/node-context.ts';
import type { Collector, Counter, Forwarder, Journal, Sender } from './programs.ts';
import type * as programs from './programs.ts';

/** A node on either network. */
export interface WorldNode {
  readonly state: string;
  readonly incarnation: number;
  crash(): void | Promise<void>;
  restart(): void | Promise<void>;
  leave(): void | Promise<void>;
}

/** Either network. */
export interface World {
  /** What nodes have noted. */
  readonly notes: readonly string[];
  node(name: string, program: keyof typeof programs): Promise<WorldNode>;
  connect<T extends object>(to: string, options?: CallOptions): Stub<T>;
  stop(): void | Promise<void>;
}

export interface WorldCase {
  readonly title: string;
  run(world: World): Promise<void>;
}

/** What a call rejects with. */
async function errorOf(call: Promise<unknown>): Promise<Error & { code?: unknown }> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('expected the call to fail');
}

/** What a verb throws or rejects with. */
function refusalOf(verb: () => unknown): Promise<Error & { code?: unknown }> {
  return errorOf(Promise.resolve().then(verb));
}

export const WORLD_CASES: readonly WorldCase[] = [
  {
    title: 'calls in the order of making take effect in that order',
    async run(world) {
      await world.node('counter', 'counter');
      const counter = world.connect<Counter>('counter');
      expect(await Promise.all([counter.add(1), counter.add(2), counter.add(3)])).toEqual([1, 3, 6]);
    },
  },
  {
    title: 'values cross as structured clone copies them',
    async run(world) {
      await world.node('counter', 'counter');
      const counter = world.connect<Counter>('counter');
      const value = {
        list: [1, undefined, null],
        map: new Map([['a', new Date(5)]]),
        bytes: new Uint8Array([1, 2]),
        big: 5n,
      };
      const copy = await counter.mirror(value);
      expect(copy).toEqual(value);
      expect(copy).not.toBe(value);
      expect(await errorOf(counter.mirror(() => 1))).toMatchObject({ code: 'RUNNER_NOT_CLONEABLE' });
      expect(await errorOf(counter.refuse())).toMatchObject({ code: 'RUNNER_NOT_CLONEABLE' });
    },
  },
  {
    title: 'what a method throws comes with its kind, message, code and cause',
    async run(world) {
      await world.node('counter', 'counter');
      const error = await errorOf(world.connect<Counter>('counter').fail('it is full'));
      expect(error).toBeInstanceOf(RangeError);
      expect(error).toMatchObject({ name: 'RangeError', message: 'it is full', code: 'E_FULL' });
      expect(error.cause).toBeInstanceOf(TypeError);
    },
  },
  {
    title: 'a method that is not there is refused by its name',
    async run(world) {
      await world.node('counter', 'counter');
      const error = await errorOf(world.connect<{ subtract(): void }>('counter').subtract());
      expect(isRunnerError(error, 'RUNNER_NO_METHOD')).toBe(true);
      expect(error.message).toContain('subtract');
    },
  },
  {
    title: 'a node calls another one',
    async run(world) {
      await world.node('counter', 'counter');
      await world.node('front', 'forwarder');
      const front = world.connect<Forwarder>('front');
      expect([await front.add(2), await front.add(5)]).toEqual([2, 7]);
    },
  },
  {
    title: 'messages without reply come in the order of sending',
    async run(world) {
      await world.node('inbox', 'collector');
      await world.node('sender', 'sender');
      await world.connect<Sender>('sender').sendTo('inbox', [1, { two: 2 }, 'three']);
      expect(await world.connect<Collector>('inbox').got(3)).toEqual([1, { two: 2 }, 'three']);
    },
  },
  {
    title: 'a call to nobody, and to a node that is down, is refused',
    async run(world) {
      const node = await world.node('counter', 'counter');
      await node.crash();
      expect(node.state).toBe('down');
      expect(await errorOf(world.connect<Counter>('counter').add(1))).toMatchObject({
        code: 'RUNNER_NODE_DOWN',
      });
      expect(await errorOf(world.connect<Counter>('nobody').add(1))).toMatchObject({
        code: 'RUNNER_NODE_DOWN',
      });
    },
  },
  {
    title: 'a crash loses the calls that were not answered, and all memory',
    async run(world) {
      const node = await world.node('counter', 'counter');
      const counter = world.connect<Counter>('counter');
      await counter.add(7);
      const lost = errorOf(counter.sleepThenAdd(1_000_000, 1));
      // Once this one is answered, the one before has been got.
      expect(await counter.add(0)).toBe(7);
      await node.crash();
      expect(await lost).toMatchObject({ code: 'RUNNER_CALL_LOST' });
      await node.restart();
      expect([node.state, node.incarnation]).toEqual(['up', 1]);
      expect([await counter.add(1), await counter.incarnation()]).toEqual([1, 1]);
    },
  },
  {
    title: 'a call that is not answered in time rejects, and what it does goes on',
    async run(world) {
      await world.node('counter', 'counter');
      const counter = world.connect<Counter>('counter');
      const late = world.connect<Counter>('counter', { timeoutMs: 5 }).sleepThenAdd(50, 4);
      expect(await errorOf(late)).toMatchObject({ code: 'RUNNER_CALL_TIMED_OUT' });
      expect(await counter.sleepThenAdd(60, 0)).toBe(4);
    },
  },
  {
    title: 'a signal rejects a call with its reason',
    async run(world) {
      await world.node('counter', 'counter');
      const controller = new AbortController();
      const call = errorOf(
        world.connect<Counter>('counter', { signal: controller.signal }).sleepThenAdd(1_000_000, 1),
      );
      const reason = new Error('no longer wanted');
      controller.abort(reason);
      expect(await call).toBe(reason);
    },
  },
  {
    title: 'calls wait for a program that takes its time to start',
    async run(world) {
      const started = world.node('slow', 'slowStart');
      expect(await world.connect<{ isThere(): boolean }>('slow').isThere()).toBe(true);
      await started;
    },
  },
  {
    title: 'what was synced is on the disk of the next process',
    async run(world) {
      const node = await world.node('journal', 'journal');
      const lines = world.connect<Journal>('journal');
      await lines.add('one');
      await lines.add('two');
      await node.restart();
      expect(await lines.lines()).toEqual(['one', 'two']);
    },
  },
  {
    title: 'a node that leaves runs its hooks, and is there for nobody afterwards',
    async run(world) {
      const node = await world.node('leaver', 'leaver');
      const stub = world.connect<{ isThere(): boolean }>('leaver');
      expect(await stub.isThere()).toBe(true);
      await node.leave();
      expect(node.state).toBe('left');
      expect(world.notes).toContain('it has left');
      expect(await errorOf(stub.isThere())).toMatchObject({ code: 'RUNNER_NODE_DOWN' });
    },
  },
  {
    title: 'a node is up while its hooks run, and has left once they have',
    async run(world) {
      const node = await world.node('leaver', 'slowLeaver');
      const left = [node.leave(), node.leave()];
      expect([node.state, world.notes]).toEqual(['up', []]);
      await left[1];
      expect([node.state, world.notes]).toEqual(['left', ['it has left']]);
    },
  },
  {
    title: 'a crash ends a node that is leaving without the rest of its hooks',
    async run(world) {
      const node = await world.node('leaver', 'endlessLeaver');
      const left = node.leave();
      await node.crash();
      await left;
      expect([node.state, world.notes]).toEqual(['left', []]);
    },
  },
  {
    title: 'a node that is leaving is not restarted',
    async run(world) {
      const node = await world.node('leaver', 'endlessLeaver');
      const left = node.leave();
      expect((await refusalOf(() => node.restart())).message).toBe(
        'leaver is leaving the network, for good: restart() comes too late',
      );
      expect(node.incarnation).toBe(0);
      await node.crash();
      await left;
      expect([node.state, node.incarnation]).toEqual(['left', 0]);
    },
  },
  {
    title: 'a node that has left refuses its verbs, and its name is taken',
    async run(world) {
      const node = await world.node('leaver', 'leaver');
      await node.leave();
      for (const verb of ['crash', 'restart'] as const) {
        const error = await refusalOf(() => node[verb]());
        expect(['RUNNER_SIMULATION_MISUSE', 'RUNNER_RELEASED']).toContain(error.code);
        expect(error.message).toBe(`leaver has left the network, for good: ${verb}() comes too late`);
      }
      await node.leave();
      expect(await errorOf(world.node('leaver', 'leaver'))).toMatchObject({
        code: 'RUNNER_INVALID_ARGUMENT',
      });
    },
  },
  {
    title: 'several restarts at once leave one process',
    async run(world) {
      const node = await world.node('counter', 'counter');
      await Promise.all([node.restart(), node.restart(), node.restart()]);
      expect([node.state, node.incarnation]).toEqual(['up', 3]);
      expect(await world.connect<Counter>('counter').incarnation()).toBe(3);
      await node.crash();
      expect(node.state).toBe('down');
    },
  },
  ...['', '.', '..', '-', 'a/b', 'a b', 'scenario'].map((name) => ({
    title: `"${name}" is no name of a node`,
    async run(world: World) {
      expect(await errorOf(world.node(name, 'counter'))).toMatchObject({
        code: 'RUNNER_INVALID_ARGUMENT',
      });
    },
  })),
  {
    title: 'a program that throws at once leaves no node, and its name is free',
    async run(world) {
      expect((await errorOf(world.node('server', 'failingStart'))).message).toBe('no port is free');
      expect(await errorOf(world.connect<Counter>('server').add(1))).toMatchObject({
        code: 'RUNNER_NODE_DOWN',
      });
      await world.node('server', 'counter');
      expect(await world.connect<Counter>('server').add(1)).toBe(1);
    },
  },
  {
    title: 'stop rejects calls that are pending and that come later, and refuses nodes and verbs',
    async run(world) {
      const node = await world.node('counter', 'counter');
      const counter = world.connect<Counter>('counter');
      const pending = errorOf(counter.sleepThenAdd(1_000_000, 1));
      await counter.add(1);
      await world.stop();
      expect(await pending).toMatchObject({
        code: 'RUNNER_CALL_LOST',
        message: 'counter had not answered sleepThenAdd when the network was stopped',
      });
      expect(await errorOf(counter.add(1))).toMatchObject({
        code: 'RUNNER_RELEASED',
        message: 'the network was stopped',
      });
      expect(await errorOf(world.node('late', 'counter'))).toMatchObject({
        code: 'RUNNER_RELEASED',
        message: 'the network was stopped',
      });
      expect(node.state).toBe('left');
      expect((await refusalOf(() => node.restart())).message).toContain('restart() comes too late');
      await node.leave();
    },
  },
  {
    title: 'a program that returns something else than an object is refused',
    async run(world) {
      expect(await refusalOf(() => world.node('server', 'five'))).toMatchObject({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: 'the object that server serves: expected an object, got 5',
      });
    },
  },
  {
    title: 'a method may be called as what every object has, unless those who await a stub look at it',
    async run(world) {
      await world.node('named', 'named');
      const named = world.connect<{ toString(): string; valueOf(): number }>('named');
      expect([await named.toString(), await named.valueOf(), String(named)]).toEqual([
        'its own words',
        7,
        'stub of named',
      ]);
      await world.node('counter', 'counter');
      expect(await errorOf(world.connect<{ toString(): string }>('counter').toString())).toMatchObject({
        code: 'RUNNER_NO_METHOD',
      });
      expect(await refusalOf(() => world.node('json', 'asJson'))).toMatchObject({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: 'the object that json serves: expected no method called toJSON, which a stub cannot have',
      });
    },
  },
];
