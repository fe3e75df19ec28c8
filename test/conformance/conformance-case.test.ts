import { describe, expect, test } from 'vitest';
import { supportsAllBut } from '../../src/conformance/capability.ts';
import type { CaseContext } from '../../src/conformance/case-context.ts';
import {
  checkEqual,
  checkFields,
  checkRejects,
  checkThat,
  ConformanceError,
  statusInside,
} from '../../src/conformance/check.ts';
import { conformanceCases } from '../../src/conformance/conformance-cases.ts';
import { runConformance, type CaseResult } from '../../src/conformance/run-conformance.ts';
import { storeCases } from '../../src/conformance/parts/store-cases.ts';
import type { ConformanceSubject } from '../../src/conformance/subject.ts';
import { exploreRunner } from '../../src/conformance/workload/explore-runner.ts';
import { interceptService } from '../../src/call/intercept-service.ts';
import { type Clock, sleep } from '../../src/kernel/clock.ts';
import { messageOf, RunnerError } from '../../src/kernel/errors.ts';
import type { RunStatus } from '../../src/model/run-status.ts';
import type { Service } from '../../src/model/service.ts';
import type { LogUploader } from '../../src/model/collaborators.ts';
import { isTerminal } from '../../src/model/run-state.ts';
import { unknownRun } from '../../src/model/status-errors.ts';
import { finalStatus, waitForState } from '../../src/model/status-lookup.ts';
import type { QueryResult } from '../../src/model/status-reader.ts';
import { RunRejectedError } from '../../src/model/run-rejected-error.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import { breakages, having } from './broken-services.ts';
import { caseOf, noService, resultsOf } from './hand-made-cases.ts';
import { createSmallQueue } from './small-queue.ts';
import { statusStore } from './parts/part-subjects.ts';
import { simulated } from './subjects.ts';

describe('a queue that does not wait for the active run', () => {
  const subjectOf = (isGuarded: boolean, isTraced = false): ConformanceSubject => ({
    ...simulated,
    name: 'small queue',
    supports: supportsAllBut({
      idPrefix: 'it takes none',
      outputs: 'nobody kept them',
      filers: 'it takes none',
      collaborators: 'it takes none',
      actions: 'it takes none',
    }),
    create: (world, options) => ({ service: createSmallQueue(world, { ...options, isGuarded, isTraced }) }),
  });

  const failuresOf = async (isGuarded: boolean, isTraced?: boolean): Promise<readonly CaseResult[]> =>
    (await resultsOf(subjectOf(isGuarded, isTraced), conformanceCases)).filter(
      ({ outcome }) => outcome === 'failed',
    );

  test('R67 R202 is found by the cases that offer runs while others are running', async () => {
    const failed = await failuresOf(false);
    expect(failed.filter(({ group }) => group === 'order').map(({ title }) => title)).toEqual(
      conformanceCases.filter(({ group }) => group === 'order').map(({ title }) => title),
    );
    expect(failed.map(({ error }) => messageOf(error))).toContainEqual(
      expect.stringMatching(
        /R67 statusAll: expected at most one active run, got run \d+ RUNNING and run \d+ RUNNING/,
      ),
    );
  });

  test('R67 passes them all once its guard is back', async () => {
    expect(await failuresOf(true)).toEqual([]);
  });

  test('R203 is not blamed where the trace is that of its store, which knows of no abort and no release', async () => {
    expect(await failuresOf(true, true)).toEqual([]);
    const subject = subjectOf(true, true);
    const supports = { ...subject.supports, failures: 'it always trusts its machine' };
    const { held, failure } = await exploreRunner({ ...subject, supports }, { executions: 300 });
    expect([held, failure?.text]).toEqual([true, undefined]);
  });
});

describe('the suite', () => {
  test('has at least 60 cases, whose titles differ and begin with the rules that they prove', () => {
    expect(conformanceCases.length).toBeGreaterThan(60);
    expect(new Set(conformanceCases.map(({ title }) => title)).size).toBe(conformanceCases.length);
    for (const { title, rules } of conformanceCases) {
      expect(title).toMatch(/^(R\d+ )+(D\d+ )*(?![RD]\d)\S/);
      expect(rules.length).toBeGreaterThan(0);
    }
  });

  test('covers every rule that callers can see', () => {
    const covered = new Set(conformanceCases.flatMap(({ rules }) => rules));
    const numbers = [
      ...[3, 11, 20, 22, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41],
      ...[42, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 58, 59, 60, 61, 62, 63, 64, 65, 66],
      ...[67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 90],
      ...[
        91, 92, 93, 94, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 113, 114, 115,
      ],
      ...[116, 123, 124, 181, 199, 200, 201, 202, 203, 205, 206, 207],
    ];
    expect(numbers.map((number) => `R${number}`).filter((rule) => !covered.has(rule))).toEqual([]);
  });

  test('R31 finds a runner whose waits end before their deadline, also where times are not exact', async () => {
    const impatient: ConformanceSubject = {
      ...simulated,
      supports: supportsAllBut({ virtualTime: 'it may be late', exactStates: 'it polls' }),
      create: async (world, options) => {
        const made = await simulated.create(world, options);
        const query: Service['query'] = (asked, wait) =>
          made.service.query(asked, { ...wait, timeoutMs: wait.timeoutMs === Infinity ? Infinity : 0 });
        return { ...made, service: having(made.service, { query }) };
      },
    };
    const cases = conformanceCases.filter(({ rules }) => rules.includes('R31'));
    const messages = (await resultsOf(impatient, cases)).map(({ error }) => messageOf(error));
    expect(messages).toContain('how long the wait took: expected at least 20 ms, got 0 (seed 1)');
  });

  /** The simulated runner, each reply of which takes its time. */
  const slowBy = (latencyOf: (call: number) => number): ConformanceSubject => ({
    ...simulated,
    supports: supportsAllBut({ virtualTime: 'replies take time', exactStates: 'replies take time' }),
    create: async (world, options) => {
      let calls = 0;
      const { service, ...made } = await simulated.create(world, options);
      const delayed = interceptService(service, async (call, proceed) => {
        calls += 1;
        const latencyMs = latencyOf(calls);
        try {
          return await proceed(call);
        } finally {
          await sleep(world.clock, latencyMs);
        }
      });
      return { ...made, service: delayed };
    },
  });

  test('passes a runner whose replies take time of their own, and overtake each other', async () => {
    const slow = slowBy((call) => (2 * call) % 5);
    const failed = (await resultsOf(slow, conformanceCases)).filter(({ outcome }) => outcome === 'failed');
    expect(failed.map(({ title, error }) => [title, messageOf(error)])).toEqual([]);
  });

  test('R74 a stubborn command outlives the few replies that show whether an abort holds up others', async () => {
    const cases = conformanceCases.filter(({ rules }) => rules.includes('R74'));
    const results = await resultsOf(
      slowBy(() => 2_000),
      cases,
    );
    expect(results.map(({ outcome, error }) => [outcome, error])).toEqual(
      cases.map(() => ['passed', undefined]),
    );
  });

  test('R102 finds a runner whose deadline counts from the start of the process', async () => {
    /** Aborts a run that is not over when its timeout has passed since it was RUNNING, and shows it as TIMEDOUT. */
    const countingLate = (clock: Clock, good: Service): Service => {
      const late = new Set<string>();
      const shown = (status: RunStatus): RunStatus =>
        late.has(status.runId) && status.state === 'ABORTED' ? { ...status, state: 'TIMEDOUT' } : status;
      return having(good, {
        async run({ timeoutMs = 0, ...command }) {
          const status = await good.run(command);
          const { runId } = status;
          const limit = async (): Promise<void> => {
            await waitForState(good, runId, 'RUNNING');
            const timer = clock.timer('deadline', timeoutMs, () => {
              late.add(runId);
              void good.abort(runId);
            });
            await finalStatus(good, runId);
            timer.cancel();
          };
          if (timeoutMs > 0) limit().catch(() => undefined);
          return status;
        },
        async query(query, wait) {
          const { statuses, service } = await good.query(query, wait);
          return { statuses: statuses.map(shown), service };
        },
      });
    };
    const counting: ConformanceSubject = {
      ...simulated,
      create: async (world, options) => {
        const made = await simulated.create(world, options);
        return { ...made, service: countingLate(world.clock, made.service) };
      },
    };
    const cases = conformanceCases.filter(({ title }) => title.includes('time in the checkout counts'));
    const seeds = Array.from({ length: 20 }, (_, seed) => seed);
    for (const seed of seeds) {
      const [result] = await resultsOf(counting, cases, { seeds: [seed] });
      expect(messageOf(result?.error)).toBe(`the end: expected "TIMEDOUT", got "COMPLETE" (seed ${seed})`);
    }
  });

  test('R48 finds a runner that forgets the oldest run only if that is terminal', async () => {
    const forgetful: ConformanceSubject = {
      ...simulated,
      async create(world, options) {
        const made = await simulated.create(world, { ...options, history: 0 });
        const good = made.service;
        const { capacity = 1, history = capacity === 1 ? 1 : 0 } = options;
        const kept: string[] = [];
        const gone = new Set<string>();
        const known = <T>(runs: readonly string[], ask: () => Promise<T>): Promise<T> => {
          const lost = runs.find((runId) => gone.has(runId));
          return lost === undefined ? ask() : Promise.reject(unknownRun(lost));
        };
        const keptOf = ({ statuses, service }: QueryResult): QueryResult => ({
          statuses: statuses.filter(({ runId }) => !gone.has(runId)),
          service,
        });
        const run: Service['run'] = async (command) => {
          const status = await good.run(command);
          kept.push(status.runId);
          for (let oldest = kept[0]; history > 0 && kept.length > history; oldest = kept[0]) {
            if (oldest === undefined || !isTerminal((await good.status(oldest)).status.state)) break;
            gone.add(oldest);
            kept.shift();
          }
          return status;
        };
        const service = having(good, {
          run,
          abort: (runId) => known([runId], () => good.abort(runId)),
          status: (runId) => known([runId], () => good.status(runId)),
          query: ({ runs = [], ...query }, wait) =>
            known(runs, async () => keptOf(await good.query({ runs, ...query }, wait))),
          queryNow: ({ runs = [], ...query }) =>
            known(runs, async () => keptOf(await good.queryNow({ runs, ...query }))),
          statusAll: async () => keptOf(await good.statusAll()),
        });
        return { ...made, service };
      },
    };
    const cases = conformanceCases.filter(({ rules }) => rules.includes('R47') || rules.includes('R48'));
    const failed = (await resultsOf(forgetful, cases)).filter(({ outcome }) => outcome === 'failed');
    expect(failed.map(({ error }) => messageOf(error))).toEqual([
      'runs: expected ["0","2"], got ["0","1","2"] (seed 1)',
    ]);
  });

  test('R39 names the rule and what came back, where a caller gets the list that another one has changed', async () => {
    const sharing: ConformanceSubject = {
      ...simulated,
      create: async (world, options) => {
        const made = await simulated.create(world, options);
        let kept: QueryResult | undefined;
        const statusAll = async (): Promise<QueryResult> => (kept ??= await made.service.statusAll());
        return { ...made, service: having(made.service, { statusAll }) };
      },
    };
    const cases = conformanceCases.filter(({ rules }) => rules.includes('R39'));
    expect((await resultsOf(sharing, cases)).map(({ error }) => messageOf(error))).toEqual([
      'R39 runs of statusAll, after a caller has changed the answer that it got before: expected ["0"], got [undefined] (seed 1)',
    ]);
  });

  test.for<readonly [title: string, breakIt: (good: Service) => Service]>([
    [
      'R85 a second release returns at once',
      (good) => {
        let releases = 0;
        return having(good, {
          async release() {
            releases += 1;
            if (releases === 1) await good.release();
          },
        });
      },
    ],
    ...(['queryNow', 'query', 'statusAll', 'status'] as const).map(
      (method) =>
        [
          `R74 ${method} waits while an abort does`,
          (good: Service) => {
            const aborts: Promise<unknown>[] = [];
            return having(good, {
              abort(runId) {
                const abort = good.abort(runId);
                aborts.push(abort.catch(() => undefined));
                return abort;
              },
              async [method](...args: unknown[]) {
                await Promise.all(aborts);
                return Reflect.apply(good[method], good, args) as unknown;
              },
            });
          },
        ] as const,
    ),
  ])('finds: %s', async ([title, breakIt]) => {
    const broken: ConformanceSubject = {
      ...simulated,
      create: async (world, options) => {
        const made = await simulated.create(world, options);
        return { ...made, service: breakIt(made.service) };
      },
    };
    const [rule = ''] = title.split(' ');
    const cases = conformanceCases.filter(({ rules }) => rules.includes(rule));
    const outcomes = (await resultsOf(broken, cases)).map(({ outcome }) => outcome);
    expect(outcomes).toContain('failed');
  });

  test.for<readonly [title: string, upload: (uploader: LogUploader) => LogUploader['upload']]>([
    [
      'R113 the logs of all runs of a job have the same names',
      (uploader) => (name, log, cancel) => uploader.upload(name.replace(/_[^/]*/, '_same'), log, cancel),
    ],
    [
      'R108 an upload that heeds its cancel is not cancelled',
      (uploader) => (name, log) => uploader.upload(name, log, { signal: new AbortController().signal }),
    ],
  ])('finds: %s', async ([title, uploadOf]) => {
    const broken: ConformanceSubject = {
      ...simulated,
      create: (world, { uploader, ...options }) =>
        simulated.create(world, {
          ...options,
          ...(uploader === undefined
            ? {}
            : { uploader: { cancelBoundMs: uploader.cancelBoundMs, upload: uploadOf(uploader) } }),
        }),
    };
    const [rule = ''] = title.split(' ');
    const cases = conformanceCases.filter(({ rules }) => rules.includes(rule));
    const outcomes = (await resultsOf(broken, cases)).map(({ outcome }) => outcome);
    expect(outcomes).toContain('failed');
  });

  test.for(breakages.map((breakage) => [breakage.title, breakage] as const))(
    'finds: %s',
    async ([title, { breakIt }]) => {
      const broken: ConformanceSubject = {
        ...simulated,
        create: async (world, options) => {
          const made = await simulated.create(world, options);
          return { ...made, service: breakIt(made.service) };
        },
      };
      for (const rule of title.match(/R\d+/g) ?? []) {
        const cases = conformanceCases.filter(({ rules }) => rules.includes(rule));
        const outcomes = (await resultsOf(broken, cases)).map(({ outcome }) => outcome);
        expect(outcomes, `cases of ${rule}`).toContain('failed');
      }
    },
  );
});

describe('a case', () => {
  test('knows its rules, and is skipped for the reason that the subject gives', () => {
    const needing = caseOf(() => undefined, { needs: ['capacity', 'filers'] });
    expect(needing).toMatchObject({ group: 'group', rules: ['R1', 'R22'], needs: ['capacity', 'filers'] });
    expect(needing.skipReason(simulated)).toBeUndefined();
    expect(needing.skipReason({ ...simulated, supports: supportsAllBut({ filers: 'no disk' }) })).toBe(
      'no disk',
    );
    expect(
      needing.skipReason({ ...simulated, supports: supportsAllBut({ outputs: 'no disk' }) }),
    ).toBeUndefined();
  });

  test('runs once per seed in virtual time, in steps of 10 ms', async () => {
    const seen: number[] = [];
    const counting = caseOf(async (t) => {
      await t.sleep(2);
      seen.push(t.now(), t.ms(3));
    });
    await counting.prove(simulated);
    expect(seen).toEqual([20, 30, 20, 30, 20, 30]);
    await counting.prove({ ...simulated, stepMs: 7 }, { seeds: ['a'] });
    expect(seen.slice(6)).toEqual([14, 21]);
  });

  const failures: readonly (readonly [
    what: string,
    run: (t: CaseContext) => Promise<void> | void,
    message: string,
  ])[] = [
    ['a check', () => checkEqual('the answer', 41, 42), 'the answer: expected 42, got 41 (seed 5)'],
    [
      'a check of what looks alike',
      () => checkEqual('the answer', { a: undefined }, {}),
      'the answer: expected {}, got {}, which differs from it in what is not shown (seed 5)',
    ],
    ['an error of its own', () => Promise.reject(new Error('lost')), 'lost (seed 5)'],
    [
      'a deadlock',
      () => new Promise<void>(() => {}),
      'R211 Deadlock: nothing is due any more, and the scenario awaits a promise that nothing is left to settle (seed 5)',
    ],
    [
      'a timer that is left',
      ({ world }) => void world.clock.timer('mine', 9, () => undefined),
      'R204 The scenario has ended and left 1 timer (seed 5)\ntimer mine, due at 9 ms',
    ],
    [
      'a broken rule',
      ({ world }) => world.tracer?.record({ at: 0, type: 'phase', runner: 'r', runId: '1', phase: 'exec' }),
      'R202 run 1 on r has started and was never accepted (seed 5)',
    ],
  ];

  test.for(failures)('R202 R204 R211 fails for %s, naming the seed', async ([, run, message]) => {
    const proof = caseOf(run).prove(simulated, { seeds: [5] });
    await expect(proof).rejects.toThrow(expect.objectContaining({ name: 'ConformanceError', message }));
  });

  test('fails with one error, whose stack shows the check without the engine', async () => {
    const error = await caseOf(() => checkEqual('the answer', 41, 42))
      .prove(simulated)
      .catch((caught: unknown) => caught);
    const { stack = '', cause } = error as Error;
    expect(cause).toBeUndefined();
    expect(stack).toMatch(/^ConformanceError: the answer: expected 42, got 41 \(seed 1\)\n {4}at /);
    expect(stack).toContain('conformance-case.test.ts:');
    expect(stack).not.toContain('/src/kernel/');
    expect(error).toMatchObject({ expected: 42, actual: 41 });
  });

  test('R86 R204 releases and disposes of what it made, on the machine even when it fails', async () => {
    for (const fails of [false, true]) {
      const log: string[] = [];
      const subject: ConformanceSubject = {
        ...simulated,
        wallWorld: () => ({ clock: createVirtualClock() }) as never,
        create: () => ({
          service: { ...noService, release: async () => void log.push('release') },
          dispose: async () => void log.push('dispose'),
        }),
      };
      const making = caseOf(async (t) => {
        await t.runner();
        await t.runner();
        checkEqual('steps on the machine', t.ms(1), 80);
        if (fails) throw new Error('no');
      });
      const proof = making.prove(subject);
      await (fails ? expect(proof).rejects.toThrow('no') : proof);
      expect(log).toEqual(['release', 'release', 'dispose', 'dispose']);
    }
  });

  test('reads no output where the runner has none', async () => {
    const reading = caseOf(async (t) => {
      checkEqual('before there is a runner', await t.read('x'), '');
      await t.runner();
      checkEqual('of an unknown output', await t.read('x'), '');
    });
    await reading.prove(simulated);
  });
});

describe('running the suite', () => {
  const passing = caseOf(() => undefined, { title: 'R1 passes' });
  const failing = caseOf(() => checkEqual('it', 1, 2), { title: 'R2 fails' });
  const needing = caseOf(() => undefined, { title: 'R3 needs', needs: ['signals'] });

  test('gives a result per case, in order, and never throws', async () => {
    const subject = { ...simulated, supports: supportsAllBut({ signals: 'it has none' }) };
    const about = { subject: 'simulated', group: 'group' };
    const results = (await resultsOf(subject, [failing, needing, passing])).map(
      ({ reached: _reached, ...result }) => result,
    );
    expect(results).toEqual([
      { ...about, title: 'R2 fails', rules: ['R2'], outcome: 'failed', error: expect.any(ConformanceError) },
      { ...about, title: 'R3 needs', rules: ['R3'], outcome: 'skipped', reason: 'it has none' },
      { ...about, title: 'R1 passes', rules: ['R1'], outcome: 'passed' },
    ]);
  });

  test('refuses an empty list of seeds, with which every case would pass without a run', async () => {
    const said = 'seeds: expected a list of at least one seed, got an array of 0';
    await expect(resultsOf(simulated, [failing], { seeds: [] })).rejects.toThrow(said);
    await expect(failing.prove(simulated, { seeds: [] })).rejects.toThrow(said);
    for (const of of storeCases) await expect(of.prove(statusStore, { seeds: [] })).rejects.toThrow(said);
  });

  test('lets cases overlap on the machine only, and keeps their order', async () => {
    for (const wall of [true, false]) {
      let open = 0;
      let most = 0;
      const slow = caseOf(async () => {
        open += 1;
        most = Math.max(most, open);
        for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
        open -= 1;
      });
      const subject = wall
        ? { ...simulated, wallWorld: () => ({ clock: createVirtualClock() }) as never }
        : simulated;
      const results = await resultsOf(subject, [slow, failing, slow, slow, slow], {
        seeds: [1],
        concurrency: 3,
      });
      expect(results.map(({ outcome }) => outcome)).toEqual([
        'passed',
        'failed',
        'passed',
        'passed',
        'passed',
      ]);
      expect(most > 1).toBe(wall);
    }
  });

  test('runs the whole suite by default', async () => {
    const makesNone = {
      ...simulated,
      supports: supportsAllBut({}),
      create: () => Promise.reject(new Error('none')),
    };
    const titles: string[] = [];
    for await (const { title, outcome } of runConformance(makesNone, { seeds: [1] })) {
      expect(outcome).toBe('failed');
      titles.push(title);
    }
    expect(titles.slice(0, -1)).toEqual(conformanceCases.map(({ title }) => title));
    expect(titles.at(-1)).toContain('the suite has reached');
  });

  test('R3 R31 R70 R203 counts what was reached; a kind never reached is a failure that names it', async () => {
    const hasty = (good: Service): Service =>
      having(good, {
        // An action may have a timeout of its own.
        run: ({ timeoutMs: _timeoutMs, executeRequest: _request, ...command }) => good.run(command),
      });
    const subject: ConformanceSubject = {
      ...simulated,
      create: async (world, options) => {
        const made = await simulated.create(world, options);
        return { ...made, service: hasty(made.service) };
      },
    };
    const last = async (of: ConformanceSubject): Promise<CaseResult | undefined> => {
      let result: CaseResult | undefined;
      for await (const next of runConformance(of, { seeds: [1] })) result = next;
      return result;
    };
    expect(await last(simulated)).toMatchObject({ group: 'reach', outcome: 'passed' });
    const missed = await last(subject);
    expect(missed).toMatchObject({ group: 'reach', outcome: 'failed', reached: { 'end TIMEDOUT': 0 } });
    expect(messageOf(missed?.error)).toMatch(/^never reached: .*end TIMEDOUT/);
  });
});

describe('a check', () => {
  test.each([undefined, null, 7, { reason: 'no' }])('names %o as a value that was thrown', async (thrown) => {
    const reject: (reason: unknown) => Promise<never> = Promise.reject.bind(Promise);
    const failing = caseOf(() => reject(thrown));
    await expect(failing.prove(simulated, { seeds: [1] })).rejects.toThrow(
      /^expected no error, got the thrown value ".+" \(seed 1\)$/,
    );
  });

  test('names what was checked, what was expected and what came', async () => {
    const failed = (check: () => void): unknown => {
      try {
        check();
        return 'nothing';
      } catch (error) {
        return error;
      }
    };
    expect(failed(() => checkEqual('a list', [1, { a: 2 }], [1, { a: 2 }]))).toBe('nothing');
    expect(failed(() => checkEqual('a list', ['x'], ['y']))).toMatchObject({
      name: 'ConformanceError',
      message: 'a list: expected ["y"], got ["x"]',
      expected: ['y'],
      actual: ['x'],
    });
    expect(failed(() => checkFields('it', { a: 1, b: 2 }, { a: 1 }))).toBe('nothing');
    expect(failed(() => checkFields('it', { a: 1, b: 2 }, { b: 3 }))).toMatchObject({
      message: 'b of it: expected 3, got 2',
    });
    expect(failed(() => checkThat(true, 'it', 'more', 1))).toBe('nothing');
    expect(failed(() => checkThat(false, 'it', 'more than 1', new Error('e')))).toMatchObject({
      message: 'it: expected more than 1, got Error (e)',
      expected: 'more than 1',
    });
    const released = new RunnerError('RUNNER_RELEASED', 'gone');
    expect(await checkRejects('it', Promise.reject(released), 'RUNNER_RELEASED')).toBe(released);
    await expect(checkRejects('it', Promise.resolve(7), 'RUNNER_BUSY')).rejects.toThrow(
      'it: expected an error of code RUNNER_BUSY, got 7',
    );
    await expect(checkRejects('it', Promise.reject(released), 'RUNNER_BUSY')).rejects.toThrow(
      'it: expected an error of code RUNNER_BUSY, got RUNNER_RELEASED (gone)',
    );
    expect(statusInside(new RunRejectedError('RUNNER_BUSY', 'full', 'why')).error).toBe('why');
    expect(failed(() => statusInside(released))).toMatchObject({
      message: 'the error of a refused run: expected one with a status, got RUNNER_RELEASED (gone)',
    });
  });
});
