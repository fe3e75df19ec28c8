/**
 * The contract of a runner behind a network that loses calls, as a list of cases. Invariant: each case runs in the
 * plain order of events, with exactly the faults that it asks for.
 */
import { interceptService } from '../../call/intercept-service.ts';
import { waitForever } from '../../model/query.ts';
import type { Service, ServiceMethod } from '../../model/service.ts';
import { ALL_MASK, DONE_MASK } from '../../model/state-mask.ts';
import { finalStatus } from '../../model/status-lookup.ts';
import type { World } from '../../model/world.ts';
import type { ChaosRunner } from '../../network/chaos-runner.ts';
import type { ChaosOptions } from '../../network/chaos-settings.ts';
import { createSimulatedRunner } from '../../runners/simulated-runner.ts';
import type { Simulation } from '../../simulation/simulation.ts';
import { checkEqual } from '../check.ts';
import {
  answering,
  codeOf,
  inWords,
  meanwhile,
  ofOurWords,
  type PartCase,
  partCases,
  type PartCaseSpec,
  type PartSubject,
  refusalOf,
  runsOf,
} from './part-case.ts';
import { callsIn, noted } from './noted-part.ts';
import { type PlayAnswers, type Played, playHolding, faultLines } from './played.ts';

/** A chaos runner under test: see {@link chaosCases}. */
export interface ChaosSubject extends PartSubject {
  create(world: World, service: Service, options?: ChaosOptions): ChaosRunner;
}

const between = (
  title: string,
  options: ChaosOptions,
  body: (t: {
    readonly sim: Simulation;
    readonly chaos: ChaosRunner;
    readonly behind: Service;
    /** The calls that it passed on. */
    readonly reached: readonly ServiceMethod[];
  }) => Promise<void>,
  look: (played: Played) => void = () => undefined,
  answers: PlayAnswers = {},
): PartCaseSpec<ChaosSubject> =>
  answering(answers, {
    title,
    async prove(subject, { signal }) {
      const scenario = async (sim: Simulation): Promise<void> => {
        const behind = createSimulatedRunner(sim.world, { name: 'r', capacity: 9, history: 0 });
        const reached: ServiceMethod[] = [];
        const reaching = interceptService(behind, (call, proceed) => {
          reached.push(call.method);
          return proceed(call);
        });
        const made = subject.create(sim.world, reaching, options);
        const chaos = noted(callsIn(sim.world), 'the chaos runner', made);
        await body({ sim, chaos, behind, reached });
        await chaos.release();
      };
      look(await playHolding(scenario, answers, { signal }));
    },
  });

const EXIT = { argv: ['complete 0'] };

const losses: readonly PartCaseSpec<ChaosSubject>[] = [
  between(
    'R147 R150 without options it changes nothing, and asks nothing',
    {},
    async ({ sim, chaos, behind }) => {
      const { runId } = await chaos.run(EXIT);
      checkEqual('its end', (await finalStatus(chaos, runId)).status, (await behind.status(runId)).status);
      checkEqual('all', await chaos.statusAll(), await behind.statusAll());
      checkEqual('an unknown run', await codeOf(() => chaos.status('nope')), 'RUNNER_UNKNOWN_RUN');
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
        said.equal('the third', await codeOf(() => chaos.run(EXIT)), 'none');
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
      checkEqual('a status', await codeOf(() => chaos.status('nope')), 'RUNNER_INJECTED_FAULT');
      checkEqual('an abort', await codeOf(() => chaos.abort('nope')), 'RUNNER_UNKNOWN_RUN');
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
      const run = meanwhile(codeOf(() => chaos.run(EXIT)));
      const controller = new AbortController();
      const query = meanwhile(
        codeOf(() => chaos.query({ allRuns: true, states: ALL_MASK }, waitForever(controller.signal))),
      );
      await sim.sleep(10);
      controller.abort();
      checkEqual('a cancelled query', await query, 'RUNNER_WAIT_CANCELLED');
      checkEqual('how many runs there are', await runsOf(behind), 0);
      sim.heal();
      checkEqual('a healed run', await run, 'none');
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
          await codeOf(() => chaos.run({ ...EXIT, taskId: 'k' })),
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
      async ({ chaos, reached }) => {
        const everyCallFails = async (message: string): Promise<void> => {
          for (const [name, call] of [
            ['run', () => chaos.run(EXIT)],
            ['abort', () => chaos.abort('0')],
            ['query', () => chaos.query({ allRuns: true, states: ALL_MASK }, { timeoutMs: 0 })],
            ['queryNow', () => chaos.queryNow({ allRuns: true, states: ALL_MASK })],
            ['statusAll', () => chaos.statusAll()],
            ['status', () => chaos.status('0')],
          ] as const) {
            said.equal(name, await refusalOf(call), `RUNNER_INJECTED_FAULT ${message}`);
          }
        };
        await everyCallFails('down');
        chaos.setError('gone');
        await everyCallFails('gone');
        checkEqual('the calls that reach the runner', reached, []);
        chaos.setError(undefined);
        said.equal('a call', await codeOf(() => chaos.run(EXIT)), 'none');
        await said.refuses('a delay', () => chaos.setDelay(-1), 'RUNNER_INVALID_ARGUMENT', '-1');
      },
    ),
  ),
];

/**
 * The contract of a runner behind a network that loses calls, case by case: for `createChaosRunner`, or yours.
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
