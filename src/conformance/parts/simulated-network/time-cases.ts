/**
 * When messages of a simulated network arrive. Invariant: each case runs in the plain order of events, with exactly the
 * faults that it asks for.
 */
import { checkEqual } from '../../check.ts';
import { ofOurWords } from '../part-case.ts';
import { always, holds, looks, type Spec } from './network-case.ts';
import { Counter, inbox } from './node-programs.ts';

export const timeCases: readonly Spec[] = [
  looks(
    'a call crosses the network and its answer comes back, each after its latency, step by step in the trace',
    async (sim, make) => {
      const net = make({ latencyMs: 5 });
      net.node('counter', () => new Counter());
      const counter = net.connect<Counter>('counter');
      checkEqual('the answer', await counter.add(7), 1);
      checkEqual('the time', sim.now(), 10);
    },
    ({ events, lines }) => {
      const call = { type: 'message', name: 'add', id: 1 } as const;
      const there = { ...call, runner: 'scenario', to: 'counter', kind: 'call', detail: '7' } as const;
      const back = { ...call, runner: 'counter', to: 'scenario', kind: 'reply', detail: '1' } as const;
      checkEqual('the trace', events, [
        { ...there, at: 0, step: 'sent' },
        { ...there, at: 5, step: 'delivered' },
        { ...back, at: 5, step: 'sent' },
        { ...back, at: 10, step: 'delivered' },
      ]);
      checkEqual('the history', lines, [
        '0 ms: scenario calls add(7) of counter',
        "5 ms: counter gets scenario's call add(7)",
        "5 ms: counter answers scenario's call add(7) with 1".replace('add(7)', 'of add'),
        '10 ms: scenario gets 1 from counter as the answer to its call of add',
      ]);
    },
  ),
  holds(
    'without latency a call takes no time, and calls are answered in the order of making',
    async (sim, make) => {
      const stub = make().through('counter', new Counter());
      checkEqual('the answers', await Promise.all([stub.add(4), stub.add(5), stub.add(6)]), [1, 2, 3]);
      checkEqual('the time', sim.now(), 0);
    },
  ),
  ofOurWords(
    holds(
      'latencies between two bounds are decisions, and messages overtake each other by them',
      async (sim, make) => {
        const net = make({ latencyMs: [10, 18] });
        const { got, times } = inbox(sim, net);
        net.send('inbox', 1);
        net.send('inbox', 2);
        await sim.sleep(20);
        checkEqual('the messages', got, [2, 1]);
        checkEqual('the times', times, [10, 17]);
      },
      { 'scenario to inbox message delay': 'highest' },
    ),
  ),
  ofOurWords(
    looks(
      'the number of different latencies can be set',
      async (sim, make) => {
        const net = make({ latencyMs: [0, 9], latencySteps: 3 });
        const { times } = inbox(sim, net);
        net.send('inbox', 1);
        await sim.sleep(20);
        checkEqual('the time of coming', times, [6]);
      },
      ({ asked }) =>
        checkEqual('the questions asked', asked, ['scenario to inbox message delay = 2 of 3: 6']),
      { 'scenario to inbox message delay': 'highest' },
    ),
  ),
  ofOurWords(
    looks(
      'the default is eight latencies, the least of which is the plain choice',
      async (sim, make) => {
        const net = make({ latencyMs: [4, 12] });
        const { times } = inbox(sim, net);
        net.send('inbox', 1);
        await sim.sleep(20);
        checkEqual('the time of coming', times, [4]);
      },
      ({ asked }) =>
        checkEqual('the questions asked', asked, ['scenario to inbox message delay = 0 of 8: 0']),
    ),
  ),
  holds('messages on a narrow link wait for each other', async (sim, make) => {
    const net = make({ bytesPerMs: 66, latencyMs: 1 });
    const { times } = inbox(sim, net);
    const text = 'x'.repeat(100);
    net.send('inbox', text);
    net.send('inbox', text);
    await sim.sleep(20);
    net.send('inbox', text);
    await sim.sleep(10);
    checkEqual('the times of coming', times, [3, 5, 23]);
  }),
  holds(
    'a letter is one byte, a number eight, bytes are what they are, a message thirty-two more',
    async (sim, make) => {
      const net = make({ bytesPerMs: 1 });
      const { times } = inbox(sim, net);
      const messages: readonly (readonly [unknown, number])[] = [
        ['abc', 35],
        [7, 40],
        [7n, 40],
        [true, 33],
        [null, 33],
        [new Uint8Array(10), 42],
        [new Uint8Array(6).buffer, 38],
        [[1, 'ab'], 42],
        [{ key: 1, k: 'ab' }, 46],
        [new Map([['ab', 1]]), 42],
        [new Set(['ab', 'c']), 35],
      ];
      let due = 0;
      const expected: number[] = [];
      for (const [message, bytes] of messages) {
        net.send('inbox', message);
        due += bytes;
        expected.push(due);
      }
      const loop: { self?: unknown } = {};
      loop.self = loop;
      net.send('inbox', loop);
      expected.push(due + 37);
      await sim.sleep(1_000);
      checkEqual('the times of coming', times, expected);
    },
  ),
  ofOurWords(
    holds('a link can differ from the others, and is asked for once in each direction', async (sim, make) => {
      const asked: string[] = [];
      const net = make({
        latencyMs: 1,
        links(from, to) {
          asked.push(`${from} ${to}`);
          return to === 'far' ? { latencyMs: 100 } : undefined;
        },
      });
      const near = net.through('near', new Counter());
      const far = net.through('far', new Counter());
      await near.add(1);
      checkEqual('the time of a near call', sim.now(), 2);
      await far.add(1);
      await far.add(1);
      checkEqual('the time after two far ones', sim.now(), 204);
      checkEqual('the links', asked, ['scenario near', 'near scenario', 'scenario far', 'far scenario']);
    }),
  ),
  ofOurWords(
    holds(
      'on a fifo link no message overtakes another, for any latency',
      async (sim, make) => {
        const net = make({ latencyMs: [10, 18], fifo: true });
        const { got, times } = inbox(sim, net);
        for (const n of [1, 2, 3]) net.send('inbox', n);
        await sim.sleep(30);
        checkEqual('the messages', got, [1, 2, 3]);
        checkEqual('the times', times, [17, 17, 17]);
      },
      { 'scenario to inbox message delay': 'highest' },
    ),
  ),
  always('on a fifo link no message overtakes another, in any order of events', 20, async (sim, make) => {
    const net = make({ latencyMs: [0, 20], fifo: true, faults: { delay: 2, reorder: true } });
    const { got } = inbox(sim, net);
    for (let n = 0; n < 8; n += 1) net.send('inbox', n);
    await sim.sleep(3_000);
    checkEqual('the messages', got, [0, 1, 2, 3, 4, 5, 6, 7]);
  }),
];
