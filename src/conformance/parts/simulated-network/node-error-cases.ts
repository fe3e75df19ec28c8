/**
 * What happens to the errors of a node's program. Invariant: each case runs in the plain order of events, with exactly
 * the faults that it asks for.
 */
import type { ClusterNodeOptions } from '../../../cluster/node.ts';
import type { NodeContext } from '../../../model/node-context.ts';
import type { Simulation } from '../../../simulation/simulation.ts';
import { checkEqual, checkThat } from '../../check.ts';
import { codeOf, refusalOf } from '../part-case.ts';
import { playHolding } from '../played.ts';
import { type Body, fails, holds, looks, type Spec } from './network-case.ts';

const boom = (): never => {
  throw new Error('boom');
};
const lateBoom: () => unknown = async (): Promise<never> => boom();
const places: readonly (readonly [string, (node: NodeContext) => void])[] = [
  ['in a timer', ({ clock }) => void clock.timer('tick', 5, boom)],
  ['in an asynchronous timer', ({ clock }) => void clock.timer('tick', 5, lateBoom)],
  ['in a handler of messages', ({ onMessage }) => onMessage(boom)],
  ['in an asynchronous handler of messages', ({ onMessage }) => onMessage(lateBoom)],
  [
    'in a promise that nobody awaits',
    ({ sleep }) => {
      void (async () => {
        await sleep(5);
        boom();
      })();
    },
  ],
];

const failing =
  (program: (node: NodeContext) => void, options: ClusterNodeOptions, states: string[] = []): Body =>
  async (sim, make) => {
    const net = make();
    const node = net.node('a', program, options);
    net.node('b', ({ send }) => send('a', 'hello'));
    await sim.sleep(20);
    states.push(`${node.state} ${node.incarnation}`);
  };

export const nodeErrorCases: readonly Spec[] = [
  ...places.map(([place, program]) =>
    fails(`an error ${place} fails the simulation and names the node`, failing(program, {}), ({ failure }) =>
      checkEqual('the failure', [failure?.kind, failure?.message], ['error', 'a failed: boom']),
    ),
  ),
  ...places.map(([place, program]): Spec => ({
    title: `an error ${place} ends the process where the node says so, or starts another one`,
    async prove(subject, { signal }) {
      const firstOnly = (node: NodeContext): void => {
        if (node.incarnation === 0) program(node);
      };
      const states: string[] = [];
      for (const options of [{ onError: 'crash' }, { onError: 'restart', restartMs: 1 }] as const) {
        const body = failing(firstOnly, options, states);
        const scenario = (sim: Simulation): Promise<void> | void =>
          body(sim, (given) => subject.create(sim, given));
        const { verdict, lines } = await playHolding(scenario, {}, { signal });
        checkEqual('the faults', verdict.faults, 0);
        const line = lines.find((text) => text.includes('error'));
        checkThat(line?.endsWith('a ends with an error: boom') === true, 'the history', 'the error', line);
      }
      checkEqual('the states', states, ['down 0', 'up 1']);
    },
  })),
  holds('the next process starts a second later by default', async (sim, make) => {
    const started: number[] = [];
    make().node(
      'a',
      ({ incarnation, clock }) => {
        started.push(sim.now());
        if (incarnation < 2) clock.timer('tick', 5, boom);
      },
      { onError: 'restart' },
    );
    await sim.sleep(3_000);
    checkEqual('the starts', started, [0, 1_005, 2_010]);
  }),
  holds('a node that the scenario restarts meanwhile is not started again', async (sim, make) => {
    const node = make().node(
      'a',
      ({ incarnation, clock }) => {
        if (incarnation === 0) clock.timer('tick', 5, boom);
      },
      { onError: 'restart', restartMs: 50 },
    );
    await sim.sleep(10);
    checkEqual('it', [node.state, node.incarnation], ['down', 0]);
    node.restart();
    await sim.sleep(100);
    checkEqual('it', [node.state, node.incarnation], ['up', 1]);
  }),
  holds('a start that throws at once comes out of node(), and there is no such node', async (_sim, make) => {
    const net = make();
    checkEqual('what is thrown', await refusalOf(() => net.node('a', boom)), 'Error: boom');
    net.node('a', () => ({ ping: () => 'pong' }));
    checkEqual('its answer', await net.connect<{ ping(): string }>('a').ping(), 'pong');
  }),
  holds('a restart that throws at once comes out of restart(), and the node is down', async (_sim, make) => {
    const node = make().node('a', ({ incarnation }) => (incarnation === 1 ? boom() : {}));
    checkEqual('what is thrown', await refusalOf(() => node.restart()), 'Error: boom');
    checkEqual('it', [node.state, node.incarnation], ['down', 1]);
    node.restart();
    checkEqual('it', [node.state, node.incarnation], ['up', 2]);
  }),
  fails(
    'a start that rejects fails the simulation, and names the node',
    async (sim, make) => {
      make().node('a', async ({ sleep }) => {
        await sleep(7);
        boom();
      });
      await sim.sleep(100);
    },
    ({ failure }) =>
      checkEqual(
        'the failure',
        [failure?.kind, failure?.message, failure?.atMs],
        ['error', 'a failed: boom', 7],
      ),
  ),
  fails(
    'a hook that fails is an error of the node',
    (_sim, make) =>
      make()
        .node('a', ({ onStop }) => onStop(boom))
        .leave(),
    ({ failure }) => checkEqual('the failure', failure?.message, 'a failed: boom'),
  ),
  fails(
    'a watcher of a node that throws fails the simulation, and callers are answered all the same',
    async (sim, make) => {
      const net = make();
      const node = net.node('a', ({ sleep }) => ({ work: () => sleep(100) }), { onDown: boom });
      void codeOf(() => net.connect<{ work(): Promise<void> }>('a').work());
      await sim.sleep(1);
      node.crash();
      await sim.sleep(1);
    },
    ({ failure, events }) => {
      checkEqual('the failure', failure?.message, 'onDown of a failed: boom');
      checkThat(
        events.some((event) => event.type === 'message' && event.kind === 'error' && event.step === 'sent'),
        'the history',
        'an answer to the caller',
        events,
      );
    },
  ),
  holds('an error of a method goes to its caller, also one inside its return value', async (_sim, make) => {
    const net = make();
    class Vague {
      describe = boom;
    }
    const vague = (): object => Object.create(new Vague()) as object;
    const node = net.node('a', () => ({
      boom,
      now: vague,
      later: async () => vague(),
      get read(): never {
        return boom();
      },
      thenable: () => ({
        get then(): never {
          return boom();
        },
      }),
    }));
    const stub = net.connect<Record<'boom' | 'now' | 'later' | 'read' | 'thenable', () => unknown>>('a');
    for (const method of ['boom', 'read', 'thenable'] as const) {
      checkEqual(`what ${method} rejects with`, await refusalOf(() => stub[method]()), 'Error: boom');
    }
    // Its words are for reports alone.
    for (const method of ['now', 'later'] as const) {
      checkEqual(`what ${method} gives`, await stub[method](), {});
    }
    checkEqual('its state', node.state, 'up');
  }),
  looks(
    'code of a dead process has no effect and throws nothing',
    async (sim, make) => {
      const net = make();
      const contexts: NodeContext[] = [];
      let received = 0;
      net.node('b', ({ onMessage }) => {
        onMessage(() => (received += 1));
        return { ping: (_value?: unknown) => (received += 1) };
      });
      const node = net.node('a', (context) => void contexts.push(context));
      node.restart();
      const dead = contexts[0] as NodeContext;
      let settled = 0;
      const note = (): void => void (settled += 1);
      const stub = dead.connect<{ ping(value?: unknown): number }>('b');
      void stub.ping().then(note, note);
      void stub.ping(() => 0).then(note, note);
      dead.send('b', 'hello');
      dead.send('b', () => 'no clone');
      dead.note('I am dead');
      void dead.sleep(1).then(note);
      void dead.disk.write('a', 'x').then(note, note);
      dead.clock.timer('tick', 1, note);
      dead.clock.post('post', note);
      dead.clock.endOfInstant('end', 1, note);
      dead.onStop(note);
      void dead.mailbox().receive().then(note, note);
      dead.onMessage(note);
      dead.world.choices.choose('anything', 2);
      await sim.sleep(100);
      checkEqual('the outcome', [settled, received, node.disk.files().size], [0, 0, 0]);
      await node.leave();
      checkEqual('the outcome', settled, 0);
    },
    ({ events, asked }) => {
      checkEqual('notes in the trace', events.filter(({ type }) => type === 'note').length, 0);
      checkEqual(
        'questions',
        asked.filter((line) => line.includes('anything')),
        [],
      );
    },
  ),
];
