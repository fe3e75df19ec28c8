/**
 * The contract of a status store as a list of cases. Invariant: each case runs in the plain order of events, so that it
 * is known which waiter is notified of what, when, and in which order.
 */
import type { Query, Wait } from '../../model/query.ts';
import { RUN_STATES, canMove, isTerminal, type RunState } from '../../model/run-state.ts';
import { completeStatus, pendingStatus, runningStatus, type RunStatus } from '../../model/run-status.ts';
import { HEALTHY_SERVICE_STATUS, serviceStatus } from '../../model/service-status.ts';
import { ALL_MASK, maskForState } from '../../model/state-mask.ts';
import type { QueryResult } from '../../model/status-reader.ts';
import type { Simulation } from '../../simulation/simulation.ts';
import type { StatusStore, StatusStoreOptions } from '../../store/status-store.ts';
import { checkEqual, checkThat } from '../check.ts';
import { callsIn, noted } from './noted-part.ts';
import {
  type PartCase,
  partCases,
  type PartCaseSpec,
  type PartSubject,
  refusalOf,
  inWords,
} from './part-case.ts';
import { type Played, playHolding } from './played.ts';

/** A store, by its methods. */
export type StoreUnderTest = Pick<StatusStore, keyof StatusStore>;

/** A kind of status store under test: see {@link storeCases}. */
export interface StoreSubject extends PartSubject {
  create(options: StatusStoreOptions): StoreUnderTest;
}

function bareStatus(runId: string, state: RunState, fields: Partial<RunStatus> = {}): RunStatus {
  const tags = { jobId: '', taskId: '', tag: '' };
  return {
    runId,
    state,
    ...tags,
    stdoutRef: '',
    stderrRef: '',
    snapshotId: '',
    exitCode: 0,
    error: '',
    ...fields,
  };
}

const listed = (runs: readonly string[], ...states: RunState[]): Query => ({
  runs,
  states: states.length === 0 ? ALL_MASK : maskForState(...states),
});
const everyRun = (...states: RunState[]): Query => ({
  allRuns: true,
  states: states.length === 0 ? ALL_MASK : maskForState(...states),
});
const resultText = ({ statuses }: QueryResult): string =>
  statuses.map(({ runId, state }) => `${runId} ${state}`).join(', ') || 'nothing';

/** A store, with a record of how each wait has ended. */
class Stage {
  readonly sim: Simulation;
  readonly make: (options?: Partial<StatusStoreOptions>) => StoreUnderTest;
  readonly store: StoreUnderTest;
  readonly ends: string[] = [];

  constructor(sim: Simulation, subject: StoreSubject, options: Partial<StatusStoreOptions>) {
    this.sim = sim;
    const note = callsIn(sim.world);
    this.make = (given = {}) =>
      noted(note, 'the store', subject.create({ clock: sim.world.clock, ...given }));
    this.store = this.make({ tracer: sim.world.tracer, ...options });
  }

  runs(count: number): void {
    for (let run = 0; run < count; run += 1) this.store.newRun();
  }

  write(runId: string, state: RunState, fields: Partial<RunStatus> = {}): string {
    return this.store.update(bareStatus(runId, state, fields));
  }

  wait(name: string, query: Query, wait: Wait = { timeoutMs: Infinity }): void {
    this.note(name, this.store.query(query, wait).then(resultText));
  }

  note(name: string, promise: Promise<string>): void {
    promise.then(
      (text) => this.ends.push(`${this.sim.now()} ${name} ${text}`),
      (error: unknown) =>
        this.ends.push(`${this.sim.now()} ${name} ${(error as { code?: string }).code ?? String(error)}`),
    );
  }

  /** How waits have ended since the last call. */
  async news(): Promise<string[]> {
    await this.sim.sleep(0);
    return this.ends.splice(0);
  }
}

const on = (
  title: string,
  body: (t: Stage) => Promise<void>,
  options: Partial<StatusStoreOptions> = {},
  look: (played: Played) => void = () => undefined,
): PartCaseSpec<StoreSubject> => ({
  title,
  async prove(subject, { signal }) {
    const scenario = async (sim: Simulation): Promise<void> => {
      const stage = new Stage(sim, subject, options);
      await body(stage);
      stage.store.close();
    };
    look(await playHolding(scenario, {}, { signal }));
  },
});

const writes: readonly PartCaseSpec<StoreSubject>[] = [
  inWords((said) =>
    on('R15 a new store knows no run and is neither initialized nor healthy', async ({ store }) => {
      const service = { initialized: false, isHealthy: false, error: '' };
      said.equal('its service', store.serviceStatus, service);
      said.equal('its runs', [await store.statusAll(), [...store.runIds]], [{ statuses: [], service }, []]);
      said.equal('its waits', [store.waiterCount, store.waitersVisited], [0, 0]);
      said.equal(
        'an id',
        await refusalOf(() => store.currentStatus('0')),
        'RUNNER_UNKNOWN_RUN unknown run id 0',
      );
    }),
  ),
  inWords((said) =>
    on(
      'R44 R45 R46 ids are numbered in the order of calls after the prefix, and a run begins PENDING with its tags',
      async ({ make }) => {
        const store = make({ idPrefix: 'a-', capacity: 2 });
        const tags = { jobId: 'j', taskId: 't', tag: 'g' };
        said.equal('the first', store.newRun(tags), pendingStatus('a-0', tags));
        said.equal('the second', store.newRun(), pendingStatus('a-1'));
        for (const id of ['a-0', 'a-1']) store.update(completeStatus(id, '', 0));
        said.equal(
          'ids after evictions',
          [store.newRun().runId, store.newRun().runId, [...store.runIds]],
          ['a-2', 'a-3', ['a-2', 'a-3']],
        );
        said.equal(
          'one that is forgotten',
          await refusalOf(() => store.status('a-0')),
          'RUNNER_UNKNOWN_RUN unknown run id a-0',
        );
        for (const other of ['a-03', 'a-3 ', '3', '__proto__', '']) {
          said.equal(
            'another id',
            await refusalOf(() => store.status(other)),
            `RUNNER_UNKNOWN_RUN unknown run id ${other}`,
          );
        }
      },
    ),
  ),
  inWords((said) =>
    on(
      'R4 R51 a write makes exactly the moves of the table, and is dropped after the end',
      async ({ make }) => {
        for (const from of ['PENDING', 'RUNNING'] as const) {
          for (const to of RUN_STATES) {
            const store = make();
            store.newRun();
            if (from === 'RUNNING') store.update(bareStatus('0', 'RUNNING'));
            if (!canMove(from, to)) {
              said.equal(
                'a move',
                await refusalOf(() => store.update(bareStatus('0', to))),
                `RUNNER_ILLEGAL_MOVE run 0 cannot go from ${from} to ${to}`,
              );
              said.equal('the state', store.currentStatus('0').state, from);
              continue;
            }
            said.equal('a move', store.update(bareStatus('0', to)), 'accepted');
            const before = store.currentStatus('0');
            said.equal('the state', before.state, to);
            if (!isTerminal(to)) continue;
            for (const later of RUN_STATES) {
              said.equal('a late write', store.update(bareStatus('0', later)), 'dropped');
            }
            checkThat(
              store.currentStatus('0') === before,
              'the status',
              'unchanged',
              store.currentStatus('0'),
            );
          }
        }
        const store = make();
        said.equal(
          'an unknown run',
          await refusalOf(() => store.update(bareStatus('0', 'RUNNING'))),
          'RUNNER_UNKNOWN_RUN unknown run id 0',
        );
      },
    ),
  ),
  on(
    'R52 R53 empty refs and tags keep the old ones, each separately, and all else is replaced',
    async ({ store }) => {
      store.newRun({ jobId: 'j', taskId: 't', tag: 'g' });
      store.update(runningStatus('0', 'o1', 'e1'));
      store.update(runningStatus('0', '', 'e2', { jobId: '', taskId: 't2', tag: '' }));
      const { stdoutRef, stderrRef, jobId, taskId, tag } = store.currentStatus('0');
      checkEqual('it', [stdoutRef, stderrRef, jobId, taskId, tag], ['o1', 'e2', 'j', 't2', 'g']);
      store.update(
        bareStatus('0', 'COMPLETE', {
          stdoutRef: 'o3',
          snapshotId: 's',
          exitCode: 3,
          error: 'capped',
          jobId: 'j2',
        }),
      );
      checkEqual('its end', store.currentStatus('0'), {
        ...bareStatus('0', 'COMPLETE', { snapshotId: 's', exitCode: 3, error: 'capped' }),
        ...{ stdoutRef: 'o3', stderrRef: 'e2', jobId: 'j2', taskId: 't2', tag: 'g' },
      });
    },
  ),
  on('R39 neither a writer nor a reader can change what it holds', async ({ store }) => {
    store.newRun();
    const written = { ...bareStatus('0', 'COMPLETE') };
    store.update(written);
    written.exitCode = 9;
    const { statuses, service } = await store.statusAll();
    checkThat(
      statuses.every(Object.isFrozen) && Object.isFrozen(service),
      'what is read',
      'frozen',
      statuses,
    );
    Reflect.set(statuses, 'length', 0);
    checkEqual(
      'what it holds',
      [(await store.statusAll()).statuses.length, store.currentStatus('0').exitCode],
      [1, 0],
    );
  }),
  inWords((said) =>
    on('R11 fields that are not valid in a state are refused, and nothing is written', async ({ store }) => {
      store.newRun();
      await said.refuses(
        'an exit code',
        () => store.update(bareStatus('0', 'TIMEDOUT', { exitCode: 1 })),
        'RUNNER_INVALID_ARGUMENT',
        'status.exitCode: expected 0 in state TIMEDOUT, got 1',
      );
      const actionResult = { actionDigest: { hash: 'a'.repeat(64), sizeBytes: 7 }, cached: true };
      await said.refuses(
        'a result',
        () => store.update({ ...bareStatus('0', 'COMPLETE'), actionResult }),
        'RUNNER_INVALID_ARGUMENT',
        'none for a run that is not a Bazel run',
      );
      await said.refuses(
        'no status',
        () => store.update(null as never),
        'RUNNER_INVALID_ARGUMENT',
        'status: expected a run status, got null',
      );
      said.equal('the state', store.currentStatus('0').state, 'PENDING');
      store.newRun(undefined, 'bazel');
      store.update({ ...bareStatus('1', 'COMPLETE'), actionResult });
      said.equal('of a Bazel run', store.currentStatus('1').actionResult, actionResult);
    }),
  ),
  on(
    'R47 R56 every write, dropped write, eviction and service change is in the trace, with its time',
    async ({ sim, store }) => {
      store.newRun();
      await sim.sleep(5);
      store.update(runningStatus('0', 'out', ''));
      store.update(completeStatus('0', '', 3));
      store.update(bareStatus('0', 'ABORTED'));
      store.newRun();
      store.updateService(serviceStatus(true, true));
    },
    { name: 'node7', capacity: 1 },
    ({ events, lines }) => {
      const runner = 'node7';
      checkEqual('the trace', events, [
        { at: 0, type: 'status', runner, status: pendingStatus('0') },
        { at: 5, type: 'status', runner, status: runningStatus('0', 'out', '') },
        { at: 5, type: 'status', runner, status: { ...completeStatus('0', '', 3), stdoutRef: 'out' } },
        { at: 5, type: 'dropped', runner, status: bareStatus('0', 'ABORTED') },
        { at: 5, type: 'status', runner, status: pendingStatus('1') },
        { at: 5, type: 'evicted', runner, runId: '0' },
        { at: 5, type: 'service', runner, service: serviceStatus(true, true) },
      ]);
      checkEqual('the history', lines.slice(2), [
        '5 ms: run 0 of node7 became COMPLETE with exit code 3',
        '5 ms: run 0 of node7 had ended and did not become ABORTED',
        '5 ms: run 1 of node7 became PENDING',
        '5 ms: node7 forgot run 0',
        '5 ms: node7 is healthy',
      ]);
    },
  ),
];

const waits: readonly PartCaseSpec<StoreSubject>[] = [
  inWords((said) =>
    on(
      'R24 R25 R37 reads return the matches: listed ids in their order, all runs in the order of creation',
      async (t) => {
        t.runs(4);
        t.write('0', 'COMPLETE');
        t.write('1', 'RUNNING');
        t.write('3', 'FAILED');
        const { store } = t;
        for (const [query, text] of [
          [listed(['3', '0', '3', '1', '0']), '3 FAILED, 0 COMPLETE, 1 RUNNING'],
          [listed(['3', '0', '1'], 'COMPLETE', 'FAILED'), '3 FAILED, 0 COMPLETE'],
          [listed([]), 'nothing'],
          [everyRun(), '0 COMPLETE, 1 RUNNING, 2 PENDING, 3 FAILED'],
          [{ ...everyRun('FAILED', 'COMPLETE'), runs: ['3', '1'] }, '0 COMPLETE, 3 FAILED'],
          [everyRun('TIMEDOUT'), 'nothing'],
        ] as const) {
          said.equal('what matches now', resultText(await store.queryNow(query)), text);
          said.equal(
            'what matches without time',
            resultText(await store.query(query, { timeoutMs: 0 })),
            text,
          );
        }
        said.equal(
          'an unknown id',
          await refusalOf(() => store.queryNow(listed(['0', '9']))),
          'RUNNER_UNKNOWN_RUN unknown run id 9',
        );
        await said.refuses(
          'no mask',
          () => store.queryNow({ states: -1 } as never),
          'RUNNER_INVALID_ARGUMENT',
          'query.states: expected a mask, an integer from 0 to 127, got -1',
        );
        await said.refuses(
          'no time',
          () => store.query(everyRun(), { timeoutMs: NaN }),
          'RUNNER_INVALID_ARGUMENT',
          'timeoutMs',
        );
      },
    ),
  ),
  on(
    'R31 R38 R54 a write ends each wait that it matches, in the order of the waits, with that status and the service status at that time',
    async (t) => {
      t.runs(2);
      t.wait('a', everyRun('COMPLETE', 'FAILED'));
      t.wait('b', listed(['0'], 'COMPLETE'));
      t.wait('c', listed(['1'], 'COMPLETE'));
      t.wait('d', listed(['1', '0'], 'COMPLETE', 'FAILED'));
      t.wait('e', everyRun('RUNNING'));
      t.wait('f', { ...everyRun('COMPLETE'), runs: ['0', '1'] });
      checkEqual('how many wait', t.store.waiterCount, 6);
      t.write('0', 'COMPLETE');
      checkEqual(
        'the waits that go on',
        await t.news(),
        ['a', 'b', 'd', 'f'].map((name) => `0 ${name} 0 COMPLETE`),
      );
      const { waitersVisited } = t.store;
      checkThat(
        waitersVisited >= 4 && waitersVisited <= 6,
        'how many a write has looked at',
        'those that it concerns',
        waitersVisited,
      );
      t.write('1', 'RUNNING');
      checkEqual('the waits that go on', await t.news(), ['0 e 1 RUNNING']);
      const answer = t.store.query(listed(['1'], 'COMPLETE'), { timeoutMs: 9 });
      t.store.updateService(HEALTHY_SERVICE_STATUS);
      t.write('1', 'COMPLETE', { exitCode: 3 });
      t.store.updateService(serviceStatus(true, false, 'late'));
      checkEqual('the answer', await answer, {
        statuses: [completeStatus('1', '', 3)],
        service: HEALTHY_SERVICE_STATUS,
      });
      checkEqual('how many wait', t.store.waiterCount, 0);
    },
  ),
  on(
    'R31 R34 R35 R46 a wait ends at its deadline, or with its signal, and a match in that instant wins',
    async (t) => {
      t.runs(2);
      const controller = new AbortController();
      t.wait('late', listed(['0'], 'COMPLETE'), { timeoutMs: 20 });
      t.wait('met', listed(['0'], 'RUNNING'), { timeoutMs: 10 });
      t.wait('new', { ...everyRun('FAILED'), runs: ['1'] }, { timeoutMs: 30.5 });
      t.wait('cancelled', listed(['1'], 'COMPLETE'), { timeoutMs: 50, signal: controller.signal });
      await t.sim.sleep(7);
      controller.abort('enough');
      await t.sim.sleep(3);
      t.write('0', 'RUNNING');
      await t.sim.sleep(100);
      checkEqual('the ends', await t.news(), [
        '7 cancelled RUNNER_WAIT_CANCELLED',
        '10 met 0 RUNNING',
        '20 late nothing',
        '30.5 new nothing',
      ]);
      t.wait('before', everyRun('FAILED'), { timeoutMs: 9, signal: controller.signal });
      t.wait('created', everyRun('PENDING', 'FAILED'), { timeoutMs: 9 });
      await t.sim.sleep(1);
      checkEqual('the ends', (await t.news()).sort(), [
        '110 before RUNNER_WAIT_CANCELLED',
        '110 created 1 PENDING',
      ]);
      checkEqual('how many wait', t.store.waiterCount, 0);
    },
  ),
  inWords((said) =>
    on('R36 D4 a wait that can no longer be met ends at once, and its message says why', async (t) => {
      t.runs(4);
      t.write('3', 'COMPLETE');
      const cannot = 'cannot happen any more:';
      said.equal(
        'at once',
        await refusalOf(() => t.store.query(listed(['3', '3'], 'FAILED'), { timeoutMs: 5 })),
        `RUNNER_CANNOT_HAPPEN FAILED_MASK ${cannot} run 3 is terminal in another state`,
      );
      said.equal('when it ended', t.sim.now(), 0);
      const doomed = refusalOf(() =>
        t.store.query(listed(['0', '3', '1', '0', '2'], 'FAILED', 'RUNNING'), { timeoutMs: 90 }),
      );
      t.wait('all', everyRun('FAILED'));
      t.write('0', 'COMPLETE');
      t.write('1', 'TIMEDOUT');
      said.equal('the ends', await t.news(), []);
      t.write('2', 'UNKNOWN');
      said.equal(
        'the end',
        await doomed,
        `RUNNER_CANNOT_HAPPEN RUNNING|FAILED ${cannot} all 4 runs are terminal in another state`,
      );
      t.runs(1);
      t.write('4', 'FAILED');
      said.equal('a wait for all', await t.news(), ['0 all 4 FAILED']);
    }),
  ),
  inWords((said) =>
    on('R56 the service can be awaited, with a deadline and a signal', async (t) => {
      const { store } = t;
      const healthy = ({ isHealthy }: { readonly isHealthy: boolean }): boolean => isHealthy;
      t.note(
        'healthy',
        store.awaitService(healthy, { timeoutMs: 50 }).then((service) => String(service?.isHealthy)),
      );
      t.note('never', store.awaitService(() => false, { timeoutMs: 5 }).then(String));
      t.note(
        'throws',
        store
          .awaitService(
            ({ initialized }) => {
              if (initialized) throw new Error('odd');
              return false;
            },
            { timeoutMs: 50 },
          )
          .then(String),
      );
      await t.sim.sleep(10);
      store.updateService(HEALTHY_SERVICE_STATUS);
      said.equal('the ends', await t.news(), [
        '5 never undefined',
        '10 healthy true',
        '10 throws Error: odd',
      ]);
      said.equal('at once', await store.awaitService(healthy, { timeoutMs: 0 }), HEALTHY_SERVICE_STATUS);
      said.equal('not at once', await store.awaitService(() => false, { timeoutMs: 0 }), undefined);
      await said.refuses(
        'no predicate',
        () => store.awaitService(7 as never, { timeoutMs: 0 }),
        'RUNNER_INVALID_ARGUMENT',
        'predicate: expected a function, got 7',
      );
    }),
  ),
  inWords((said) =>
    on(
      'R84 closing ends all waits, and refuses new waits and runs; reads and writes still work',
      async (t) => {
        t.runs(2);
        t.write('0', 'COMPLETE');
        t.wait('run', listed(['1'], 'FAILED'));
        t.wait('all', everyRun('FAILED'), { timeoutMs: 9 });
        const { store } = t;
        store.close();
        store.close(new Error('second'));
        said.equal('the ends', await t.news(), ['0 run RUNNER_RELEASED', '0 all RUNNER_RELEASED']);
        const released = 'RUNNER_RELEASED node7 was released';
        said.equal('a run', await refusalOf(() => store.newRun()), released);
        said.equal(
          'a wait',
          await refusalOf(() => store.query(everyRun('FAILED'), { timeoutMs: 9 })),
          released,
        );
        said.equal('a write', t.write('1', 'RUNNING'), 'accepted');
        said.equal(
          'a read',
          resultText(await store.query(everyRun('RUNNING'), { timeoutMs: 9 })),
          '1 RUNNING',
        );
        const mine = t.make();
        mine.close(new Error('mine'));
        said.equal('with an error', await refusalOf(() => mine.newRun()), 'Error: mine');
        await said.refuses('no error', () => mine.close(7 as never), 'RUNNER_INVALID_ARGUMENT', 'error');
      },
      { name: 'node7' },
    ),
  ),
  inWords((said) =>
    on(
      'each wait is in the trace from its beginning to its end, with its run if it is for one',
      async (t) => {
        t.runs(2);
        t.wait('one', listed(['1', '1'], 'COMPLETE'), { timeoutMs: 10 });
        t.wait('two', listed(['0', '1'], 'COMPLETE'), { timeoutMs: 20 });
        t.wait('all', everyRun('COMPLETE'), { timeoutMs: 30 });
        void t.store.awaitService(() => false, { timeoutMs: 40 });
        await t.sim.sleep(50);
      },
      { name: 'node7' },
      ({ events, lines }) => {
        const waiter = { runner: 'node7', resource: 'waiter' } as const;
        const all = [
          { runId: '1', name: 'for COMPLETE_MASK' },
          { runId: '', name: 'wait on 2 runs from 0 for COMPLETE_MASK' },
          { runId: '', name: 'wait on all runs for COMPLETE_MASK' },
          { runId: '', name: 'wait on the service' },
        ];
        said.equal('the trace', events.slice(2), [
          ...all.map((each) => ({ at: 0, type: 'acquired', ...waiter, ...each })),
          ...all.map((each, n) => ({ at: 10 * (n + 1), type: 'freed', ...waiter, ...each })),
        ]);
        checkEqual('how many lines', lines.length, 10);
      },
    ),
  ),
];

/**
 * The contract of a status store, case by case: for `createStatusStore` of `dryrunner/kit`, or yours.
 *
 * @example
 * ```ts
 * import { createStatusStore } from 'dryrunner/kit';
 * import { storeCases } from 'dryrunner/conformance';
 * for (const each of storeCases) await each.prove({ name: 'mine', create: createStatusStore });
 * ```
 */
export const storeCases: readonly PartCase<StoreSubject>[] = partCases({ writes, waits });
