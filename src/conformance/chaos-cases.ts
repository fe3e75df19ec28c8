/**
 * What stands between callers and a runner that is far away promises, as lists of cases: a network that loses calls, and a machine that crashes.
 * Invariant: each case plays in the plain order of events with just the faults that it asks for.
 */
import { finalStatus, statusAll } from '../model/status-lookup.ts';
import { waitForever } from '../model/query.ts';
import type { Service } from '../model/service.ts';
import { ALL_MASK, DONE_MASK } from '../model/state-mask.ts';
import type { World } from '../model/world.ts';
import type { ChaosRunner } from '../network/chaos-runner.ts';
import type { ChaosOptions } from '../network/chaos-settings.ts';
import { createSimulatedRunner } from '../runners/simulated-runner.ts';
import type { Node, NodeOptions } from '../simulation/service-node.ts';
import type { Simulation } from '../simulation/simulation.ts';
import { checkEqual, checkThat } from './check.ts';
import {
  meanwhile,
  type PartCase,
  partCases,
  type PartCaseSpec,
  type PartSubject,
  type PlayAnswers,
  type Played,
  playHolding,
  refusalOf,
  inWords,
  ofOurWords,
} from './part-case.ts';

/** A chaos runner that is held to its promises: see {@link chaosCases}. */
export interface ChaosSubject extends PartSubject {
  create(world: World, service: Service, options?: ChaosOptions): ChaosRunner;
}

/** The code that a call rejects with; `answered` if it does not. */
async function outcomeOf(call: Promise<unknown>): Promise<string> {
  const refusal = await refusalOf(() => call);
  return refusal === 'nothing' ? 'answered' : (refusal.split(' ')[0] as string);
}

const between = (
  title: string,
  options: ChaosOptions,
  body: (t: {
    readonly sim: Simulation;
    readonly chaos: ChaosRunner;
    readonly behind: Service;
  }) => Promise<void>,
  look: (played: Played) => void = () => undefined,
  answers: PlayAnswers = {},
): PartCaseSpec<ChaosSubject> => ({
  title,
  async prove(subject, { signal }) {
    const scenario = async (sim: Simulation): Promise<void> => {
      const behind = createSimulatedRunner(sim.world, { name: 'r', capacity: 9, history: 0 });
      const chaos = subject.create(sim.world, behind, options);
      await body({ sim, chaos, behind });
      await chaos.release();
    };
    look(await playHolding(scenario, answers, { signal }));
  },
});

const EXIT = { argv: ['complete 0'] };
const runsOf = async (service: Service): Promise<number> => (await statusAll(service)).statuses.length;
const faultLines = ({ events, lines }: Played): string[] =>
  lines.filter((_, at) => events[at]?.type === 'fault');

const losses: readonly PartCaseSpec<ChaosSubject>[] = [
  between(
    'R147 R150 without options it changes nothing, and asks nothing',
    {},
    async ({ sim, chaos, behind }) => {
      const { runId } = await chaos.run(EXIT);
      checkEqual('its end', (await finalStatus(chaos, runId)).status, (await behind.status(runId)).status);
      checkEqual('all', await chaos.statusAll(), await behind.statusAll());
      checkEqual('an unknown run', await outcomeOf(chaos.status('nope')), 'RUNNER_UNKNOWN_RUN');
      checkEqual('the time', sim.now(), 0);
    },
    ({ asked, verdict }) => checkEqual('questions and faults', [asked, verdict.faults], [[], 0]),
  ),
  inWords((said) =>
    between(
      'R153 D78 a call that fails before is not applied, one that fails after is, and says so',
      {
        plan: {
          schedule: [
            { operation: 'run', call: 1, kind: 'before' },
            { operation: 'run', call: 2, kind: 'after' },
          ],
        },
      },
      async ({ chaos, behind }) => {
        said.equal(
          'before',
          await refusalOf(() => chaos.run({ ...EXIT, jobId: 'j' })),
          'RUNNER_INJECTED_FAULT injected fault: run (before)',
        );
        said.equal('how many runs there are', await runsOf(behind), 0);
        said.equal(
          'after',
          await refusalOf(() => chaos.run(EXIT)),
          'RUNNER_INJECTED_FAULT injected fault: run (after)',
        );
        said.equal('how many runs there are', await runsOf(behind), 1);
        said.equal('the third', await outcomeOf(chaos.run(EXIT)), 'answered');
      },
      (played) =>
        said.equal('the faults', faultLines(played), [
          '0 ms: the request run is lost on chaos',
          '0 ms: the reply to run is lost on chaos',
        ]),
    ),
  ),
  between(
    'R153 a lost reply that is an error is recorded, and so is that of a duplicate',
    {
      name: 'net',
      plan: {
        schedule: [
          { operation: 'status', call: 1, kind: 'after' },
          { operation: 'abort', call: 1, kind: 'duplicated' },
        ],
      },
    },
    async ({ chaos }) => {
      checkEqual('a status', await outcomeOf(chaos.status('nope')), 'RUNNER_INJECTED_FAULT');
      checkEqual('an abort', await outcomeOf(chaos.abort('nope')), 'RUNNER_UNKNOWN_RUN');
    },
    ({ events }) => {
      const fault = { at: 0, type: 'fault', runner: 'net', runId: 'nope' } as const;
      const recorded = {
        at: 0,
        type: 'recorded',
        runner: 'net',
        runId: 'nope',
        error: 'unknown run id nope',
        exitCode: 0,
      } as const;
      checkEqual(
        'the trace',
        events.filter((event) => 'runner' in event && event.runner === 'net'),
        [
          { ...fault, operation: 'status', kind: 'after' },
          { ...recorded, what: 'status: lost reply' },
          { ...fault, operation: 'abort', kind: 'duplicated' },
          { ...recorded, what: 'abort: reply to a duplicate' },
        ],
      );
    },
  ),
  between(
    'R153 a duplicated run is applied twice, and its caller gets the first reply; a query asks again without waiting',
    {
      plan: {
        schedule: [
          { operation: 'run', call: 1, kind: 'duplicated' },
          { operation: 'query', call: 1, kind: 'duplicated' },
        ],
      },
    },
    async ({ chaos, behind, sim }) => {
      const { runId } = await chaos.run({ argv: ['sleep 5'] });
      checkEqual('the run', [runId, await runsOf(behind)], ['0', 2]);
      const { statuses } = await chaos.query({ runs: [runId], states: DONE_MASK }, { timeoutMs: 50 });
      checkEqual('the answer', [statuses[0]?.state, sim.now()], ['COMPLETE', 5]);
      await finalStatus(behind, '1');
    },
  ),
  between(
    'R153 a reordered call is held until another one has overtaken it, or for its bound',
    {
      reorderHoldMs: 50,
      plan: {
        schedule: [
          { operation: 'run', call: 1, kind: 'reordered' },
          { operation: 'abort', call: 1, kind: 'reordered' },
        ],
      },
    },
    async ({ chaos, sim }) => {
      const both = await Promise.all([
        chaos.run({ argv: ['sleep 500'] }),
        chaos.run({ argv: ['sleep 500'] }),
      ]);
      checkEqual('the runs', [both.map(({ runId }) => runId), sim.now()], [['1', '0'], 0]);
      await chaos.abort('0');
      checkEqual('the time of an abort that nothing overtakes', sim.now(), 50);
    },
  ),
  between(
    'R153 a stuck call waits until a cancel ends it, or healing lets it reach the runner',
    {
      plan: {
        schedule: [
          { operation: 'run', call: 1, kind: 'stuck' },
          { operation: 'query', call: 1, kind: 'stuck' },
        ],
      },
    },
    async ({ chaos, sim, behind }) => {
      const run = outcomeOf(chaos.run(EXIT));
      const controller = new AbortController();
      const query = outcomeOf(
        chaos.query({ allRuns: true, states: ALL_MASK }, waitForever(controller.signal)),
      );
      await sim.sleep(10);
      controller.abort();
      checkEqual('a cancelled query', await query, 'RUNNER_WAIT_CANCELLED');
      checkEqual('how many runs there are', await runsOf(behind), 0);
      sim.heal();
      checkEqual('a healed run', await run, 'answered');
      checkEqual('how many runs there are', await runsOf(behind), 1);
    },
    (played) =>
      checkEqual('the faults', faultLines(played), [
        '0 ms: the request run gets stuck on chaos',
        '0 ms: the request query gets stuck on chaos',
      ]),
  ),
  ofOurWords(
    between(
      'R148 R153 R212 delays and faults by chance are decisions, of which 0 is none',
      { maxDelayMs: 40, delaySteps: 4, plan: { rates: { run: { before: 0.25, after: 0.25 } } } },
      async ({ chaos, sim }) => {
        await chaos.run(EXIT);
        checkEqual('the time', sim.now(), 20);
        checkEqual(
          'the second',
          await outcomeOf(chaos.run({ ...EXIT, taskId: 'k' })),
          'RUNNER_INJECTED_FAULT',
        );
        chaos.setDelay(0);
        await chaos.statusAll();
      },
      ({ asked }) =>
        checkEqual('the questions asked', asked, [
          'chaos run delay = 2 of 4: 20',
          'chaos run fault = 0 of 4: ',
          'chaos run k delay = 0 of 4: 0',
          'chaos run k fault = 3 of 4: the reply to run k is lost on chaos',
        ]),
      { 'chaos run delay': 2, 'chaos run k fault': 3 },
    ),
  ),
  inWords((said) =>
    between(
      'R147 R149 every call fails with the error that is set, and no longer',
      { error: 'down' },
      async ({ chaos }) => {
        for (const call of [
          () => chaos.run(EXIT),
          () => chaos.abort('0'),
          () => chaos.statusAll(),
          () => chaos.status('0'),
        ]) {
          said.equal('a call', await refusalOf(call), 'RUNNER_INJECTED_FAULT down');
        }
        chaos.setError(undefined);
        said.equal('a call', await outcomeOf(chaos.run(EXIT)), 'answered');
        await said.refuses('a delay', () => chaos.setDelay(-1), 'RUNNER_INVALID_ARGUMENT', '-1');
      },
    ),
  ),
];

/**
 * What a runner behind a network that loses calls promises, case by case: `createChaosRunner`, or yours.
 *
 * @example
 * ```ts
 * import { createChaosRunner } from 'dryrunner';
 * import { chaosCases } from 'dryrunner/conformance';
 * for (const each of chaosCases) {
 *   await each.prove({ name: 'mine', create: (world, service, options) => createChaosRunner(world as never, service, options) });
 * }
 * ```
 */
export const chaosCases: readonly PartCase<ChaosSubject>[] = partCases({ losses });

/** A node that is a runner and is held to its promises: see {@link nodeCases}. */
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
): PartCaseSpec<NodeSubject> => ({
  title,
  async prove(subject, { signal }) {
    const scenario = async (sim: Simulation): Promise<void> => {
      const make = (options: Partial<NodeOptions<Service>>): Node =>
        subject.create(sim, {
          name: 'n1',
          start: (world, { name, idPrefix }) =>
            createSimulatedRunner(world, { name, idPrefix, capacity: 4, history: 0 }),
          ...options,
        });
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
        const waits = [outcomeOf(finalStatus(node, runId)), outcomeOf(node.statusAll())];
        await sim.sleep(10);
        node.crash();
        node.crash();
        said.equal('it', [node.name, node.state, node.service], ['n1', 'down', undefined]);
        said.equal('the calls', await Promise.all(waits), ['RUNNER_INJECTED_FAULT', 'answered']);
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
    checkEqual('the old run', await outcomeOf(node.status(runId)), 'RUNNER_UNKNOWN_RUN');
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
      const cancelled = outcomeOf(node.query(query, { timeoutMs: 90, signal: controller.signal }));
      const lost = outcomeOf(node.run({ argv: ['complete 0'] }));
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
        const cancelled = outcomeOf(node.query(query, { timeoutMs: Infinity, signal: controller.signal }));
        await sim.sleep(1);
        node.crash();
        await sim.sleep(100);
        controller.abort();
        checkEqual('the one', [await cancelled, sim.now()], ['RUNNER_WAIT_CANCELLED', 101]);
        const other = make({ name: 'n2', hangMs: 30 });
        const lost = outcomeOf(other.run(LONG));
        other.crash();
        checkEqual('the other', [await lost, sim.now()], ['RUNNER_INJECTED_FAULT', 131]);
        await other.release();
      },
      {},
      (played) =>
        checkEqual('the faults', faultLines(played), [
          '1 ms: n1 crashes',
          '1 ms: query of n1.0-0 hangs, as nobody answers at n1',
          '101 ms: n2 crashes',
          '101 ms: run hangs, as nobody answers at n2',
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
        checkEqual('a run', await outcomeOf(each.run(LONG)), 'RUNNER_RELEASED');
        checkEqual('an abort', await outcomeOf(each.abort('0')), 'RUNNER_RELEASED');
      }
    },
  ),
  ofOurWords(
    onNode(
      'R212 each kind of fault is a question of its own at each event and call, and ends by itself',
      async (sim, node) => {
        checkEqual('the call', await outcomeOf(node.run({ argv: ['sleep 10'] })), 'RUNNER_INJECTED_FAULT');
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
 * What a node that is a runner promises, case by case: `createNode`, or yours.
 *
 * @example
 * ```ts
 * import { createNode } from 'dryrunner';
 * import { nodeCases } from 'dryrunner/conformance';
 * for (const each of nodeCases) await each.prove({ name: 'mine', create: createNode });
 * ```
 */
export const nodeCases: readonly PartCase<NodeSubject>[] = partCases({ machines });
