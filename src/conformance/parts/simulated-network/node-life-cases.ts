/**
 * How nodes start, crash, restart, pause and slow down. Invariant: each case runs in the plain order of events, with
 * exactly the faults that it asks for.
 */
import type { ClusterNode, ClusterNodeOptions } from '../../../cluster/node.ts';
import type { NodeContext } from '../../../model/node-context.ts';
import type { Simulation } from '../../../simulation/simulation.ts';
import { checkEqual, checkThat } from '../../check.ts';
import { codeOf, inWords, meanwhile, ofOurWords, refusalOf } from '../part-case.ts';
import { always, holds, looks, type SimulatedNetwork, type Spec, stepsOf } from './network-case.ts';
import { Counter, ECHO, type Echo, inbox } from './node-programs.ts';

const beating = async (
  sim: Simulation,
  net: SimulatedNetwork,
  options: ClusterNodeOptions = {},
): Promise<{ readonly node: ClusterNode<void>; readonly beats: readonly string[] }> => {
  const beats: string[] = [];
  const node = net.node(
    'a',
    async (context) => {
      for (;;) {
        await context.sleep(10);
        beats.push(`${context.incarnation}@${sim.now()}`);
      }
    },
    options,
  );
  return { node, beats };
};

export const nodeLifeCases: readonly Spec[] = [
  holds(
    'what a process has sent to itself goes with it, and what others have sent does not',
    async (sim, make) => {
      const net = make({ latencyMs: 5 });
      const got: string[] = [];
      const program = ({ name, incarnation, onMessage, send, connect }: NodeContext): object => {
        onMessage((message, from) => got.push(`${String(message)} from ${from} at ${incarnation}`));
        if (incarnation > 0 || name !== 'a') return {};
        send('a', 'own');
        void connect<{ work(): void }>('a')
          .work()
          .catch(() => undefined);
        return { work: () => got.push('own call') };
      };
      const node = net.node('a', program);
      net.node('b', program);
      await sim.sleep(1);
      net.send('a', 'of another');
      node.restart();
      await sim.sleep(20);
      checkEqual('what the next process got', got, ['of another from scenario at 1']);
      node.restart();
      checkEqual('it', node.incarnation, 2);
    },
  ),
  looks(
    'a crash ends the timers of a process, a restart starts another one, and both are in the trace',
    async (sim, make) => {
      const { node, beats } = await beating(sim, make());
      checkEqual('it', [node.name, node.state, node.incarnation], ['a', 'up', 0]);
      await sim.sleep(25);
      node.crash();
      checkEqual('its state', node.state, 'down');
      node.crash();
      await sim.sleep(25);
      node.restart();
      checkEqual('it', [node.state, node.incarnation], ['up', 1]);
      await sim.sleep(15);
      node.restart();
      await sim.sleep(15);
      checkEqual('the beats', beats, ['0@10', '0@20', '1@60', '2@75']);
      await node.leave();
      checkEqual('its state', node.state, 'left');
    },
    ({ lines, verdict }) => {
      checkEqual('the history', lines, [
        '25 ms: a crashes',
        '50 ms: a restarts',
        '65 ms: a crashes',
        '65 ms: a restarts',
        '80 ms: a has left',
      ]);
      checkEqual('the faults', verdict.faults, 2);
    },
  ),
  looks(
    'a paused node does nothing until it goes on; then what was due is due, in that order',
    async (sim, make) => {
      const net = make();
      const seen: string[] = [];
      const node = net.node('a', ({ clock }) => {
        for (const ms of [10, 20, 30, 60]) {
          clock.timer('tick', ms, () => void seen.push(`${ms}@${sim.now()}`));
        }
        clock.endOfInstant('late', 10, () => void seen.push(`late@${sim.now()}`));
      });
      node.resume();
      await sim.sleep(15);
      node.pause();
      node.pause();
      checkEqual('its state', node.state, 'paused');
      await sim.sleep(35);
      checkEqual('what was seen', seen, ['10@10', 'late@10']);
      node.resume();
      checkEqual('its state', node.state, 'up');
      await sim.sleep(20);
      checkEqual('what was seen then', seen, ['10@10', 'late@10', '20@50', '30@50', '60@60']);
    },
    ({ lines }) => checkEqual('the history', lines, ['15 ms: a pauses']),
  ),
  holds(
    'timers that are made while a node is paused begin to run at once, and fire once it goes on',
    async (sim, make) => {
      const net = make();
      const seen: string[] = [];
      const node = net.node('a', ({ clock }) => ({
        set() {
          node.pause();
          clock.timer('short', 5, () => void seen.push(`short@${sim.now()}`));
          clock.timer('long', 50, () => void seen.push(`long@${sim.now()}`));
          clock.timer('never', 5, () => void seen.push('never')).cancel();
          clock.post('posted', () => void seen.push(`posted@${sim.now()}`));
        },
      }));
      void meanwhile(net.connect<{ set(): void }>('a').set());
      await sim.sleep(20);
      checkEqual('what was seen', seen, []);
      node.resume();
      await sim.sleep(100);
      checkEqual('what was seen', seen, ['posted@20', 'short@20', 'long@50']);
    },
  ),
  holds('messages to a paused node wait there, and so do those that it sends', async (sim, make) => {
    const net = make();
    const got: string[] = [];
    net.node('b', ({ onMessage }) => onMessage((text) => void got.push(`${String(text)}@${sim.now()}`)));
    const node = net.node('a', ({ send }) => ({
      ask() {
        node.pause();
        send('b', 'first');
        send('b', 'second');
        return 'answer';
      },
    }));
    const answer = meanwhile(net.connect<{ ask(): string }>('a').ask());
    await sim.sleep(10);
    const held = meanwhile(net.connect<{ ask(): string }>('a').ask());
    await sim.sleep(10);
    checkEqual('the messages received', got, []);
    node.resume();
    checkEqual('the answer', [await answer, sim.now()], ['answer', 20]);
    await sim.sleep(1);
    checkEqual('the messages received', got, ['first@20', 'second@20']);
    node.resume();
    checkEqual('the second answer', [await held, sim.now()], ['answer', 21]);
  }),
  inWords((said) =>
    looks(
      'messages held by a paused node are lost with it, and the trace shows that they were held',
      async (sim, make) => {
        const net = make();
        const node = net.node('inbox', ({ onMessage }) => {
          onMessage(() => undefined);
          return new Counter();
        });
        node.pause();
        net.send('inbox', 1);
        const outcome = refusalOf(() => net.connect<Counter>('inbox').add(1));
        await sim.sleep(1);
        node.crash();
        said.equal('the outcome', await outcome, 'RUNNER_CALL_LOST inbox went down before it answered add');
      },
      (played) => {
        said.equal('the message', stepsOf(played, 'message'), ['sent', 'held', 'lost']);
        said.equal('the call', stepsOf(played, 'call'), ['sent', 'held', 'lost']);
        for (const line of [
          '0 ms: 1 from scenario to inbox is held back: inbox is paused',
          '1 ms: 1 from scenario to inbox is lost: inbox went down',
          '1 ms: inbox crashes',
        ]) {
          checkThat(played.lines.includes(line), 'the history', line, played.lines);
        }
      },
    ),
  ),
  holds('a paused node keeps the order of a fifo link, also if it pauses again', async (sim, make) => {
    const net = make({ latencyMs: 10, fifo: true });
    const { node, got } = inbox(sim, net);
    node.pause();
    for (const n of [1, 2, 3]) net.send('inbox', n);
    await sim.sleep(11);
    node.resume();
    node.pause();
    net.send('inbox', 4);
    await sim.sleep(11);
    node.resume();
    await sim.sleep(1);
    checkEqual('the messages', got, [1, 2, 3, 4]);
  }),
  always('in any order of events a fifo link keeps its order past a pause', 15, async (sim, make) => {
    const net = make({ latencyMs: 10, fifo: true });
    const { node, got } = inbox(sim, net);
    node.pause();
    for (const n of [1, 2, 3]) net.send('inbox', n);
    await sim.sleep(11);
    net.send('inbox', 4);
    await sim.sleep(10);
    node.resume();
    await sim.sleep(20);
    checkEqual('the messages', got, [1, 2, 3, 4]);
  }),
  looks(
    'timers that are made after slow(factor) take that much longer, also those of later processes',
    async (sim, make) => {
      const { node, beats } = await beating(sim, make());
      await sim.sleep(5);
      node.slow(3);
      await sim.sleep(70);
      node.restart();
      await sim.sleep(35);
      node.slow(1);
      await sim.sleep(40);
      checkEqual('the beats', beats, ['0@10', '0@40', '0@70', '1@105', '1@135', '1@145']);
    },
    ({ lines }) =>
      checkEqual('the history', lines, ['5 ms: a becomes slow', '75 ms: a crashes', '75 ms: a restarts']),
  ),
  holds('a clock that is off shows another time, and one that drifts another speed', async (sim, make) => {
    const net = make();
    const seen: unknown[] = [];
    net.node(
      'ahead',
      async ({ clock, sleep }) => {
        seen.push(clock.now());
        await sleep(100);
        seen.push(clock.now(), sim.now());
      },
      { skew: { offsetMs: 500, driftPpm: 0 } },
    );
    await sim.sleep(200);
    checkEqual('what was seen', seen, [500, 600, 100]);
    const ends: number[] = [];
    net.node(
      'fast',
      async ({ sleep }) => {
        await sleep(1_100);
        ends.push(sim.now());
      },
      { skew: { offsetMs: 0, driftPpm: 100_000 } },
    );
    await sim.sleep(2_000);
    checkEqual('the end of 1,100 ms by a clock that is a tenth fast', ends, [1_200]);
  }),
  inWords((said) =>
    holds(
      'a call that a node has got and not answered when it crashes is lost in that instant',
      async (sim, make) => {
        const net = make();
        const node = net.node('slow', ({ sleep }) => ({ work: () => sleep(100) }));
        const call = refusalOf(() => net.connect<{ work(): Promise<void> }>('slow').work());
        await sim.sleep(50);
        node.crash();
        said.equal('the loss', await call, 'RUNNER_CALL_LOST slow went down before it answered work');
        said.equal('the time', sim.now(), 50);
        const refused = await refusalOf(() => net.connect<{ work(): Promise<void> }>('slow').work());
        said.equal('a later call', refused, 'RUNNER_NODE_DOWN slow is down');
        said.equal('its object', node.object, undefined);
      },
    ),
  ),
  ofOurWords(
    looks(
      'R212 a caller may hang as the node of its call goes down: that is a fault, and ends by its time limit',
      async (sim, make) => {
        const net = make({ callTimeoutMs: 50 });
        const node = net.node('locks', ({ sleep }) => ({ acquire: (n: number) => sleep(n) }));
        const call = refusalOf(() => net.connect<{ acquire(n: number): Promise<void> }>('locks').acquire(70));
        await sim.sleep(1);
        node.crash();
        checkEqual(
          'the outcome',
          await call,
          'RUNNER_CALL_TIMED_OUT locks has not answered acquire within 50 ms',
        );
        checkEqual('the time', sim.now(), 50);
      },
      ({ lines, asked, events }) => {
        const words = 'the call acquire(70) from scenario to locks hangs, because locks went down';
        checkEqual('the questions asked', asked, [`scenario to locks acquire hang fault = 1 of 2: ${words}`]);
        checkThat(lines.includes(`1 ms: ${words}`), 'the history', words, lines);
        checkEqual(
          'the fault',
          events.find((event) => event.type === 'fault' && event.kind === 'hang'),
          {
            ...{ at: 1, type: 'fault', runner: 'locks', operation: 'message', kind: 'hang', runId: '' },
            message: 'the call acquire(70) from scenario to locks',
          },
        );
      },
      { 'scenario to locks acquire hang fault': 'highest' },
    ),
  ),
  holds(
    'a restart loses neither the calls nor the answers on their way, and a process that has died gets no answer',
    async (sim, make) => {
      const net = make({ latencyMs: 5 });
      const node = net.node('a', ({ incarnation }) => ({ who: () => incarnation }));
      const stub = net.connect<{ who(): number }>('a');
      const first = meanwhile(stub.who());
      await sim.sleep(2);
      node.restart();
      checkEqual('the process that answers a call on its way', await first, 1);
      const second = meanwhile(stub.who());
      await sim.sleep(7);
      node.restart();
      checkEqual('the process whose answer was on its way', [await second, node.incarnation], [1, 2]);
      const seen: unknown[] = [];
      const caller = net.node('caller', async ({ connect, incarnation }) => {
        if (incarnation > 0) return;
        seen.push(await connect<{ who(): number }>('a').who());
      });
      await sim.sleep(7);
      caller.restart();
      await sim.sleep(20);
      checkEqual('what the dead caller saw', seen, []);
    },
  ),
  looks(
    'an answer to a process that has restarted is refused',
    async (sim, make) => {
      const net = make({ latencyMs: 5 });
      net.through('server', ECHO);
      const caller = net.node('caller', ({ connect, incarnation }) => {
        if (incarnation === 0) void connect<Echo>('server').echo(1);
      });
      await sim.sleep(7);
      caller.restart();
      await sim.sleep(20);
    },
    ({ lines }) =>
      checkEqual(
        'the end of the answer',
        lines.at(-1),
        "10 ms: the answer [1] of server to caller's call of echo is refused: caller has restarted",
      ),
  ),
  holds(
    'a program has its name, incarnation, time and randomness, and its notes are in the trace',
    async (sim, make) => {
      const net = make();
      const seen: unknown[] = [];
      const node = net.node('a', ({ name, incarnation, clock, random, world, signal }) => {
        seen.push(name, incarnation, clock.now(), random.int(1), world.node, signal.aborted);
      });
      await sim.sleep(5);
      node.restart();
      checkEqual('what the program saw', seen, ['a', 0, 0, 0, 'a', false, 'a', 1, 5, 0, 'a', false]);
    },
  ),
  looks(
    'notes are lines of the trace with the name of their node',
    async (_sim, make) => {
      make().node('a', ({ note }) => note('it is up'));
    },
    ({ events, lines }) => {
      checkEqual('the trace', events, [{ at: 0, type: 'note', runner: 'a', text: 'it is up' }]);
      checkEqual('the history', lines, ['0 ms: a notes: it is up']);
    },
  ),
  holds(
    'calls wait until an asynchronous program has returned, and its object is there then',
    async (sim, make) => {
      const net = make();
      const node = net.node('a', async ({ sleep }) => {
        await sleep(20);
        return { ping: () => 'pong' };
      });
      const answer = meanwhile(net.connect<{ ping(): string }>('a').ping());
      checkEqual('its object', node.object, undefined);
      checkEqual('the answer', [await answer, sim.now()], ['pong', 20]);
      checkEqual('its object', node.object?.ping(), 'pong');
    },
  ),
  holds(
    'of the calls that wait for the start, none begins once an earlier one has ended the process',
    async (sim, make) => {
      const net = make();
      const begun: number[] = [];
      const node = net.node('a', async ({ sleep }) => {
        await sleep(10);
        return {
          f(n: number): void {
            begun.push(n);
            node.crash();
          },
        };
      });
      const stub = net.connect<{ f(n: number): void }>('a');
      const codes = await Promise.all([codeOf(() => stub.f(1)), codeOf(() => stub.f(2))]);
      checkEqual('what has begun', begun, [1]);
      checkEqual('the codes', codes, ['RUNNER_CALL_LOST', 'RUNNER_CALL_LOST']);
      checkEqual('the time', sim.now(), 10);
    },
  ),
  holds('watchers of a node are called when it goes down, once per process', async (sim, make) => {
    const net = make();
    const downs: string[] = [];
    const node = net.node('a', () => undefined, {
      onDown: () => void downs.push(`${node.state}@${sim.now()}`),
    });
    await sim.sleep(1);
    node.crash();
    node.crash();
    await sim.sleep(1);
    node.restart();
    await sim.sleep(1);
    node.restart();
    await sim.sleep(1);
    await node.leave();
    await node.leave();
    checkEqual('the notifications', downs, ['down@1', 'down@3', 'left@4']);
    const other = net.node('b', () => undefined, { onDown: () => void downs.push('stopped') });
    net.stop();
    checkEqual('the notification of the stop', [downs.length, other.state], [3, 'left']);
  }),
  holds('the options of a node override those of all nodes', async (sim, make) => {
    const net = make({ nodes: { skew: { offsetMs: 100, driftPpm: 0 }, onError: 'crash' } });
    const seen: number[] = [];
    const fail = ({ clock }: NodeContext): never => {
      seen.push(clock.now());
      throw new Error('no');
    };
    const states = [
      net.node('a', fail).state,
      net.node('b', fail, { skew: { offsetMs: 7, driftPpm: 0 } }).state,
    ];
    await sim.sleep(1);
    checkEqual(
      'what was seen',
      [seen, states],
      [
        [100, 7],
        ['down', 'down'],
      ],
    );
  }),
];
