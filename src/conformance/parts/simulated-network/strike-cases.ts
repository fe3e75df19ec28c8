/**
 * At which moments the faults of a node strike. Invariant: each case runs in the plain order of events, with exactly
 * the faults that it asks for.
 */
import type { ClusterNodeOptions } from '../../../cluster/node.ts';
import type { NodeContext } from '../../../model/node-context.ts';
import type { Simulation } from '../../../simulation/simulation.ts';
import { checkEqual, checkThat } from '../../check.ts';
import { answering, ofOurWords } from '../part-case.ts';
import { type PlayAnswers, playHolding, simulateHolding } from '../played.ts';
import { holds, looks, type Spec } from './network-case.ts';
import { type Echo, ECHO } from './node-programs.ts';

const strikesOf = (
  title: string,
  given: NonNullable<ClusterNodeOptions['faults']>,
  answers: PlayAnswers,
  expected: { readonly asked: readonly string[]; readonly lines: readonly string[]; readonly ends: string },
): Spec =>
  answering(answers, {
    title,
    async prove(subject, { signal }) {
      let ends = '';
      const scenario = async (sim: Simulation): Promise<void> => {
        const net = subject.create(sim);
        const node = net.node('n1', ({ sleep }) => sleep(5), { faults: given });
        await sim.sleep(3_000);
        ends = `${node.state} ${node.incarnation}`;
      };
      const { asked, lines } = await playHolding(scenario, answers, { signal });
      checkEqual('the questions asked', asked, expected.asked);
      checkEqual('the history', lines, expected.lines);
      checkEqual('the node then', ends, expected.ends);
    },
  });

const AT_SLEEP = 'n1 strike at n1 sleep fault';
const WAKES = 'just before it wakes';

/** Does everything that a node can do. */
const busyNode = async ({ disk, sleep, onMessage, connect }: NodeContext) => {
  onMessage(() => undefined);
  await disk.write('log', '7');
  await disk.append('log', '8');
  await disk.sync('log');
  await disk.rename('log', 'old');
  await disk.sync();
  await disk.readText('old');
  await disk.list();
  await disk.remove('old');
  await sleep(5);
  await sleep(5, 'renew the lease');
  return {
    acquire: (n: number) => n,
    async fail() {
      await connect<Echo>('echo').echo();
      throw new Error('no');
    },
  };
};

const AT_GET = 'store crash at scenario to store get';

const memoryStore = () => {
  let kept = 'nothing';
  return {
    put(value: string) {
      kept = value;
    },
    get: () => kept,
  };
};

const PAUSE_AT_CALL = 'n1 strike at scenario to n1 echo fault';
/** A strike, by its moment or kind. */
const NOT_AS_A_CALL: readonly (readonly [string, string])[] = [
  ['just before an event of the process', 'n1 strike at n1 sleep fault'],
  ['as an answer arrives', 'n1 strike at echo to n1 reply to echo fault'],
  ['before a call is answered', 'n1 strike at n1 to scenario reply to echo reply fault'],
  ['for a pause', PAUSE_AT_CALL],
];

const MOMENTS: readonly string[] = [
  'locks crash at locks write log',
  'locks crash at scenario to locks beat',
  'locks crash at locks append log',
  'locks crash at locks sync log',
  'locks crash at locks rename log',
  'locks crash at locks sync',
  'locks crash at locks read old',
  'locks crash at locks list',
  'locks crash at locks remove old',
  'locks crash at locks sleep',
  'locks crash at renew the lease',
  'locks crash at scenario to locks acquire',
  'locks crash at locks to scenario reply to acquire reply',
  'locks crash at scenario to locks fail',
  'locks crash at echo to locks reply to echo',
  'locks crash at locks to scenario error to fail reply',
];

export const strikeCases: readonly Spec[] = [
  ofOurWords(
    strikesOf(
      'several kinds are asked for in one question per moment',
      { crash: 64, pause: 64, slow: 128 },
      {},
      {
        asked: [`${AT_SLEEP} = 0 of 128: `],
        lines: [],
        ends: 'up 0',
      },
    ),
  ),
  ofOurWords(
    strikesOf(
      'a single kind is asked for by its name',
      { pause: 64 },
      {},
      {
        asked: ['n1 pause at n1 sleep fault = 0 of 64: '],
        lines: [],
        ends: 'up 0',
      },
    ),
  ),
  ofOurWords(
    strikesOf(
      'true is one moment in 16, and the rates of kinds may add up to more than one',
      { crash: 2, pause: 2, slow: 2 },
      {},
      {
        asked: [`${AT_SLEEP} = 0 of 8: `],
        lines: [],
        ends: 'up 0',
      },
    ),
  ),
  ofOurWords(
    strikesOf(
      'the highest answer is a crash, which ends by itself',
      { crash: 4, pause: 4, slow: 4, strikesMax: 1 },
      { [AT_SLEEP]: 'highest' },
      {
        asked: [`${AT_SLEEP} = 3 of 4: n1 crashes ${WAKES}`, 'n1 crash at n1 sleep delay = 0 of 4: 0'],
        lines: ['5 ms: n1 crashes', '5 ms: n1 restarts'],
        ends: 'up 1',
      },
    ),
  ),
  ofOurWords(
    strikesOf(
      'a crash lasts less than downMsMax',
      { crash: true, downMsMax: 100, strikesMax: 1 },
      { 'n1 crash at n1 sleep fault': 'highest', 'n1 crash at n1 sleep delay': 'highest' },
      {
        asked: [
          `n1 crash at n1 sleep fault = 15 of 16: n1 crashes ${WAKES}`,
          'n1 crash at n1 sleep delay = 3 of 4: 75',
        ],
        lines: ['5 ms: n1 crashes', '80 ms: n1 restarts'],
        ends: 'up 1',
      },
    ),
  ),
  ofOurWords(
    strikesOf(
      'a pause lasts less than a second by default',
      { pause: 2 },
      { 'n1 pause at n1 sleep fault': 'highest', 'n1 pause at n1 sleep delay': 2 },
      {
        asked: [
          `n1 pause at n1 sleep fault = 1 of 2: n1 pauses ${WAKES}`,
          'n1 pause at n1 sleep delay = 2 of 4: 500',
          'n1 pause at n1 sleep fault = 0 of 2: ',
        ],
        lines: ['5 ms: n1 pauses'],
        ends: 'up 0',
      },
    ),
  ),
  ofOurWords({
    title: 'a slow node is slow by slowFactor, 10 by default, and for less than slowMsMax',
    async prove(subject, { signal }) {
      for (const [given, expected] of [
        [{ slow: 2, strikesMax: 1, slowMsMax: 100 }, ['5@5', '5@55', '5@105', '5@110']],
        [
          { slow: 2, strikesMax: 1, slowMsMax: 100, slowFactor: 3 },
          ['5@5', '5@20', '5@35', '5@50', '5@65', '5@80', '5@85'],
        ],
      ] as const) {
        const beats: string[] = [];
        const { lines } = await playHolding(
          async (sim) => {
            const net = subject.create(sim);
            net.node(
              'n1',
              async ({ sleep }) => {
                for (;;) {
                  await sleep(5);
                  beats.push(`5@${sim.now()}`);
                }
              },
              { faults: given },
            );
            await sim.sleep(200);
          },
          { 'n1 slow at n1 sleep fault': 'highest', 'n1 slow at n1 sleep delay': 'highest' },
          { signal },
        );
        checkEqual('the beats', beats.slice(0, expected.length), expected);
        checkEqual('the history', lines, ['5 ms: n1 becomes slow']);
      }
    },
  }),
  {
    title: 'strikes are bounded, by four by default',
    async prove(subject, { signal }) {
      for (const [strikesMax, count] of [
        [undefined, 4],
        [2, 2],
      ] as const) {
        const verdict = await simulateHolding('plain', {
          signal,
          source: { decide: ({ kind }, n) => (kind === 'fault' ? n - 1 : 0) },
          keepTrace: true,
          async scenario(sim) {
            const net = subject.create(sim);
            const given = { pause: 2, pauseMsMax: 0, ...(strikesMax === undefined ? {} : { strikesMax }) };
            net.node(
              'n1',
              async ({ sleep }) => {
                for (;;) await sleep(5);
              },
              { faults: given },
            );
            await sim.sleep(200);
          },
        });
        checkEqual('the strikes', verdict.trace().filter(({ type }) => type === 'fault').length, count);
      }
    },
  },
  ofOurWords(
    looks(
      'a fault may strike as a call arrives, before it is answered, and before each event of the process',
      async (sim, make) => {
        const net = make();
        net.node('locks', busyNode, { faults: { crash: 1_000 } });
        net.through('echo', ECHO);
        net.send('locks', { type: 'beat', term: 4 });
        await sim.sleep(50);
        const stub = net.connect<{ acquire(n: number): number; fail(): void }>('locks');
        await stub.acquire(7);
        await stub.fail().catch(() => undefined);
      },
      ({ asked }) =>
        checkEqual(
          'the moments',
          asked.map((line) => line.replace(/ fault = 0 of 1000: $/, '')),
          MOMENTS,
        ),
    ),
  ),
  ofOurWords(
    looks(
      'a crash may be over before a call arrives: what was in memory is gone, and the next process answers',
      async (_sim, make) => {
        const net = make();
        const node = net.node('store', memoryStore, { faults: { crash: 16, strikesMax: 1 } });
        const store = net.connect<ReturnType<typeof memoryStore>>('store');
        await store.put('seven');
        checkEqual('what the store has', await store.get(), 'nothing');
        checkEqual('it', [node.state, node.incarnation], ['up', 1]);
      },
      ({ asked, lines }) => {
        checkEqual('the questions asked', asked.slice(-2), [
          `${AT_GET} fault = 15 of 16: store crashes as get() of scenario arrives`,
          `${AT_GET} back fault = 1 of 2: store crashes and restarts before get() of scenario arrives`,
        ]);
        checkEqual(
          'the history',
          lines.filter((line) => !line.includes('scenario')),
          ['0 ms: store crashes', '0 ms: store restarts'],
        );
      },
      { [`${AT_GET} fault`]: 'highest', [`${AT_GET} back fault`]: 'highest' },
    ),
  ),
  holds(
    'what arrives after a crash that is over waits until the next process has started',
    async (sim, make) => {
      const net = make();
      const got: string[] = [];
      const program = async ({ disk, onMessage }: NodeContext) => {
        await disk.list();
        onMessage((message) => got.push(`${String(message)} at ${sim.now()}`));
        return ECHO;
      };
      net.node('n1', program, { faults: { crash: 16 }, disk: { latencyMs: 5 } });
      await sim.sleep(10);
      net.send('n1', 'hello');
      await sim.sleep(10);
      checkEqual('the messages', got, ['hello at 15']);
      checkEqual('the answer', await net.connect<Echo>('n1').echo(7), [7]);
      checkEqual('the time', sim.now(), 25);
    },
    {
      'n1 crash at scenario to n1 message fault': 'highest',
      'n1 crash at scenario to n1 message back fault': 'highest',
      'n1 crash at scenario to n1 echo fault': 'highest',
      'n1 crash at scenario to n1 echo back fault': 'highest',
    },
  ),
  ...NOT_AS_A_CALL.map(([moment, strike]) =>
    looks(
      `only as a call or message arrives may the crash be over, not ${moment}`,
      async (sim, make) => {
        const net = make();
        net.through('echo', ECHO);
        const program = async ({ sleep, connect }: NodeContext) => {
          await sleep(5);
          await connect<Echo>('echo').echo();
          return ECHO;
        };
        const node = net.node('n1', program, { faults: { crash: 16, pause: 16, strikesMax: 1 } });
        await net
          .connect<Echo>('n1')
          .echo()
          .catch(() => undefined);
        await sim.sleep(2_000);
        checkEqual('the process', node.incarnation, strike === PAUSE_AT_CALL ? 0 : 1);
      },
      ({ asked }) =>
        checkEqual(
          'the questions asked',
          asked.filter((line) => line.includes(' back fault')),
          [],
        ),
      { [strike]: strike === PAUSE_AT_CALL ? 14 : 'highest' },
    ),
  ),
  ofOurWords(
    looks(
      'heal ends the faults of a node at once, and keeps what the scenario has done',
      async (sim, make) => {
        const net = make();
        const struck = net.node('n1', ({ sleep }) => sleep(5), { faults: { crash: 2, downMsMax: 10_000 } });
        const crashed = net.node('n2', ({ sleep }) => sleep(5));
        await sim.sleep(10);
        crashed.crash();
        checkEqual('the states', [struck.state, crashed.state], ['down', 'down']);
        sim.heal();
        checkEqual('the states', [struck.state, crashed.state], ['up', 'down']);
        await sim.sleep(20_000);
        checkEqual('the processes', [struck.incarnation, crashed.incarnation], [1, 0]);
      },
      ({ asked }) => checkEqual('how often it was asked', asked.length, 2),
      { 'n1 crash at n1 sleep fault': 'highest', 'n1 crash at n1 sleep delay': 'highest' },
    ),
  ),
  ofOurWords(
    holds(
      'heal ends the pauses and the slowness that were decided, at once',
      async (sim, make) => {
        const net = make();
        const beats: Record<'paused' | 'slow', number[]> = { paused: [], slow: [] };
        const beating =
          (name: 'paused' | 'slow') =>
          async ({ sleep }: NodeContext): Promise<void> => {
            for (;;) {
              await sleep(5);
              beats[name].push(sim.now());
            }
          };
        const paused = net.node('n1', beating('paused'), { faults: { pause: 2, pauseMsMax: 10_000 } });
        net.node('n2', beating('slow'), { faults: { slow: 2, slowMsMax: 10_000 } });
        await sim.sleep(7);
        checkEqual('the state', paused.state, 'paused');
        sim.heal();
        checkEqual('the state', paused.state, 'up');
        await sim.sleep(200);
        for (const times of Object.values(beats)) {
          const [before, last] = times.slice(-2) as [number, number];
          checkEqual('the time between two beats', last - before, 5);
          checkThat(last > 200, 'the last beat', 'after 200 ms', last);
        }
      },
      {
        'n1 pause at n1 sleep fault': 'highest',
        'n1 pause at n1 sleep delay': 'highest',
        'n2 slow at n2 sleep fault': 'highest',
        'n2 slow at n2 sleep delay': 'highest',
      },
    ),
  ),
  ofOurWords(
    holds(
      'a node that the scenario has started again by then is not started a second time',
      async (sim, make) => {
        const node = make().node('n1', ({ sleep }) => sleep(5), { faults: { crash: 2, strikesMax: 1 } });
        await sim.sleep(10);
        node.restart();
        checkEqual('it', [node.state, node.incarnation], ['up', 1]);
        node.crash();
        await sim.sleep(5_000);
        checkEqual('it', [node.state, node.incarnation], ['down', 1]);
      },
      { 'n1 crash at n1 sleep fault': 'highest', 'n1 crash at n1 sleep delay': 'highest' },
    ),
  ),
];
