/**
 * Partitions and holds between groups of nodes. Invariant: each case runs in the plain order of events, with exactly
 * the faults that it asks for.
 */
import type { Simulation } from '../../../simulation/simulation.ts';
import { checkEqual, checkThat } from '../../check.ts';
import { inWords, ofOurWords, refusalOf } from '../part-case.ts';
import type { PlayAnswers } from '../played.ts';
import { holds, looks, type SimulatedNetwork, type Spec, stepsOf } from './network-case.ts';
import { Counter, inbox } from './node-programs.ts';

interface Pinger {
  pong(): boolean;
  ping(to: string): Promise<boolean>;
}

/** Makes three nodes, and returns a function that shows which of them reach which. */
function ring(net: SimulatedNetwork): () => Promise<string> {
  const names = ['a', 'b', 'c'];
  for (const name of names) {
    net.node(name, (node) => ({
      pong: () => true,
      ping: (to: string) =>
        node
          .connect<Pinger>(to)
          .pong()
          .catch(() => false),
    }));
  }
  return async () => {
    const found: string[] = [];
    for (const from of names) {
      const stub = net.connect<Pinger>(from, { timeoutMs: 1_000 });
      for (const to of names) if (from !== to && (await stub.ping(to))) found.push(from + to);
    }
    return found.join(' ');
  };
}

const EVERYBODY = 'ab ac ba bc ca cb';
const MESSAGE = 'scenario to a message fault';

/** Makes three nodes, and returns a function that shows the messages of which of them reach which. */
function hearers(sim: Simulation, net: SimulatedNetwork): () => Promise<string> {
  let heard: string[] = [];
  const nodes = ['a', 'b', 'c'].map((name) =>
    net.node(name, ({ onMessage, send }) => {
      onMessage((_, from) => heard.push(from + name));
      return { greet: (to: string) => send(to, 0) };
    }),
  );
  return async () => {
    heard = [];
    for (const { name, object } of nodes) {
      for (const to of nodes) if (to.name !== name) object?.greet(to.name);
    }
    await sim.sleep(1);
    return heard.sort().join(' ');
  };
}

const decided = (title: string, answers: PlayAnswers, heard: string, text: string, isOver: string): Spec =>
  looks(
    `a partition that is decided loses messages, and ends by itself: ${title}`,
    async (sim, make) => {
      const net = make({ faults: { partition: true, strikesMax: 1 } });
      const hear = hearers(sim, net);
      net.send('a', 0);
      await sim.sleep(1);
      checkEqual('who hears whom meanwhile', await hear(), heard);
      await sim.sleep(5_000);
      checkEqual('who hears whom afterwards', await hear(), EVERYBODY);
    },
    ({ lines }) => {
      for (const line of [`0 ms: ${text}`, isOver]) {
        checkThat(lines.includes(line), 'the history', line, lines.slice(0, 3));
      }
    },
    { [MESSAGE]: 'highest', ...answers },
  );

export const outageCases: readonly Spec[] = [
  looks(
    'a partition separates its groups, nodes outside of them keep their links, and repair ends it',
    async (_sim, make) => {
      const net = make({ callTimeoutMs: 10 });
      const reached = ring(net);
      net.partition('a', 'b');
      checkEqual('who reaches whom', await reached(), 'ac bc ca cb');
      net.repair();
      net.partition(['a'], ['b', 'c']);
      checkEqual('who reaches whom', await reached(), 'bc cb');
      net.repair();
      net.partition('a', 'b', 'c');
      checkEqual('who reaches whom', await reached(), '');
      net.repair();
      checkEqual('who reaches whom', await reached(), EVERYBODY);
    },
    ({ lines, events }) => {
      for (const line of [
        '0 ms: the network is partitioned: a | b',
        '0 ms: the call pong() from a to b is lost: the network is partitioned',
        '20 ms: network notes: the partition a | b ends',
        '20 ms: the network is partitioned: a | b, c',
        '60 ms: the network is partitioned: a | b | c',
      ]) {
        checkThat(lines.includes(line), 'the history', line, lines);
      }
      checkEqual(
        'the fault',
        events.find(({ type }) => type === 'fault'),
        {
          ...{ at: 0, type: 'fault', runner: 'network', operation: 'network', kind: 'partition' },
          ...{ runId: '', parts: 'a | b' },
        },
      );
    },
  ),
  looks(
    'a cut loses messages in one direction only',
    async (sim, make) => {
      const net = make();
      const { got } = inbox(sim, net);
      net.cut('scenario', 'inbox');
      net.send('inbox', 'lost');
      await sim.sleep(1);
      net.repair();
      net.cut('inbox', 'scenario');
      net.send('inbox', 'heard');
      await sim.sleep(1);
      checkEqual('the notifications', got, ['heard']);
    },
    ({ lines }) => {
      for (const line of [
        '0 ms: messages from scenario to inbox are lost',
        '0 ms: "lost" from scenario to inbox is lost: the network is partitioned',
        '1 ms: network notes: messages from scenario to inbox are lost no more',
      ]) {
        checkThat(lines.includes(line), 'the history', line, lines);
      }
    },
  ),
  holds('messages on their way when a partition begins are lost', async (sim, make) => {
    const net = make({ latencyMs: 10 });
    const { got } = inbox(sim, net);
    net.send('inbox', 1);
    await sim.sleep(5);
    net.partition('scenario', 'inbox');
    await sim.sleep(10);
    net.repair();
    net.send('inbox', 2);
    await sim.sleep(20);
    checkEqual('the messages received', got, [2]);
  }),
  holds(
    'messages sent during a partition are lost, also if they were due after its end',
    async (sim, make) => {
      const net = make({ latencyMs: 10 });
      const { got } = inbox(sim, net);
      net.partition('scenario', 'inbox');
      net.send('inbox', 1);
      await sim.sleep(5);
      net.repair();
      await sim.sleep(20);
      checkEqual('the messages received', got, []);
    },
  ),
  looks(
    'held messages wait for their release, and then arrive in the order of sending',
    async (sim, make) => {
      const net = make({ latencyMs: 1 });
      const { got, times } = inbox(sim, net);
      net.hold('scenario', 'inbox');
      for (const n of [1, 2, 3]) net.send('inbox', n);
      await sim.sleep(50);
      checkEqual('the messages received', got, []);
      net.release('scenario', 'inbox');
      await sim.sleep(1);
      checkEqual(
        'the messages received',
        [got, times],
        [
          [1, 2, 3],
          [50, 50, 50],
        ],
      );
    },
    (played) => {
      const { lines } = played;
      checkEqual('the holds', stepsOf(played, 'message').filter((step) => step === 'held').length, 3);
      for (const line of [
        '0 ms: messages from scenario to inbox are held back',
        '1 ms: 1 from scenario to inbox is held back: the link is held',
        '50 ms: network notes: messages from scenario to inbox go on',
      ]) {
        checkThat(lines.includes(line), 'the history', line, lines);
      }
    },
  ),
  holds(
    'a hold of several links is released link by link, and one release ends all holds of a link',
    async (sim, make) => {
      const net = make();
      const got: string[] = [];
      for (const name of ['a', 'b', 'c']) {
        net.node(name, ({ onMessage }) => onMessage((n) => void got.push(`${name}${String(n)}`)));
      }
      net.hold('scenario', ['a', 'b']);
      for (const name of ['a', 'b', 'c']) net.send(name, 1);
      await sim.sleep(1);
      checkEqual('the messages received', got, ['c1']);
      net.release('scenario', 'b');
      await sim.sleep(1);
      checkEqual('the messages received', got, ['c1', 'b1']);
      net.hold('scenario', ['a', 'c']);
      net.partition('scenario', 'b');
      net.release('scenario', ['a', 'b']);
      await sim.sleep(1);
      checkEqual('the messages received', got, ['c1', 'b1', 'a1']);
      net.send('b', 2);
      await sim.sleep(1);
      checkEqual('the messages received', got, ['c1', 'b1', 'a1']);
      net.send('c', 3);
      await sim.sleep(1);
      checkEqual('the messages received', got, ['c1', 'b1', 'a1']);
      net.cut('scenario', 'c');
      net.cut('scenario', 'c');
      net.repair();
      net.send('c', 4);
      await sim.sleep(1);
      checkEqual('the messages received', got, ['c1', 'b1', 'a1', 'c3', 'c4']);
    },
  ),
  holds('messages held on a fifo link arrive before those still on their way', async (sim, make) => {
    const net = make({ latencyMs: 10, fifo: true });
    const { got, times } = inbox(sim, net);
    net.hold('scenario', 'inbox');
    net.send('inbox', 1);
    net.send('inbox', 2);
    await sim.sleep(15);
    net.send('inbox', 3);
    net.release('scenario', 'inbox');
    net.send('inbox', 4);
    await sim.sleep(20);
    checkEqual('the messages', got, [1, 2, 3, 4]);
    checkEqual('the times', times, [15, 15, 25, 25]);
  }),
  inWords((said) =>
    holds(
      'heal ends the partitions and holds of the scenario, and callers learn which calls were lost',
      async (sim, make) => {
        const net = make({ callTimeoutMs: Infinity });
        const stub = net.through('counter', new Counter());
        const { got } = inbox(sim, net);
        net.partition('counter', 'scenario');
        net.hold('scenario', 'inbox');
        net.send('inbox', 1);
        const lost = refusalOf(() => stub.add(1));
        await sim.sleep(5);
        sim.heal();
        said.equal('the loss', await lost, 'RUNNER_CALL_LOST the call add to counter was lost');
        said.equal('the next answer', await stub.add(1), 1);
        said.equal('what was held', got, [1]);
      },
    ),
  ),
  decided(
    'one node',
    {},
    'bc cb',
    'the network is partitioned: a | b, c, scenario, for 250 ms',
    '250 ms: network notes: the partition a | b, c, scenario ends',
  ),
  decided(
    'another one',
    { 'network partition of': 2 },
    'ab ba',
    'the network is partitioned: c | a, b, scenario, for 250 ms',
    '250 ms: network notes: the partition c | a, b, scenario ends',
  ),
  decided(
    'one that is not heard',
    { 'network partition': 1 },
    'ba bc ca cb',
    'messages from a to b, c, scenario are lost, for 250 ms',
    '250 ms: network notes: messages from a to b, c, scenario are lost no more',
  ),
  decided(
    'one that hears nothing',
    { 'network partition': 2 },
    'ab ac bc cb',
    'messages from b, c, scenario to a are lost, for 250 ms',
    '250 ms: network notes: messages from b, c, scenario to a are lost no more',
  ),
  decided(
    'a pair',
    { 'network partition': 3, 'network partition from': 1 },
    'ab ba bc cb',
    'the network is partitioned: a | c, for 250 ms',
    '250 ms: network notes: the partition a | c ends',
  ),
  ofOurWords(
    decided(
      'halves, for a second',
      { 'network partition': 4, 'network partition delay': 'highest' },
      'ab ba',
      'the network is partitioned: a, b | c, scenario, for 1000 ms',
      '1000 ms: network notes: the partition a, b | c, scenario ends',
    ),
  ),
  ofOurWords(
    looks(
      'while one partition is in force no other one begins by decision',
      async (sim, make) => {
        const net = make({ faults: { partition: 64, lose: 16 } });
        inbox(sim, net);
        net.node('other', () => undefined);
        net.send('other', 1);
        net.send('inbox', 2);
        await sim.sleep(2_000);
        net.send('inbox', 3);
        await sim.sleep(1);
      },
      ({ asked }) =>
        checkEqual(
          'the questions asked',
          asked.flatMap((line) => / fault = (\d+ of \d+)/.exec(line)?.[1] ?? []),
          ['59 of 64', '0 of 16', '0 of 64'],
        ),
      { 'scenario to other message fault': 59, 'network partition of': 1 },
    ),
  ),
  ofOurWords(
    looks(
      'what a node sends to itself crosses no network: no fault strikes it',
      async (sim, make) => {
        const net = make({ latencyMs: 5, faults: { lose: 2 } });
        const times: number[] = [];
        inbox(sim, net);
        net.node('own', ({ name, send, onMessage }) => {
          onMessage(() => times.push(sim.now()));
          send(name, { type: 'later' });
        });
        await sim.sleep(100);
        checkEqual('when it arrives', times, [5]);
      },
      ({ asked }) => checkEqual('the questions asked', asked, []),
      { 'own to own later fault': 'highest' },
    ),
  ),
  ofOurWords(
    looks(
      'a link held by decision delivers the waiting messages when the hold ends',
      async (sim, make) => {
        const net = make({ faults: { hold: true, outageMs: 40 } });
        const { got, times } = inbox(sim, net);
        net.send('inbox', 1);
        await sim.sleep(100);
        checkEqual('the messages received', [got, times], [[1], [10]]);
      },
      ({ lines, asked }) => {
        checkThat(
          lines.includes('0 ms: messages from scenario to inbox are held back, for 10 ms'),
          'the history',
          'the hold',
          lines,
        );
        checkEqual('the questions asked', asked, [
          'scenario to inbox message fault = 63 of 64: undefined',
          'network hold delay = 0 of 4: 10',
        ]);
      },
      { 'scenario to inbox message fault': 'highest' },
    ),
  ),
];
