// What a reader sees of failures that the generic exploration finds: nothing but the text.
import { describe, expect, test } from 'vitest';
import { supportsAllBut } from '../../../src/conformance/capability.ts';
import { simCommands } from '../../../src/conformance/command-vocabulary.ts';
import type { ConformanceSubject } from '../../../src/conformance/subject.ts';
import { exploreRunner } from '../../../src/conformance/workload/explore-runner.ts';
import type { ConformanceError } from '../../../src/conformance/check.ts';
import { conformanceCases } from '../../../src/conformance/conformance-cases.ts';
import { runConformance } from '../../../src/conformance/run-conformance.ts';
import { sleep } from '../../../src/kernel/clock.ts';
import { RunnerError } from '../../../src/kernel/errors.ts';
import type { Wait } from '../../../src/model/query.ts';
import { maskForState } from '../../../src/model/state-mask.ts';
import type { Service } from '../../../src/model/service.ts';
import type { World } from '../../../src/model/world.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import { having } from '../broken-services.ts';

const LACKED = Object.fromEntries(
  (['outputs', 'filers', 'collaborators', 'actions', 'failures', 'signals', 'stubborn'] as const).map(
    (capability) => [capability, 'not looked at'],
  ),
);

async function textOf(breakIt: (good: Service, world: World) => Service): Promise<string> {
  const subject: ConformanceSubject = {
    name: 'broken',
    supports: supportsAllBut(LACKED),
    commands: simCommands,
    create: (world, options) => ({
      service: breakIt(createSimulatedRunner(world, { ...options, name: 'mine' }), world),
    }),
  };
  const { failure } = await exploreRunner(subject, { executions: 2_000, seed: 4, shrinkExecutions: 1_000 });
  return failure?.text ?? 'nothing was found';
}

describe('the text of a failure', () => {
  test('R85 of a release that is late says by when it had to return and why, and quotes that rule alone', async () => {
    const text = await textOf((good, world) =>
      having(good, {
        async release() {
          await good.release();
          await sleep(world.clock, 7, 'too late');
        },
      }),
    );
    expect(text).toMatch(
      /: R85 release called at (\d+) ms: expected it to return by \1 ms, since (no run is left then|run \d+ has to be over by then), got its return at \d+ ms/,
    );
    expect(text.match(/^ {2}R\d+ /gm)).toEqual(['  R85 ']);
  });

  test.for([
    ['R70', 'R70', ['RUNNING']],
    ['R71', '(?:R70 )?R71', ['PENDING']],
    ['R72', 'R72', ['COMPLETE', 'FAILED', 'ABORTED', 'TIMEDOUT']],
  ] as const)(
    '%s of an abort that is late says by when it had to answer and why, and quotes what it names',
    async ([, named, states]) => {
      const text = await textOf((good, world) =>
        having(good, {
          async abort(runId) {
            const { statuses } = await good.queryNow({ runs: [runId], states: maskForState(...states) });
            const status = await good.abort(runId);
            if (statuses.length > 0) await sleep(world.clock, 7, 'too late');
            return status;
          },
        }),
      );
      const [, rules = ''] =
        new RegExp(
          `: (${named}) abort of run \\d+, called at (\\d+) ms: expected an answer by \\2 ms, since the run (?:has to be over by then|was over before), got it at \\d+ ms`,
        ).exec(text) ?? [];
      expect(text.match(/^ {2}R\d+ /gm)?.map((rule) => rule.trim())).toEqual(rules.split(' '));
    },
  );

  test.for([
    ['R70', 'an active run that goes on', /: R70 abort of run \d+ returned RUNNING, expected its end/],
    ['R71', 'a queued run that stays there', /: R71 abort of run \d+ returned PENDING, expected its end/],
  ] as const)('%s is named for an abort of %s', async ([, what, expected]) => {
    const text = await textOf((good) =>
      having(good, {
        async abort(runId) {
          const { status } = await good.status(runId);
          if (status.state === 'PENDING' && what.includes('queued')) return status;
          if (status.state === 'RUNNING' && what.includes('active')) return status;
          return good.abort(runId);
        },
      }),
    );
    expect(text).toMatch(expected);
  });

  test('D94 shows that a client has changed its command after the call', async () => {
    const text = await textOf((good) =>
      having(good, {
        async run(command) {
          await Promise.resolve();
          return good.run(command);
        },
      }),
    );
    expect(text).toContain(
      'client 1 notes: after the call, it changes the command that it gave: argv ["complete 99"], timeout 1 ms, each tag "changed"',
    );
    expect(text).toMatch(/expected jobId, taskId and tag \[.*\], got \["changed","changed","changed"\]/);
  });

  test('D94 shows that a client has changed its query after the call', async () => {
    const text = await textOf((good) =>
      having(good, {
        async queryNow(query) {
          await Promise.resolve();
          return good.queryNow(query);
        },
      }),
    );
    expect(text).toMatch(
      /client \d notes: after the call, it changes the query that it gave: now no run and no state/,
    );
  });

  test('R34 shows which signal was aborted when, and that the wait has it', async () => {
    const text = await textOf((good) =>
      having(good, {
        query: (query, wait: Wait | undefined) =>
          good.query(
            query,
            wait?.signal instanceof AbortSignal ? { timeoutMs: wait.timeoutMs } : (wait as Wait),
          ),
      }),
    );
    expect(text).toMatch(
      /R34 query: expected its end when it was cancelled, at [\d.]+ ms, got it at [\d.]+ ms/,
    );
    const [, aborted] = /it aborts signal (\d), with which waits are cancelled/.exec(text) ?? [];
    expect(text).toContain(`its next query has signal ${aborted}`);
  });

  test('R86 is quoted for a timer that is left after the release, and the call of run that made it is shown', async () => {
    const text = await textOf((good, { clock }) =>
      having(good, {
        async run(command) {
          const status = await good.run(command);
          clock.timer('heartbeat', 30_000, () => undefined);
          return status;
        },
      }),
    );
    expect(text).toContain('R86 After release no timer, task or waiter of the runner is left.');
    expect(text).toMatch(/client 1 gets run 0 PENDING from run\(/);
    expect(text).toContain('timer heartbeat, due at 30000 ms');
  });

  test('R33 shows the malformed argument', async () => {
    const text = await textOf((good) =>
      having(good, {
        query: (query, wait: Wait | undefined) =>
          good.query(query, { timeoutMs: Math.max(0, wait?.timeoutMs ?? 0) }),
      }),
    );
    expect(text).toMatch(
      /malformed \S+ (undefined|null|\{("timeoutMs":("?-?(\d+|NaN|Infinity)"?)(,"signal":(\{\}|null))?)?\}): expected RUNNER_INVALID_ARGUMENT/,
    );
    expect(text).not.toContain('query(an object)');
  });

  test('R36 R84 R85 a release that ends waits before it aborts is found, by both what meets a wait and what dooms it', async () => {
    const early = (good: Service): Service => {
      let close: () => void = () => undefined;
      const closed = new Promise<never>((_, reject) => {
        close = () => reject(new RunnerError('RUNNER_RELEASED', 'the runner was released'));
      });
      closed.catch(() => undefined);
      return having(good, {
        query: (query, wait) => Promise.race([good.query(query, wait), closed]),
        release() {
          close();
          return good.release();
        },
      });
    };
    const messages = new Set<string>();
    for (let seed = 1; seed <= 6; seed += 1) {
      const subject: ConformanceSubject = {
        name: 'early',
        supports: supportsAllBut(LACKED),
        commands: simCommands,
        create: (world, options) => ({ service: early(createSimulatedRunner(world, options)) }),
      };
      const { failure } = await exploreRunner(subject, { executions: 300, seed, shrinkExecutions: 0 });
      messages.add(failure?.message.replace(/run \S+,/, 'run ID,') ?? 'nothing was found');
    }
    const text = [...messages].sort().join('\n');
    expect(text).toMatch(
      /^R84 R85 query: expected the status of run ID, which meets it as ".*", got RUNNER_RELEASED$/m,
    );
    expect(text).toContain(
      'R36 R84 query: expected RUNNER_CANNOT_HAPPEN once its runs are over, since no new run can meet it, got RUNNER_RELEASED',
    );
    expect(text).not.toContain('nothing was found');

    const results: string[] = [];
    const cases = conformanceCases.filter(({ title }) => title.startsWith('R85 R203 D27'));
    const subject: ConformanceSubject = {
      name: 'early',
      supports: supportsAllBut(LACKED),
      commands: simCommands,
      create: (world, options) => ({ service: early(createSimulatedRunner(world, options)) }),
    };
    for await (const { error } of runConformance(subject, { seeds: [1], cases })) {
      const { message, expected, actual } = error as ConformanceError;
      results.push(message, String(expected), String(actual));
    }
    const call = 'query(DONE_MASK of run 0, without limit)';
    expect(results).toEqual([
      `${call}: expected an answer, got RUNNER_RELEASED ("the runner was released") (seed 1)`,
      `an answer to ${call}`,
      'RUNNER_RELEASED ("the runner was released")',
    ]);
  });

  test('names no line of dryrunner where the subject has one of its own', async () => {
    const text = await textOf((good, { clock }) =>
      having(good, {
        run: (command) =>
          new Promise((resolve, reject) => {
            clock.timer('late', 7, () => void good.run(command).then(resolve, reject));
          }),
      }),
    );
    expect(text).toMatch(/R65 run: expected an answer at 0 ms/);
    expect(text).not.toMatch(/src\/conformance\/workload/);
  });
});
