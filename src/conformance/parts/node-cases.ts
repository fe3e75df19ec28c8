/**
 * The contract of a runner on a machine that crashes, as a list of cases. Invariant: each case runs in the plain order
 * of events, with exactly the faults that it asks for.
 */
import type { Service } from '../../model/service.ts';
import { DONE_MASK } from '../../model/state-mask.ts';
import { finalStatus } from '../../model/status-lookup.ts';
import { createSimulatedRunner } from '../../runners/simulated-runner.ts';
import type { Node, NodeOptions } from '../../simulation/service-node.ts';
import type { Simulation } from '../../simulation/simulation.ts';
import { checkEqual, checkThat } from '../check.ts';
import {
  answering,
  codeOf,
  runsOf,
  inWords,
  meanwhile,
  ofOurWords,
  type PartCase,
  partCases,
  type PartCaseSpec,
  type PartSubject,
  refusalOf,
} from './part-case.ts';
import { callsIn, noted } from './noted-part.ts';
import { faultLines, type PlayAnswers, type Played, playHolding } from './played.ts';

/** A node that is a runner, under test: see {@link nodeCases}. */
export interface NodeSubject extends PartSubject {
  create(sim: Simulation, options: NodeOptions<Service>): Node;
}

const onNode = (
  title: string,
  body: (
    sim: Simulation,
    node: Node,
    make: (options: Partial<NodeOptions<Service>>) => Node,
  ) => Promise<void>,
  given: Partial<NodeOptions<Service>> = {},
  look: (played: Played) => void = () => undefined,
  answers: PlayAnswers = {},
): PartCaseSpec<NodeSubject> =>
  answering(answers, {
    title,
    async prove(subject, { signal }) {
      const scenario = async (sim: Simulation): Promise<void> => {
        const note = callsIn(sim.world);
        const make = (options: Partial<NodeOptions<Service>>): Node => {
          const node = subject.create(sim, {
            name: 'n1',
            start: (world, { name, idPrefix }) =>
              createSimulatedRunner(world, { name, idPrefix, capacity: 4, history: 0 }),
            ...options,
          });
          return noted(note, 'the node', node);
        };
        const node = make(given);
        await body(sim, node, make);
        await node.release();
      };
      look(await playHolding(scenario, answers, { signal }));
    },
  });

const LONG = { argv: ['sleep 1000'] };

const machines: readonly PartCaseSpec<NodeSubject>[] = [
  inWords((said) =>
    onNode(
      'R204 a crash gives back all that the process held, loses the calls that it has not answered, and refuses later ones',
      async (sim, node) => {
        const { runId } = await node.run({ ...LONG, snapshotId: 'a' });
        const waits = [
          meanwhile(codeOf(() => finalStatus(node, runId))),
          meanwhile(codeOf(() => node.statusAll())),
        ];
        await sim.sleep(10);
        node.crash();
        node.crash();
        said.equal('it', [node.name, node.state, node.service], ['n1', 'down', undefined]);
        said.equal('the calls', await Promise.all(waits), ['RUNNER_INJECTED_FAULT', 'none']);
        said.equal(
          'a later call',
          await refusalOf(() => node.statusAll()),
          'RUNNER_INJECTED_FAULT statusAll: node n1 is down',
        );
      },
      {},
      (played) => {
        const kinds = played.events.flatMap((event) => (event.type === 'abandoned' ? [event.resource] : []));
        for (const kind of ['process', 'checkout', 'output', 'waiter'] as const) {
          checkThat(kinds.includes(kind), 'what is abandoned', kind, kinds);
        }
        said.equal('the faults', faultLines(played), ['10 ms: n1 crashes']);
        said.equal('the time', played.verdict.virtualMs, 10);
      },
    ),
  ),
  onNode('R45 a restart is a new incarnation, which knows nothing of the old one', async (_sim, node) => {
    const { runId } = await node.run(LONG);
    node.restart();
    checkEqual('it', [node.incarnation, node.state, runId], [1, 'up', 'n1.0-0']);
    checkEqual('the old run', await codeOf(() => node.status(runId)), 'RUNNER_UNKNOWN_RUN');
    const next = await node.run({ argv: ['complete 3'] });
    checkEqual(
      'the next run',
      [next.runId, (await finalStatus(node, next.runId)).status.exitCode],
      ['n1.1-0', 3],
    );
    checkEqual('how many there are', await runsOf(node), 1);
  }),
  onNode(
    'R45 D22 with reused ids a client gets the run of another client',
    async (_sim, node) => {
      const mine = await node.run({ ...LONG, tag: 'mine' });
      node.restart();
      await node.run({ argv: ['complete 3'], tag: 'another' });
      checkEqual(
        'whose run it is',
        [mine.runId, (await finalStatus(node, mine.runId)).status.tag],
        ['n1-0', 'another'],
      );
    },
    { reusesIds: true },
  ),
  onNode(
    'a paused process does nothing, calls wait for it, and what was due comes when it goes on',
    async (sim, node) => {
      const short = await node.run({ argv: ['sleep 10', 'complete 1'] });
      await sim.sleep(5);
      node.pause();
      const call = meanwhile(node.run({ argv: ['sleep 7', 'complete 2'] }));
      await sim.sleep(100);
      checkEqual('its state', node.state, 'paused');
      node.resume();
      await finalStatus(node, short.runId);
      checkEqual('the end of what was due at 10', sim.now(), 105);
      const { status } = await finalStatus(node, (await call).runId);
      checkEqual('the call that waited', [status.exitCode, sim.now()], [2, 112]);
    },
  ),
  onNode(
    'a call that waits for a paused process is lost with it, or cancelled by its caller',
    async (_sim, node) => {
      const { runId } = await node.run({ argv: ['sleep 500'] });
      node.pause();
      const controller = new AbortController();
      const query = { runs: [runId], states: DONE_MASK };
      const cancelled = meanwhile(
        codeOf(() => node.query(query, { timeoutMs: 90, signal: controller.signal })),
      );
      const lost = meanwhile(codeOf(() => node.run({ argv: ['complete 0'] })));
      controller.abort();
      checkEqual('the one', await cancelled, 'RUNNER_WAIT_CANCELLED');
      node.restart();
      checkEqual('the other', await lost, 'RUNNER_INJECTED_FAULT');
      checkEqual('what the next process knows', await runsOf(node), 0);
    },
  ),
  inWords((said) =>
    onNode('a slow machine slows its process, and the next one on it', async (sim, node) => {
      const times: number[] = [];
      const took = async (): Promise<void> => {
        const startMs = sim.now();
        await finalStatus(node, (await node.run({ argv: ['sleep 10', 'complete 0'] })).runId);
        times.push(sim.now() - startMs);
      };
      await took();
      node.slow(3);
      await took();
      node.restart();
      await took();
      node.slow(1);
      await took();
      said.equal('the times', times, [10, 30, 30, 10]);
      await said.refuses(
        'a factor',
        () => node.slow(0.5),
        'RUNNER_INVALID_ARGUMENT',
        'factor: expected a finite number ≥ 1, got 0.5',
      );
    }),
  ),
  onNode(
    'a clock that is off measures its own time, and the trace shows the true one',
    async (sim, node) => {
      await finalStatus(node, (await node.run({ argv: ['sleep 1000', 'complete 0'] })).runId);
      checkEqual('the end of a second on a clock at double speed', sim.now(), 500);
    },
    { skew: { offsetMs: -5_000, driftPpm: 1_000_000 } },
    ({ events }) => checkEqual('the times of the trace', [...new Set(events.map(({ at }) => at))], [0, 500]),
  ),
  ofOurWords(
    onNode(
      'R211 R212 a lost call may hang: until a cancel, until faults end, or for hangMs',
      async (sim, node, make) => {
        const { runId } = await node.run(LONG);
        const controller = new AbortController();
        const query = { runs: [runId], states: DONE_MASK };
        const cancelled = meanwhile(
          codeOf(() => node.query(query, { timeoutMs: Infinity, signal: controller.signal })),
        );
        await sim.sleep(1);
        node.crash();
        await sim.sleep(100);
        controller.abort();
        checkEqual('the one', [await cancelled, sim.now()], ['RUNNER_WAIT_CANCELLED', 101]);
        const other = make({ name: 'n2', hangMs: 30 });
        const lost = meanwhile(codeOf(() => other.run(LONG)));
        other.crash();
        checkEqual('the other', [await lost, sim.now()], ['RUNNER_INJECTED_FAULT', 131]);
        await other.release();
      },
      {},
      (played) =>
        checkEqual('the faults', faultLines(played), [
          '1 ms: n1 crashes',
          '1 ms: query of n1.0-0 hangs, because nothing answers at n1',
          '101 ms: n2 crashes',
          '101 ms: run hangs, because nothing answers at n2',
        ]),
      { 'n1 query n1.0-0 hang fault': 'highest', 'n2 run hang fault': 'highest' },
    ),
  ),
  onNode(
    'R84 R86 after the release verbs do nothing, and calls are refused as by a released runner',
    async (_sim, node, make) => {
      for (const each of [node, make({ name: 'n2' })]) {
        if (each.name === 'n2') each.crash();
        await each.release();
        await each.release();
        const { incarnation, state } = each;
        each.crash();
        each.restart();
        each.pause();
        each.resume();
        each.slow(2);
        checkEqual('it', [each.incarnation, each.state], [incarnation, state]);
        checkEqual('a run', await codeOf(() => each.run(LONG)), 'RUNNER_RELEASED');
        checkEqual('an abort', await codeOf(() => each.abort('0')), 'RUNNER_RELEASED');
      }
    },
  ),
  ofOurWords(
    onNode(
      'R212 each kind of fault is a question of its own at each event and call, and ends by itself',
      async (sim, node) => {
        checkEqual('the call', await codeOf(() => node.run({ argv: ['sleep 10'] })), 'RUNNER_INJECTED_FAULT');
        await sim.sleep(20_000);
        checkEqual('it', [node.state, node.incarnation], ['up', 1]);
      },
      { faults: { crash: 4, pause: 8, downMsMax: 100, strikesMax: 1 } },
      (played) => {
        checkThat(
          played.asked.some((line) => line.startsWith('n1 crash at ') && line.includes(' of 4')),
          'the questions asked',
          'a crash',
          played.asked,
        );
        checkThat(
          played.asked.some((line) => line.startsWith('n1 pause at ') && line.includes(' of 8')),
          'the questions asked',
          'a pause',
          played.asked,
        );
        checkEqual('how many faults', faultLines(played), ['0 ms: n1 crashes']);
      },
      { 'n1 crash at n1 run reply fault': 'highest' },
    ),
  ),
  inWords((said) =>
    onNode('wrong use is refused with what was expected and what came', async (_sim, _node, make) => {
      const odd = 7 as never;
      await said.refuses(
        'a name',
        () => make({ name: 'a b' }),
        'RUNNER_INVALID_ARGUMENT',
        'name: expected letters, digits, dots, dashes and underscores, got "a b"',
      );
      await said.refuses(
        'no start',
        () => make({ start: odd }),
        'RUNNER_INVALID_ARGUMENT',
        'start: expected a function, got 7',
      );
      await said.refuses(
        'no service',
        () => make({ name: 'n2', start: () => odd }),
        'RUNNER_INVALID_ARGUMENT',
        'the result of start',
      );
      await said.refuses(
        'faults',
        () => make({ faults: { crash: 1 } }),
        'RUNNER_INVALID_ARGUMENT',
        'faults.crash: expected true, false or an integer ≥ 2, got 1',
      );
    }),
  ),
];

/**
 * The contract of a node that is a runner, case by case: for `createNode`, or yours.
 *
 * @example
 * ```ts
 * import { createNode } from 'dryrunner';
 * import { nodeCases } from 'dryrunner/conformance';
 * for (const each of nodeCases) await each.prove({ name: 'mine', create: createNode });
 * ```
 */
export const nodeCases: readonly PartCase<NodeSubject>[] = partCases({ machines });
