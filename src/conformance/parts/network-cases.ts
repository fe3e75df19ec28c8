/**
 * The contract of a network of nodes, simulated or not, as a list of cases: in a simulation, in threads, or yours.
 * Invariant: the programs of a case can be loaded by a thread itself, and no case relies on exact times.
 */
import { isRunnerError } from '../../kernel/errors.ts';
import { codeModule } from '../../kernel/package-files.ts';
import type { CallOptions, NodeProgram, Stub } from '../../model/node-context.ts';
import { isCallLost } from '../../cluster/sent-error.ts';
import { checkEqual, checkThat } from '../check.ts';
import type { Collector, Counter, Forwarder, Journal, Sender, Thenables } from './network-programs.ts';
import * as programs from './network-programs.ts';
import { MADE_BY_NETWORK, noted } from './noted-part.ts';
import {
  meanwhile,
  notingCalls,
  type PartCase,
  partCases,
  type PartCaseSpec,
  type PartSubject,
  inWords,
} from './part-case.ts';

/** A node's program, with its module and export for networks that load it themselves. */
export interface NetworkProgram {
  readonly run: NodeProgram<object>;
  readonly module: URL;
  /** The name by which the module exports it. */
  readonly export: string;
}

/** A node of a network under test. */
export interface NodeUnderTest {
  readonly state: string;
  readonly incarnation: number;
  crash(): void | Promise<void>;
  restart(): void | Promise<void>;
  leave(): void | Promise<void>;
}

/** A network under test. */
export interface NetworkUnderTest {
  /** The notes of all nodes. */
  readonly notes: readonly string[];
  /** Starts a node that runs the program. */
  node(name: string, program: NetworkProgram): Promise<NodeUnderTest>;
  connect<T extends object>(to: string, options?: CallOptions): Stub<T>;
  stop(): void | Promise<void>;
}

/** A kind of network under test: see {@link networkCases}. */
export interface NetworkSubject extends PartSubject {
  /** Runs a body with a network without nodes, and stops the network. */
  use(body: (network: NetworkUnderTest) => Promise<void>): Promise<void>;
}

type Spec = PartCaseSpec<NetworkSubject>;
/** A network whose programs are chosen by name. */
type Named = Omit<NetworkUnderTest, 'node'> & {
  node(name: string, program: keyof typeof programs): Promise<NodeUnderTest>;
};
type Body = (network: Named) => Promise<void>;

const MODULE = codeModule('conformance/parts/network-programs');

function byName(network: NetworkUnderTest): Named {
  return {
    get notes() {
      return network.notes;
    },
    node: (name, program) =>
      network.node(name, {
        run: programs[program] as NodeProgram<object>,
        module: MODULE,
        export: program,
      }),
    connect: (to, options) => network.connect(to, options),
    stop: () => network.stop(),
  };
}

const on = (title: string, body: Body): Spec => ({
  title,
  prove: (subject, options) =>
    notingCalls(options, (note) =>
      subject.use((network) => body(byName(noted(note, 'the network', network, MADE_BY_NETWORK)))),
    ),
});

/** The error of a call, or of another method. */
async function errorOf(act: () => unknown): Promise<Error & { readonly code?: unknown }> {
  let came: unknown;
  try {
    came = await act();
  } catch (error) {
    if (error instanceof Error) return error;
    came = error;
  }
  checkThat(false, 'the outcome', 'an error', came);
  throw came;
}

async function checkFails(
  what: string,
  act: () => unknown,
  code: string,
  look?: (message: string) => void,
): Promise<void> {
  const error = await errorOf(act);
  checkEqual(`the code of ${what}`, error.code, code);
  look?.(error.message);
}

const calls: readonly Spec[] = [
  on('calls take effect in the order in which they are made', async (net) => {
    await net.node('counter', 'counter');
    const counter = net.connect<Counter>('counter');
    checkEqual('the sums', await Promise.all([counter.add(1), counter.add(2), counter.add(3)]), [1, 3, 6]);
  }),
  on('values cross as structured clone copies them, and what cannot be copied is refused', async (net) => {
    await net.node('counter', 'counter');
    const counter = net.connect<Counter>('counter');
    const value = {
      list: [1, undefined, null],
      map: new Map([['a', new Set([5])]]),
      bytes: new Uint8Array([1, 2]),
      big: 5n,
    };
    const copy = await counter.mirror(value);
    checkEqual('the copy', copy, value);
    checkThat(copy !== value, 'the copy', 'another object', copy);
    await checkFails('a function sent', () => counter.mirror(() => 1), 'RUNNER_NOT_CLONEABLE');
    await checkFails('a function returned', () => counter.refuse(), 'RUNNER_NOT_CLONEABLE');
  }),
  on('an error that a method throws arrives with its kind, message, code and cause', async (net) => {
    await net.node('counter', 'counter');
    const error = await errorOf(() => net.connect<Counter>('counter').fail('it is full'));
    const { name, message, code, cause } = error;
    checkEqual('the error', [name, message, code], ['RangeError', 'it is full', 'E_FULL']);
    checkThat(error instanceof RangeError, 'the error', 'a RangeError', error);
    checkThat(cause instanceof TypeError && cause.message === 'inner', 'its cause', 'the same', cause);
    checkThat(!isCallLost(error), 'the error', 'no lost call', error);
  }),
  on('an error within a result or an argument arrives as one that is thrown', async (net) => {
    await net.node('counter', 'counter');
    const counter = net.connect<Counter>('counter');
    const [full, lost] = (await counter.failures()).map((result) =>
      result.status === 'rejected' ? (result.reason as Error & { readonly code?: unknown }) : undefined,
    );
    checkThat(full instanceof RangeError, 'the error', 'a RangeError', full);
    checkEqual('it', [full?.message, full?.code], ['it is full', 'E_FULL']);
    checkThat(isCallLost(lost), 'the other error', 'a lost call', lost);
    const [back] = (await counter.mirror([lost])) as [unknown];
    checkThat(isCallLost(back), 'the echo of it', 'a lost call', back);
  }),
  inWords((said) =>
    on('a missing method is refused by its name', async (net) => {
      await net.node('counter', 'counter');
      const error = await errorOf(() => net.connect<{ subtract(): void }>('counter').subtract());
      checkThat(isRunnerError(error, 'RUNNER_NO_METHOD'), 'the error', 'RUNNER_NO_METHOD', error);
      said.text('whether it names it', error.message.includes('subtract'), true);
    }),
  ),
  on('a node calls another one', async (net) => {
    await net.node('counter', 'counter');
    await net.node('front', 'forwarder');
    const front = net.connect<Forwarder>('front');
    checkEqual('the sums', [await front.add(2), await front.add(5)], [2, 7]);
  }),
  on('messages without a reply arrive in the order of sending', async (net) => {
    await net.node('inbox', 'collector');
    await net.node('sender', 'sender');
    await net.connect<Sender>('sender').sendTo('inbox', [1, { two: 2 }, 'three']);
    checkEqual('the messages', await net.connect<Collector>('inbox').got(3), [1, { two: 2 }, 'three']);
  }),
  on('a call to an unknown node, or to one that is down, is refused', async (net) => {
    const node = await net.node('counter', 'counter');
    await node.crash();
    checkEqual('the state', node.state, 'down');
    for (const name of ['counter', 'nobody']) {
      const error = await errorOf(() => net.connect<Counter>(name).add(1));
      checkEqual('the code', error.code, 'RUNNER_NODE_DOWN');
      checkThat(isCallLost(error), 'the error', 'a lost call', error);
    }
  }),
  inWords((said) =>
    on('a call that is not answered in time rejects, and its work continues', async (net) => {
      await net.node('counter', 'counter');
      const counter = net.connect<Counter>('counter');
      const late = net.connect<Counter>('counter', { timeoutMs: 5 });
      const error = await errorOf(() => late.sleepThenAdd(50, 4));
      said.equal('the code', error.code, 'RUNNER_CALL_TIMED_OUT');
      said.text('the message', error.message, 'counter has not answered sleepThenAdd within 5 ms');
      checkThat(isCallLost(error), 'the error', 'a lost call', error);
      said.equal('the sum', await counter.sleepThenAdd(60, 0), 4);
    }),
  ),
  on('a signal rejects a call with its reason', async (net) => {
    await net.node('counter', 'counter');
    const controller = new AbortController();
    const { signal } = controller;
    const reason = new Error('no longer wanted');
    const call = errorOf(() => net.connect<Counter>('counter', { signal }).sleepThenAdd(1_000_000, 1));
    controller.abort(reason);
    const came = await call;
    checkThat(came === reason, 'the rejection', 'the reason of the signal', came);
    const later = await errorOf(() => net.connect<Counter>('counter', { signal }).add(1));
    checkThat(later === reason, 'a later rejection', 'the same reason', later);
    checkEqual(
      'the sum, which no cancelled call has changed',
      await net.connect<Counter>('counter').add(0),
      0,
    );
  }),
  on('calls wait for a program that is still starting', async (net) => {
    const started = net.node('slow', 'slowStart');
    checkEqual('the answer', await net.connect<{ isThere(): boolean }>('slow').isThere(), true);
    await started;
  }),
  on('a method that returns a thenable answers with what awaiting it gives', async (net) => {
    await net.node('thenables', 'thenables');
    const { give, giveFailing } = net.connect<Thenables>('thenables');
    for (const kind of programs.thenableKinds) {
      checkEqual(`the answer of an object ${kind}`, await give(kind, [7]), [7]);
    }
    for (const kind of programs.failingThenableKinds) {
      const { message } = await errorOf(() => giveFailing(kind));
      checkEqual(`the error of an object ${kind}`, message, 'no value');
    }
  }),
  on('a program that returns a thenable has started when awaiting it would give its object', async (net) => {
    for (const [index, kind] of programs.thenableKinds.entries()) {
      const name = `starts-${index}`;
      await net.node(name, 'startsAsThenable');
      const { isThere } = net.connect<{ isThere(): boolean }>(name);
      checkEqual(`the answer of a program that returns an object ${kind}`, await isThere(), true);
    }
  }),
  inWords((said) =>
    on(
      'a method may have the name of one that every object has, unless awaiting a stub reads it',
      async (net) => {
        await net.node('named', 'named');
        const named = net.connect<{ toString(): string; valueOf(): number }>('named');
        said.equal(
          'its words',
          [await named.toString(), await named.valueOf(), String(named)],
          ['its own words', 7, 'stub of named'],
        );
        await net.node('counter', 'counter');
        const plain = net.connect<{ toString(): string }>('counter');
        await checkFails('a call of toString', () => plain.toString(), 'RUNNER_NO_METHOD');
        const toJson =
          'the object that json serves: expected no method called toJSON, which a stub cannot have';
        await checkFails(
          'an object with toJSON',
          () => net.node('json', 'asJson'),
          'RUNNER_INVALID_ARGUMENT',
          (message) => said.text('the message', message, toJson),
        );
      },
    ),
  ),
];

const lives: readonly Spec[] = [
  on('a crash loses the calls that were not answered, and all memory', async (net) => {
    const node = await net.node('counter', 'counter');
    const counter = net.connect<Counter>('counter');
    await counter.add(7);
    const lost = errorOf(() => counter.sleepThenAdd(1_000_000, 1));
    // Once this is answered, the message before has been delivered.
    checkEqual('the sum', await counter.add(0), 7);
    await node.crash();
    const error = await lost;
    checkEqual('the code', error.code, 'RUNNER_CALL_LOST');
    checkThat(isCallLost(error), 'the error', 'a lost call', error);
    await node.restart();
    checkEqual('the node', [node.state, node.incarnation], ['up', 1]);
    checkEqual('the next process', [await counter.add(1), await counter.incarnation()], [1, 1]);
  }),
  on('synced data is on the disk of the next process', async (net) => {
    const node = await net.node('journal', 'journal');
    const lines = net.connect<Journal>('journal');
    await lines.add('one');
    await lines.add('two');
    await node.restart();
    checkEqual('the lines', await lines.lines(), ['one', 'two']);
  }),
  on('a node that leaves runs its hooks, and cannot be reached afterwards', async (net) => {
    const node = await net.node('leaver', 'leaver');
    const stub = net.connect<{ isThere(): boolean }>('leaver');
    checkEqual('its answer', await stub.isThere(), true);
    await node.leave();
    checkEqual('its state', node.state, 'left');
    checkEqual('its notes', net.notes, ['it has left']);
    await checkFails('a call', () => stub.isThere(), 'RUNNER_NODE_DOWN');
  }),
  on('a node is up while its hooks run, and has left once they have', async (net) => {
    const node = await net.node('leaver', 'slowLeaver');
    const left = [node.leave(), node.leave()];
    checkEqual('it', [node.state, [...net.notes]], ['up', []]);
    await left[1];
    checkEqual('it then', [node.state, [...net.notes]], ['left', ['it has left']]);
  }),
  on('a crash ends a node that is leaving without the rest of its hooks', async (net) => {
    const node = await net.node('leaver', 'endlessLeaver');
    const left = meanwhile(Promise.resolve(node.leave()));
    await node.crash();
    await left;
    checkEqual('it', [node.state, [...net.notes]], ['left', []]);
  }),
  inWords((said) =>
    on('a node that is leaving is not restarted', async (net) => {
      const node = await net.node('leaver', 'endlessLeaver');
      const left = meanwhile(Promise.resolve(node.leave()));
      const error = await errorOf(() => node.restart());
      said.text(
        'the message',
        error.message,
        'leaver is leaving the network, for good: restart() comes too late',
      );
      said.equal('its incarnation', node.incarnation, 0);
      await node.crash();
      await left;
      said.equal('it', [node.state, node.incarnation], ['left', 0]);
    }),
  ),
  inWords((said) =>
    on('a node that has left refuses its verbs, and its name is taken', async (net) => {
      const node = await net.node('leaver', 'leaver');
      await node.leave();
      for (const verb of ['crash', 'restart'] as const) {
        const { code, message } = await errorOf(() => node[verb]());
        checkThat(
          code === 'RUNNER_SIMULATION_MISUSE' || code === 'RUNNER_RELEASED',
          'the code',
          'that of a node which has left',
          code,
        );
        said.text('the message', message, `leaver has left the network, for good: ${verb}() comes too late`);
      }
      await node.leave();
      await checkFails('its name', () => net.node('leaver', 'leaver'), 'RUNNER_INVALID_ARGUMENT');
    }),
  ),
  on('several restarts at once leave one process', async (net) => {
    const node = await net.node('counter', 'counter');
    await Promise.all([node.restart(), node.restart(), node.restart()]);
    checkEqual('it', [node.state, node.incarnation], ['up', 3]);
    checkEqual('its process', await net.connect<Counter>('counter').incarnation(), 3);
    await node.crash();
    checkEqual('its state', node.state, 'down');
  }),
  on('a program that throws at once leaves no node, and its name is free', async (net) => {
    checkEqual(
      'what it throws',
      (await errorOf(() => net.node('server', 'failingStart'))).message,
      'no port is free',
    );
    await checkFails('a call', () => net.connect<Counter>('server').add(1), 'RUNNER_NODE_DOWN');
    await net.node('server', 'counter');
    checkEqual('the sum', await net.connect<Counter>('server').add(1), 1);
  }),
  inWords((said) =>
    on(
      'stop rejects calls that are pending and that come later, and refuses nodes and verbs',
      async (net) => {
        const node = await net.node('counter', 'counter');
        const counter = net.connect<Counter>('counter');
        const pending = errorOf(() => counter.sleepThenAdd(1_000_000, 1));
        await counter.add(1);
        await net.stop();
        const lost = await pending;
        said.equal('the code of a pending call', lost.code, 'RUNNER_CALL_LOST');
        said.text(
          'its message',
          lost.message,
          'counter had not answered sleepThenAdd when the network was stopped',
        );
        const stopped = (message: string): void =>
          said.text('the message', message, 'the network was stopped');
        await checkFails('a later call', () => counter.add(1), 'RUNNER_RELEASED', stopped);
        await checkFails('a later node', () => net.node('late', 'counter'), 'RUNNER_RELEASED', stopped);
        said.equal('the state', node.state, 'left');
        const { message } = await errorOf(() => node.restart());
        said.text(
          'the restart',
          message.slice(-'restart() comes too late'.length),
          'restart() comes too late',
        );
        await node.leave();
      },
    ),
  ),
];

const names: readonly Spec[] = [
  ...['', '.', '..', '-', 'a/b', 'a b', 'scenario'].map((name) =>
    on(`"${name}" is refused as the name of a node`, async (net) => {
      await checkFails('the node', () => net.node(name, 'counter'), 'RUNNER_INVALID_ARGUMENT');
    }),
  ),
  inWords((said) =>
    on('a program that returns something else than an object is refused', (net) =>
      checkFails(
        'the node',
        () => net.node('server', 'five'),
        'RUNNER_INVALID_ARGUMENT',
        (message) =>
          said.text('the message', message, 'the object that server serves: expected an object, got 5'),
      ),
    ),
  ),
];

/**
 * The contract of a network of nodes on any machine, case by case. The same body runs on a simulated network, on
 * `realNetwork` of `dryrunner/host` and on yours.
 *
 * @example
 * ```ts
 * import { simulate } from 'dryrunner';
 * import { createNetwork } from 'dryrunner/cluster';
 * import { networkCases, type NetworkSubject } from 'dryrunner/conformance';
 * const subject: NetworkSubject = {
 *   name: 'simulated',
 *   async use(body) {
 *     const notes: string[] = [];
 *     const { failure } = await simulate({
 *       scenario(sim) {
 *         const net = createNetwork(sim, { fifo: true });
 *         return body({
 *           notes,
 *           node: async (name, program) => net.node(name, program.run),
 *           connect: (to, options) => net.connect(to, options),
 *           stop: () => net.stop(),
 *         });
 *       },
 *     });
 *     if (failure !== undefined) throw new Error(failure.message);
 *   },
 * };
 * for (const each of networkCases.filter(({ group }) => group === 'calls')) await each.prove(subject);
 * ```
 */
export const networkCases: readonly PartCase<NetworkSubject>[] = partCases({ calls, lives, names });
