import { describe, expect, test } from 'vitest';
import { finalStatus, statusAll } from '../../src/model/status-lookup.ts';
import { ALL_MASK, DONE_MASK } from '../../src/model/state-mask.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import { answering, codeOf, faultsOf, makeNode, play } from './node-play.ts';
import type { Question } from '../../src/kernel/question.ts';

test('R147 D94 a call to a paused node keeps its original arguments', async () => {
  await play(async (sim, node) => {
    const [first, second] = [await node.run({ argv: ['a'] }), await node.run({ argv: ['complete 2'] })];
    node.pause();
    const given = { argv: ['complete 7'] };
    const query = { runs: [second.runId], states: ALL_MASK };
    const held = [node.query(query, { timeoutMs: 0 }), node.queryNow(query)];
    const accepted = node.run(given);
    given.argv[0] = 'complete 1';
    query.runs[0] = first.runId;
    node.resume();
    for (const { statuses } of await Promise.all(held)) {
      sim.check(statuses[0]?.runId === second.runId, 'the run that was asked for');
    }
    const { status } = await finalStatus(node, (await accepted).runId);
    sim.check(status.exitCode === 7, `the command that was given ends with 7, not ${status.exitCode}`);
  });
});

describe('a crash', () => {
  test('R204 gives back all that the process held: its operations are abandoned, and no timer is left', async () => {
    const verdict = await play(async (sim, node) => {
      const { runId } = await node.run({ argv: ['sleep 1000'], snapshotId: 'a', timeoutMs: 5_000 });
      await node.run({ argv: ['sleep 1000'] });
      const waits = [codeOf(finalStatus(node, runId)), codeOf(node.abort('n1.0-1'))];
      await sim.sleep(10);
      node.crash();
      sim.check(node.state === 'down' && node.service === undefined, 'nobody is there');
      sim.check((await Promise.all(waits)).join() === 'RUNNER_INJECTED_FAULT,answered', 'the wait is lost');
      sim.check((await codeOf(node.statusAll())) === 'RUNNER_INJECTED_FAULT', 'and nobody answers');
    });
    const abandoned = verdict
      .trace()
      .flatMap((event) => (event.type === 'abandoned' ? [event.resource] : []));
    expect(abandoned).toEqual(expect.arrayContaining(['process', 'checkout', 'output', 'waiter']));
    expect(faultsOf(verdict)).toEqual(['10 n1 node crash']);
    expect(verdict.virtualMs).toBe(10);
    expect(verdict.endStates).toEqual({ ABORTED: 1 });
  });

  test('nothing of a process is seen after its death, whatever its code still does', async () => {
    const seen: string[] = [];
    const acts: ((what: string) => void)[] = [];
    const verdict = await play(
      async (sim, node) => {
        await sim.sleep(5);
        acts[0]?.('before');
        node.restart();
        acts.forEach((act) => act('after'));
        await sim.sleep(50);
        sim.heal();
      },
      {
        node: {
          start: (world, { name }) => {
            const act = (what: string): void => {
              world.tracer.record({ at: world.clock.now(), type: 'note', runner: name, text: what });
              seen.push(`${name} ${what} ${world.choices.choose(`${name} ${what}`, 3)}`);
              world.clock.timer(`after ${what}`, 1, () => seen.push(`${name} after ${what}`));
            };
            acts.push(act);
            world.clock.timer('late', 8, () => act('late'));
            world.onHeal(() => seen.push(`${name} healed`));
            return createSimulatedRunner(world, { name });
          },
        },
        source: { decide: (_label, n) => n - 1 },
      },
    );
    const notes = verdict
      .trace()
      .flatMap((event) => (event.type === 'note' ? [`${event.at} ${event.text}`] : []));
    expect(notes).toEqual(['5 before', '5 after', '13 late']);
    expect(seen).toEqual([
      'n1/0 before 2',
      'n1/0 after 0',
      'n1/1 after 2',
      'n1/1 after after',
      'n1/1 late 2',
      'n1/1 after late',
      'n1/1 healed',
    ]);
    expect(verdict.decisions().map(({ question }) => question.text)).toEqual([
      'n1/0 before',
      'n1/1 after',
      'n1/1 late',
    ]);
  });

  test('R204 does not abandon what was given back before', async () => {
    const verdict = await play(async (_sim, node) => {
      const { runId } = await node.run({ argv: ['sleep 10', 'stdout x'], snapshotId: 'a' });
      await finalStatus(node, runId);
      node.crash();
    });
    const types = verdict.trace().map(({ type }) => type);
    expect([types.includes('freed'), types.includes('abandoned')]).toEqual([true, false]);
  });

  test('a restart is a new incarnation, which knows nothing of the old one', async () => {
    await play(async (sim, node) => {
      const { runId } = await node.run({ argv: ['sleep 1000'] });
      node.restart();
      sim.check(node.incarnation === 1 && node.state === 'up', 'the second');
      sim.check((await codeOf(node.status(runId))) === 'RUNNER_UNKNOWN_RUN', `run ${runId} is known`);
      const next = await node.run({ argv: ['complete 3'] });
      sim.check(runId === 'n1.0-0' && next.runId === 'n1.1-0', `R45: ${runId}, ${next.runId}`);
      sim.check((await finalStatus(node, next.runId)).status.exitCode === 3, 'it works');
      const { statuses } = await statusAll(node);
      sim.check(statuses.length === 1, 'only its own');
    });
  });

  test('R45 D22 with reused ids, a client gets the run of somebody else', async () => {
    await play(
      async (sim, node) => {
        const mine = await node.run({ argv: ['sleep 1000'], tag: 'mine' });
        node.restart();
        await node.run({ argv: ['complete 3'], tag: 'another' });
        const { status } = await finalStatus(node, mine.runId);
        sim.check(status.tag === 'another' && status.exitCode === 3, 'the defect is there');
      },
      { node: { reusesIds: true } },
    );
  });

  test('R211 waiting for a lost answer may hang: until a cancel, healing, the release, or a long timeout', async () => {
    const hang = { decide: ({ topic }: Question) => (topic.what === 'hang' ? 1 : 0) };
    const verdict = await play(
      async (sim, node) => {
        const { runId } = await node.run({ argv: ['sleep 1000'] });
        const cancel = new AbortController();
        const query = { runs: [runId], states: DONE_MASK };
        const ends: string[] = [];
        const note = async (name: string, call: Promise<unknown>): Promise<void> => {
          ends.push(`${name} ${await codeOf(call)}`);
        };
        const calls = [
          note('cancelled', node.query(query, { timeoutMs: Infinity, signal: cancel.signal })),
          note('healed', node.query(query, { timeoutMs: 50 })),
        ];
        await sim.sleep(1);
        node.crash();
        await sim.sleep(100);
        sim.check(ends.length === 0, 'nobody has heard of it');
        cancel.abort();
        await sim.sleep(1);
        sim.check(ends.join() === 'cancelled RUNNER_WAIT_CANCELLED', ends.join());
        sim.heal();
        await Promise.all(calls);
        sim.check(ends[1] === 'healed RUNNER_INJECTED_FAULT', ends.join());
      },
      { source: hang },
    );
    expect(faultsOf(verdict)).toEqual(['1 n1 node crash', '1 n1 query hang', '1 n1 query hang']);
    const standstill = await simulate({
      source: hang,
      scenario: async (sim) => {
        const node = makeNode(sim, { hangMs: Infinity });
        const { runId } = await node.run({ argv: ['sleep 1000'] });
        sim.world.clock.timer('crash', 1, () => node.crash());
        await finalStatus(node, runId);
      },
    });
    expect(standstill.failure).toMatchObject({
      kind: 'deadlock',
      details: ['the wait for an answer to query of run n1.0-0 on n1, since 1 ms', 'nodes: n1 down'],
    });
    let end = '';
    await play(
      async (sim, node) => {
        const { runId } = await node.run({ argv: ['sleep 1000'] });
        void codeOf(finalStatus(node, runId)).then((code) => (end = code));
        await sim.sleep(1);
        node.crash();
      },
      { source: hang },
    );
    expect(end).toBe('RUNNER_INJECTED_FAULT');
    await play(
      async (sim, node) => {
        const call = node.run({ argv: ['sleep 1000'] });
        node.crash();
        sim.check(
          (await codeOf(call)) === 'RUNNER_INJECTED_FAULT' && sim.now() === 60_000,
          'reported in the end',
        );
      },
      { source: hang },
    );
  });
});

test('R86 a release that the service rejects ends the hangs of callers too', async () => {
  let release = '';
  let code = '';
  const { failure } = await simulate({
    source: answering({ 'n1 statusAll hang fault': 1 }),
    async scenario(sim) {
      const node = makeNode(sim, {
        hangMs: Infinity,
        start(world, { name, idPrefix }) {
          const runner = createSimulatedRunner(world, { name, idPrefix });
          const { release: own } = runner;
          runner.release = async () => {
            await own.call(runner);
            throw new Error('the release failed');
          };
          return runner;
        },
      });
      const call = codeOf(node.statusAll());
      node.restart();
      await sim.sleep(1);
      release = await codeOf(node.release());
      code = await call;
    },
  });
  expect([failure, release, code]).toEqual([undefined, 'Error: the release failed', 'RUNNER_INJECTED_FAULT']);
});

describe('the verbs', () => {
  test('a stopped process does nothing, calls wait, and what was due meanwhile comes when it resumes', async () => {
    await play(async (sim, node) => {
      const short = await node.run({ argv: ['sleep 10', 'complete 1'] });
      await sim.sleep(5);
      node.pause();
      let accepted = '';
      const call = node.run({ argv: ['sleep 7', 'complete 2'] }).then(({ runId }) => (accepted = runId));
      await sim.sleep(100);
      sim.check(node.state === 'paused' && accepted === '', 'the call waits');
      sim.check(node.service?.shareStore().currentStatus(short.runId).state === 'RUNNING', 'and the run');
      node.resume();
      await finalStatus(node, short.runId);
      sim.check(sim.now() === 105, `what was due at 10 came at ${sim.now()}`);
      const { status } = await finalStatus(node, await call);
      sim.check(status.exitCode === 2 && sim.now() === 112, `the rest took its time: ${sim.now()}`);
    });
  });

  test("a caller's wait ends in time although the process was stopped when it began", async () => {
    await play(async (sim, node) => {
      const { runId } = await node.run({ argv: ['sleep 500'] });
      node.pause();
      const wait = node.query({ runs: [runId], states: DONE_MASK }, { timeoutMs: 40 });
      await sim.sleep(30);
      node.resume();
      sim.check((await wait).statuses.length === 0 && sim.now() === 40, `it ended at ${sim.now()}`);
    });
  });

  test('a call that waits for a stopped process is lost with it, or cancelled by its caller', async () => {
    await play(async (sim, node) => {
      const { runId } = await node.run({ argv: ['sleep 500'] });
      node.pause();
      const cancel = new AbortController();
      const query = { runs: [runId], states: DONE_MASK };
      const cancelled = codeOf(node.query(query, { timeoutMs: 90, signal: cancel.signal }));
      const lost = codeOf(node.run({ argv: ['complete 0'] }));
      cancel.abort();
      sim.check((await cancelled) === 'RUNNER_WAIT_CANCELLED', 'cancelled');
      node.restart();
      sim.check((await lost) === 'RUNNER_INJECTED_FAULT', 'lost');
      sim.check((await node.statusAll()).statuses.length === 0, 'the successor never heard of it');
    });
  });

  test('a slow machine slows its process, and the next one on it', async () => {
    await play(async (sim, node) => {
      const took = async (): Promise<number> => {
        const startMs = sim.now();
        const { runId } = await node.run({ argv: ['sleep 10', 'complete 0'] });
        await finalStatus(node, runId);
        return sim.now() - startMs;
      };
      const times = [await took()];
      node.slow(3);
      times.push(await took());
      node.restart();
      times.push(await took());
      node.slow(1);
      times.push(await took());
      sim.check(times.join() === '10,30,30,10', times.join());
    });
  });

  test('a skewed clock measures its own time, and the trace shows the true one', async () => {
    const verdict = await play(
      async (sim, node) => {
        const { runId } = await node.run({ argv: ['sleep 1000', 'complete 0'] });
        await finalStatus(node, runId);
        sim.check(sim.now() === 500, `a second on a clock at double speed ends at ${sim.now()}`);
      },
      { node: { skew: { offsetMs: -5_000, driftPpm: 1_000_000 } } },
    );
    expect(new Set(verdict.trace().map(({ at }) => at))).toEqual(new Set([0, 500]));
  });

  test('R84 R86 after the release verbs do nothing, and calls are answered as by a released runner', async () => {
    const verdict = await simulate({
      scenario: async (sim) => {
        const [up, stopped, down] = ['up', 'stopped', 'down'].map((name) => makeNode(sim, { name }));
        const { runId } = await stopped!.run({ argv: ['sleep 1000'] });
        stopped!.pause();
        down!.crash();
        for (const node of [up!, stopped!, down!]) {
          await node.release();
          await node.release();
          const { incarnation, state } = node;
          node.crash();
          node.restart();
          node.pause();
          node.resume();
          node.slow(2);
          sim.check(node.incarnation === incarnation && node.state === state, 'a verb did something');
          sim.check((await codeOf(node.run({ argv: ['x'] }))) === 'RUNNER_RELEASED', 'run after the release');
          sim.check((await codeOf(node.abort('0'))) === 'RUNNER_RELEASED', 'abort after the release');
        }
        sim.check((await stopped!.status(runId)).status.state === 'ABORTED', 'reads still work (R84)');
      },
    });
    expect(verdict.failure).toBeUndefined();
    expect(verdict.faults).toBe(2);
  });
});
