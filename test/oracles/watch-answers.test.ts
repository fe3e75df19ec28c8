import { describe, expect, test } from 'vitest';
import { RunnerError } from '../../src/kernel/errors.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import {
  abortStatus,
  completeStatus,
  pendingStatus,
  runningStatus,
  timeoutStatus,
  withRefs,
  type RunStatus,
} from '../../src/model/run-status.ts';
import { HEALTHY_SERVICE_STATUS } from '../../src/model/service-status.ts';
import type { Service } from '../../src/model/service.ts';
import { ALL_MASK, DONE_MASK, PENDING_MASK, type StateMask } from '../../src/model/state-mask.ts';
import { waitForever } from '../../src/model/query.ts';
import { createFakeRunner } from '../../src/runners/fake/fake-runner.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Violation } from '../../src/oracles/oracle.ts';
import { REACH_KINDS, ServiceReach } from '../../src/oracles/reach-kinds.ts';
import { watchAnswers, type WatchedAnswers } from '../../src/oracles/watch-answers.ts';

const service = HEALTHY_SERVICE_STATUS;
const all = (...statuses: RunStatus[]): ReturnType<Service['statusAll']> =>
  Promise.resolve({ statuses, service });
const one = (status: RunStatus): ReturnType<Service['status']> => Promise.resolve({ status, service });

/** A service that gives the listed answers, one after another. */
class Scripted {
  readonly violations: Violation[] = [];
  readonly clock = createVirtualClock();
  readonly watched: WatchedAnswers;
  next: unknown = undefined;

  constructor() {
    const answer = (): never => this.next as never;
    const scripted: Service = {
      run: answer,
      abort: answer,
      release: answer,
      query: answer,
      queryNow: answer,
      status: answer,
      statusAll: answer,
    };
    this.watched = watchAnswers({ clock: this.clock }, scripted, (violation) =>
      this.violations.push(violation),
    );
  }

  /** Makes one call, which gets that answer. */
  async ask<T>(call: (watched: WatchedAnswers) => Promise<T>, answer: Promise<T>): Promise<void> {
    this.next = answer;
    const promise = call(this.watched);
    expect(promise).toBe(answer);
    await promise.catch(() => undefined);
  }
}

const status = (watched: WatchedAnswers): ReturnType<Service['status']> => watched.status('1');
const statusAll = (watched: WatchedAnswers): ReturnType<Service['statusAll']> => watched.statusAll();
const done = completeStatus('1', '', 3);

type Step = (scripted: Scripted) => Promise<void>;

const WRONG: readonly (readonly [rule: string, message: string, steps: readonly Step[]])[] = [
  [
    'R4',
    'status: expected run 1 to be RUNNING or further, as an answer before it has shown, got PENDING',
    [
      (s) => s.ask(statusAll, all(runningStatus('1', 'out', 'err'))),
      (s) => s.ask(status, one(pendingStatus('1'))),
    ],
  ],
  [
    'R4',
    'statusAll: expected run 1 to be COMPLETE, as an answer before it has shown, got RUNNING',
    [(s) => s.ask(status, one(done)), (s) => s.ask(statusAll, all(runningStatus('1', 'out', 'err')))],
  ],
  [
    'R206',
    'status: expected stderrRef of run 1 to be err, as an answer before it has shown, got none',
    [
      (s) => s.ask(statusAll, all(runningStatus('1', 'out', 'err'))),
      (s) => s.ask(status, one(withRefs(done, 'out', ''))),
    ],
  ],
  [
    'R200',
    'status: expected exitCode of run 1 to be 3, as at its end, got 4',
    [(s) => s.ask(statusAll, all(done)), (s) => s.ask(status, one(completeStatus('1', '', 4)))],
  ],
  [
    'R67',
    'statusAll: expected at most one active run, got run 1 RUNNING and run 2 RUNNING',
    [(s) => s.ask(statusAll, all(runningStatus('1', 'o', 'e'), runningStatus('2', 'o', 'e')))],
  ],
  [
    'R67',
    'queryNow: expected runs to start in the order of acceptance, got run 1 PENDING and run 2 RUNNING',
    [
      (s) =>
        s.ask(
          (watched) => watched.queryNow({ allRuns: true, states: ALL_MASK }),
          all(abortStatus('0'), pendingStatus('1'), runningStatus('2', 'o', 'e')),
        ),
    ],
  ],
  [
    'R24',
    'query shows run 1, which is PENDING',
    [
      (s) =>
        s.ask(
          (watched) => watched.query({ runs: ['1'], states: DONE_MASK }, { timeoutMs: 5 }),
          all(pendingStatus('1')),
        ),
    ],
  ],
  [
    'R24',
    'queryNow shows run 2, which it was not asked for',
    [
      (s) =>
        s.ask(
          (watched) => watched.queryNow({ runs: ['1'], states: DONE_MASK }),
          all(done, completeStatus('2', '', 3)),
        ),
    ],
  ],
  [
    'R44',
    'run id 1 was given twice',
    [
      (s) => s.ask((watched) => watched.run({ argv: [] }), Promise.resolve(pendingStatus('1'))),
      (s) => s.ask((watched) => watched.run({ argv: [] }), Promise.resolve(pendingStatus('1'))),
    ],
  ],
  [
    'R70',
    'abort of run 1 returned RUNNING, expected its end',
    [(s) => s.ask((watched) => watched.abort('1'), Promise.resolve(runningStatus('1', 'o', 'e')))],
  ],
  [
    'R71',
    'abort of run 1 returned PENDING, expected its end',
    [(s) => s.ask((watched) => watched.abort('1'), Promise.resolve(pendingStatus('1')))],
  ],
  ['R207', 'status of run 1 shows run 2', [(s) => s.ask(status, one(pendingStatus('2')))]],
  [
    'R38',
    'statusAll returned something else than statuses: statusAll(): expected an object with statuses and service, got undefined',
    [(s) => s.ask(statusAll, Promise.resolve(undefined) as never)],
  ],
  [
    'R38',
    'statusAll returned something else than statuses: statusAll().statuses[0]: expected the status of a run, got undefined',
    [(s) => s.ask(statusAll, Promise.resolve({ statuses: [undefined], service }) as never)],
  ],
];

describe('answers that do not fit together', () => {
  test.for(WRONG)('%s are reported: %s', async ([rule, message, steps]) => {
    const scripted = new Scripted();
    for (const [index, step] of steps.entries()) {
      expect(scripted.violations).toEqual([]);
      await step(scripted);
      if (index === steps.length - 1) {
        expect(scripted.violations).toMatchObject([
          { rule, message: expect.stringContaining(message) as string, atMs: 0 },
        ]);
      }
    }
  });
});

describe('answers that fit together', () => {
  test('R207 an answer may be as old as its call, but no older', async () => {
    const scripted = new Scripted();
    let settle: (answer: Awaited<ReturnType<Service['status']>>) => void = () => undefined;
    scripted.next = new Promise((resolve) => {
      settle = resolve;
    });
    const slow = scripted.watched.status('1');
    await scripted.ask(statusAll, all(runningStatus('1', 'o', 'e')));
    expect(scripted.watched.openCalls).toEqual(['status(1)']);
    settle({ status: pendingStatus('1'), service });
    await slow;
    expect(scripted.violations).toEqual([]);
    expect(scripted.watched.openCalls).toEqual([]);
    await scripted.ask(status, one(pendingStatus('1')));
    expect(scripted.violations).toHaveLength(1);
  });

  test('R39 a status that a runner changes later is remembered as it was', async () => {
    const scripted = new Scripted();
    const mutable = { ...done };
    await scripted.ask(status, one(mutable));
    mutable.exitCode = 4;
    await scripted.ask(status, one(mutable));
    expect(scripted.violations).toMatchObject([{ rule: 'R200' }]);
  });

  test('R24 a query that its caller changes afterwards is remembered as it was asked', async () => {
    const wrong: string[] = [];
    const verdict = await simulate({
      seed: 1,
      scenario: async ({ world }) => {
        const runner = watchAnswers(
          world,
          createFakeRunner(world),
          ({ message }) => void wrong.push(message),
        );
        const { runId } = await runner.run({ argv: [] });
        const query: { runs: string[]; states: StateMask } = { runs: [runId], states: DONE_MASK };
        const waiting = runner.query(query, waitForever());
        query.states = PENDING_MASK;
        await runner.release();
        await waiting;
      },
    });
    expect([verdict.failure, wrong]).toEqual([undefined, []]);
  });

  test('R24 a malformed query is the service’s to refuse', async () => {
    const codes: unknown[] = [];
    await simulate({
      seed: 1,
      scenario: async ({ world }) => {
        const runner = watchAnswers(world, createFakeRunner(world), () => undefined);
        for (const query of [null, undefined, 'all'] as never[]) {
          await runner
            .query(query, { timeoutMs: 5 })
            .catch((error: { code?: string }) => codes.push(error.code));
        }
        await runner.release();
      },
    });
    expect(codes).toEqual(Array(3).fill('RUNNER_INVALID_ARGUMENT'));
  });

  test('each kind of end, abort, wait, offer and release is counted', async () => {
    const scripted = new Scripted();
    const rejecting = (code: ConstructorParameters<typeof RunnerError>[0]): Promise<never> =>
      Promise.reject(new RunnerError(code, 'no'));
    const wait = (watched: WatchedAnswers): ReturnType<Service['query']> =>
      watched.query({ allRuns: true, states: ALL_MASK }, { timeoutMs: 5 });
    const abort =
      (runId: string) =>
      (watched: WatchedAnswers): ReturnType<Service['abort']> =>
        watched.abort(runId);
    const run = (watched: WatchedAnswers): ReturnType<Service['run']> => watched.run({ argv: [] });
    const release = (watched: WatchedAnswers): Promise<void> => watched.release();
    await scripted.ask(release, Promise.resolve());
    await scripted.ask(run, Promise.resolve(pendingStatus('0')));
    await scripted.ask(statusAll, all(runningStatus('0', 'o', 'e')));
    await scripted.ask(run, Promise.resolve(pendingStatus('1')));
    await scripted.ask(run, rejecting('RUNNER_BUSY'));
    await scripted.ask(abort('1'), Promise.resolve(abortStatus('1')));
    await scripted.ask(abort('1'), Promise.resolve(abortStatus('1')));
    await scripted.ask(abort('0'), Promise.resolve(withRefs(abortStatus('0'), 'o', 'e')));
    await scripted.ask(statusAll, all(completeStatus('2', '', 0), completeStatus('3', '', 1)));
    await scripted.ask(statusAll, all(timeoutStatus('4'), { ...done, runId: '5', state: 'FAILED' }));
    await scripted.ask(wait, all(completeStatus('2', '', 0)));
    const ofRun9 = { runs: ['9'], states: ALL_MASK };
    await scripted.ask((watched) => watched.query(ofRun9, { timeoutMs: 5 }), all({ ...done, runId: '9' }));
    scripted.clock.timer('later', 1, () => undefined);
    const timeout = scripted.clock.runUntilIdle();
    await scripted.ask(
      wait,
      timeout.then(() => all()),
    );
    await scripted.ask(wait, rejecting('RUNNER_WAIT_CANCELLED'));
    await scripted.ask(wait, rejecting('RUNNER_CANNOT_HAPPEN'));
    await scripted.ask(wait, rejecting('RUNNER_RELEASED'));
    await scripted.ask(run, Promise.resolve(pendingStatus('6')));
    await scripted.ask(release, rejecting('RUNNER_INJECTED_FAULT'));
    const { reach } = scripted.watched;
    expect(scripted.violations).toEqual([]);
    expect(reach.missed(REACH_KINDS)).toEqual([]);
    expect(reach.counts).toMatchObject({ 'end ABORTED': 2, 'run offered while another is active': 1 });
    const twice = new ServiceReach();
    twice.add(reach);
    twice.add(reach);
    expect(twice.times('end ABORTED')).toBe(4);
    expect(String(twice)).toContain('      4  end ABORTED\n');
  });
});
