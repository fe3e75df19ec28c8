import { describe, expect, test } from 'vitest';
import type { Decision } from '../../src/kernel/decisions.ts';
import { isRunnerError } from '../../src/kernel/errors.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import { type Topic, topicOf } from '../../src/kernel/question.ts';
import { keyedReplayDecisions } from '../../src/kernel/replay-decisions.ts';
import { DONE_MASK } from '../../src/model/state-mask.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { createChaosRunner } from '../../src/network/chaos-runner.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import { hasDecidedCrash, type NodeFaults } from '../../src/simulation/node-strikes.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { answering, codeOf, faultsOf, makeNode, play, type SimulatedNode } from './node-play.ts';

/** What strikes are asked as. */
const STRIKES: ReadonlySet<string> = new Set(['crash', 'pause', 'slow']);

describe('faults that the exploration decides', () => {
  const faults: NodeFaults = { crash: 6, pause: 6, slow: 6 };
  /** A client that does not give up, on two nodes behind a network that loses and repeats. */
  const persistent = async (sim: Simulation): Promise<void> => {
    const nodes = ['n1', 'n2'].map((name) => makeNode(sim, { name, faults }));
    const networks = nodes.map((node) =>
      createChaosRunner(sim.world, node, {
        name: `network of ${node.name}`,
        maxDelayMs: 20,
        plan: { rates: { run: { after: 0.1, duplicated: 0.1 } } },
      }),
    );
    let done = 0;
    const client = async (index: number): Promise<void> => {
      const network = networks[index]!;
      for (;;) {
        try {
          const { runId } = await network.run({
            argv: ['sleep 20', 'complete 0'],
            taskId: `t${index}`,
            snapshotId: 's',
          });
          const query = { runs: [runId], states: DONE_MASK };
          const { statuses } = await network.query(query, { timeoutMs: 2_000 });
          if (statuses[0]?.state === 'COMPLETE') break;
        } catch (error) {
          if (!isRunnerError(error)) throw error;
        }
        await sim.sleep(100);
      }
      done += 1;
    };
    const clients = [client(0), client(1)];
    await sim.sleep(300);
    await sim.eventually('both are done', () => done === 2, { withinMs: 30_000 });
    await Promise.all(clients);
    await Promise.all(networks.map((network) => network.release()));
  };

  test('R200 R204 R209 whatever strikes, the work is done after healing, nothing is left, and the seed repeats it', async () => {
    const kinds = new Set<string>();
    for (let seed = 0; seed < 60; seed += 1) {
      const verdict = await simulate({ seed, scenario: persistent, keepTrace: true });
      expect(verdict.failure, `seed ${seed}`).toBeUndefined();
      const again = await simulate({
        seed,
        scenario: persistent,
        replay: verdict.decisions(),
        drain: 'documented',
      });
      expect([again.held, again.traceHash]).toEqual([true, verdict.traceHash]);
      for (const event of verdict.trace()) if (event.type === 'fault') kinds.add(event.kind);
    }
    expect([...kinds].sort()).toEqual(['after', 'crash', 'duplicated', 'hang', 'pause', 'slow']);
  });

  test('R212 every strike is in the trace and can be removed singly; without strikes there is no fault in the trace', async () => {
    const strikes = (events: readonly TraceEvent[]): number =>
      events.filter((event) => event.type === 'fault').length;
    const struckIn = (log: readonly Decision[]): Decision[] =>
      log.filter(
        ({ question, n, answer }) =>
          STRIKES.has(question.topic.what) && question.kind === 'fault' && answer === n - 1,
      );
    const alone = async (sim: Simulation): Promise<void> => {
      const node = makeNode(sim, { faults: { ...faults, strikesMax: 2 } });
      for (let index = 0; index < 3; index += 1) {
        await codeOf(node.run({ argv: ['sleep 10', 'complete 0'], taskId: `t${index}` }));
        await sim.sleep(1_500);
      }
      await node.release();
    };
    let most = 0;
    for (let seed = 0; seed < 30; seed += 1) {
      const first = await simulate({ seed, scenario: alone, keepTrace: true });
      const log = first.decisions();
      const struck = struckIn(log);
      const hangs = first
        .decisions()
        .filter(({ question, answer }) => question.topic.what === 'hang' && answer === 1);
      expect(first.failure).toBeUndefined();
      expect(strikes(first.trace())).toBe(struck.length + hangs.length);
      most = Math.max(most, struck.length);
      for (const [index, gone] of struck.entries()) {
        const rest = log.map((entry) => (entry === gone ? { ...entry, answer: 0 } : entry));
        const second = await simulate({ scenario: alone, source: keyedReplayDecisions(rest) });
        // Those that came before stay, and of those that came after all that do not depend on it.
        const left = struckIn(second.decisions()).map(({ question }) => question.key);
        const others = struck.filter((entry) => entry !== gone).map(({ question }) => question.key);
        expect(left.slice(0, index)).toEqual(others.slice(0, index));
        expect(others).toEqual(expect.arrayContaining(left));
        expect(second.faults).toBeLessThan(first.faults);
      }
    }
    expect(most).toBe(2);
    const plain = await simulate({ source: fifoDecisions(), scenario: alone });
    expect([plain.held, plain.faults]).toEqual([true, 0]);
  });

  test('a crash between the effect of a call and its answer leaves a run that its caller does not know', async () => {
    const verdict = await play(
      async (sim, node) => {
        sim.check(
          (await codeOf(node.run({ argv: ['sleep 10'], taskId: 't' }))) === 'RUNNER_INJECTED_FAULT',
          'lost',
        );
        sim.check(node.state === 'down', 'it has crashed');
        await sim.sleep(1_000);
        sim.check(node.state === 'up' && node.incarnation === 1, 'it has come back');
      },
      {
        node: { faults: { crash: 4 } },
        source: answering({ 'n1 crash at n1 run t reply fault': 3, 'n1 crash at n1 run t reply delay': 3 }),
      },
    );
    expect(verdict.runs).toBe(1);
    expect(faultsOf(verdict)).toEqual(['0 n1 node crash']);
  });

  describe('a pause between the effect of a call and its answer', () => {
    const paused = {
      node: { faults: { pause: 4, strikesMax: 1 } },
      source: answering({
        'n1 pause at n1 statusAll reply fault': 3,
        'n1 pause at n1 statusAll reply delay': 3,
      }),
    };

    test('holds the answer back until the process resumes', async () => {
      const verdict = await play(async (sim, node) => {
        const { runId } = await node.run({ argv: ['complete 0'] });
        const { statuses } = await node.statusAll();
        sim.check(statuses[0]?.runId === runId, 'it is the answer');
        sim.check(node.state === 'up' && sim.now() > 0, `it is ${node.state} at ${sim.now()}`);
      }, paused);
      expect(faultsOf(verdict)).toEqual(['0 n1 node pause']);
    });

    test('loses the answer if the process dies meanwhile, whatever the next one does', async () => {
      await play(async (sim, node) => {
        const answer = codeOf(node.statusAll());
        await sim.sleep(1);
        node.restart();
        node.pause();
        sim.check((await answer) === 'RUNNER_INJECTED_FAULT' && sim.now() === 1, 'it is lost');
      }, paused);
    });

    test('does not keep a caller that cancels', async () => {
      await play(
        async (sim, node) => {
          const cancel = new AbortController();
          const answer = codeOf(
            node.query({ allRuns: true, states: DONE_MASK }, { timeoutMs: 0, signal: cancel.signal }),
          );
          await sim.sleep(1);
          cancel.abort();
          sim.check((await answer) === 'RUNNER_WAIT_CANCELLED' && sim.now() === 1, 'it has ended');
        },
        {
          ...paused,
          source: { decide: ({ text }, n) => (/^n1 pause at n1 query .*reply/.test(text) ? n - 1 : 0) },
        },
      );
    });
  });

  test('a crash may be over before a call arrives: the next process takes the call', async () => {
    const verdict = await play(
      async (sim, node) => {
        const { runId } = await node.run({ argv: ['sleep 10'], taskId: 't' });
        const code = await codeOf(node.status(runId));
        sim.check(code === 'RUNNER_UNKNOWN_RUN', `the next process has forgotten the run: ${code}`);
        sim.check(node.state === 'up' && node.incarnation === 1, 'it is back');
      },
      {
        node: { faults: { crash: 4 } },
        source: {
          decide: ({ text }, n) => (/^n1 crash at n1 status \S+ (back )?fault$/.test(text) ? n - 1 : 0),
        },
      },
    );
    expect(faultsOf(verdict)).toEqual(['0 n1 node crash']);
  });

  test('what the start throws then fails the simulation, and is not for the caller', async () => {
    let code = '';
    const { failure } = await simulate({
      source: answering({ 'n1 crash at n1 run t fault': 3, 'n1 crash at n1 run t back fault': 1 }),
      async scenario(sim) {
        let starts = 0;
        const node = makeNode(sim, {
          faults: { crash: 4 },
          start(world, { name, idPrefix }) {
            starts += 1;
            if (starts > 1) throw new Error('the disk is gone');
            return createSimulatedRunner(world, { name, idPrefix, capacity: 4, history: 0 });
          },
        });
        code = await codeOf(node.run({ argv: ['sleep 10'], taskId: 't' }));
        await sim.sleep(10);
      },
    });
    expect(failure).toMatchObject({ kind: 'error', message: expect.stringContaining('the disk is gone') });
    expect(code).toBe('RUNNER_INJECTED_FAULT');
  });

  test('healing undoes at once what the exploration did, but not what the scenario did', async () => {
    await play(
      async (sim, node) => {
        await codeOf(node.run({ argv: ['sleep 10'], taskId: 't' }));
        sim.check(node.state === 'down', 'it has crashed');
        sim.heal();
        sim.check(node.state === 'up' && sim.now() === 0, 'it is back');
        sim.check((await codeOf(node.run({ argv: ['sleep 10'], taskId: 't' }))) === 'answered', 'and works');
        node.crash();
        sim.heal();
        await sim.sleep(10_000);
        sim.check(node.state === 'down', 'what a verb did stays');
      },
      {
        node: { faults: { crash: 4 } },
        source: { decide: ({ topic }, n) => (topic.what === 'hang' ? 0 : n - 1) },
      },
    );
  });

  test('a verb of the scenario takes precedence over the end of a strike', async () => {
    await play(
      async (sim, node) => {
        await codeOf(node.run({ argv: ['sleep 10'], taskId: 't' }));
        node.restart();
        await sim.sleep(2_000);
        sim.check(node.incarnation === 1, `the restart of the fault came on top: ${node.incarnation}`);
      },
      {
        node: { faults: { crash: 4, strikesMax: 1 } },
        source: answering({ 'n1 crash at n1 run t fault': 3, 'n1 crash at n1 run t delay': 3 }),
      },
    );
  });

  test.each<readonly [keyof NodeFaults, (node: SimulatedNode) => void, string]>([
    ['crash', (node) => node.crash(), 'down'],
    ['pause', (node) => node.pause(), 'paused'],
  ])('a %s that struck does not end if the scenario calls the verb meanwhile', async (kind, act, state) => {
    await play(
      async (sim, node) => {
        const call = codeOf(node.statusAll());
        sim.check(node.state === state, `it is ${node.state}`);
        act(node);
        await sim.sleep(2_000);
        sim.check(node.state === state, `it is ${node.state} after a while`);
        sim.heal();
        sim.check(node.state === state, `it is ${node.state} after faults have ended`);
        node.restart();
        await call;
      },
      {
        node: { faults: { [kind]: 4, strikesMax: 1 } },
        source: answering({
          [`n1 ${kind} at n1 statusAll fault`]: 3,
          [`n1 ${kind} at n1 statusAll delay`]: 3,
        }),
      },
    );
  });

  test('a verb that has no effect on a node that a fault took down does not keep it down', async () => {
    await play(
      async (sim, node) => {
        await codeOf(node.statusAll());
        node.pause();
        sim.check(node.state === 'down', `it is ${node.state} by pause()`);
        node.resume();
        sim.check(node.state === 'down', `it is ${node.state} by resume()`);
        await sim.sleep(2_000);
        sim.check(node.state === 'up', `it is ${node.state}`);
      },
      {
        node: { faults: { crash: 4, strikesMax: 1 } },
        source: answering({ 'n1 crash at n1 statusAll fault': 3, 'n1 crash at n1 statusAll delay': 3 }),
      },
    );
  });

  test('a pause that struck ends, although the scenario made the node slow meanwhile', async () => {
    await play(
      async (sim, node) => {
        const running = codeOf(node.run({ argv: ['sleep 10'], taskId: 't' }));
        sim.check(node.state === 'paused', 'it is paused');
        node.slow(2);
        await sim.sleep(2_000);
        sim.check(node.state === 'up', `it is ${node.state}`);
        await running;
      },
      {
        node: { faults: { pause: 4, strikesMax: 1 } },
        source: { decide: ({ topic }, n) => (topic.what === 'pause' || topic.what === 'strike' ? n - 1 : 0) },
      },
    );
  });

  test.for([
    [
      'ends, although the scenario stopped the node meanwhile',
      (node: SimulatedNode) => {
        node.pause();
        node.resume();
      },
      10,
    ],
    ['does not end what the scenario has made of it', (node: SimulatedNode) => node.slow(3), 30],
  ] as const)('slowness that struck %s', async ([, meanwhile, expectedMs]) => {
    await play(
      async (sim, node) => {
        await codeOf(node.run({ argv: ['complete 0'], taskId: 't' }));
        meanwhile(node);
        await sim.sleep(2_000);
        const startedAt = sim.now();
        const { runId } = await node.run({ argv: ['sleep 10'], taskId: 'u' });
        await finalStatus(node, runId);
        sim.check(sim.now() - startedAt === expectedMs, `it took ${sim.now() - startedAt} ms`);
      },
      {
        node: { faults: { slow: 4, slowMsMax: 1_000, slowFactor: 7, strikesMax: 1 } },
        source: { decide: ({ topic }, n) => (topic.what === 'slow' || topic.what === 'strike' ? n - 1 : 0) },
      },
    );
  });

  test('true is one in 16, false is never, and without a bound strikes do not end', async () => {
    const asked: string[] = [];
    const { failure } = await simulate({
      source: {
        decide: ({ text }, n) => {
          asked.push(`${text} of ${n}`);
          return 0;
        },
      },
      async scenario(sim) {
        const given = { crash: true, pause: false, slow: true, strikesMax: Infinity };
        const node = makeNode(sim, { faults: given });
        await node.run({ argv: ['complete 0'], taskId: 't', snapshotId: 's' });
        await node.release();
      },
    });
    expect(failure).toBeUndefined();
    const faultsAsked = asked.filter((text) => text.includes(' fault of '));
    expect(faultsAsked.length).toBeGreaterThan(1);
    for (const text of faultsAsked) expect(text).toMatch(/^n1 (crash|slow) at .* of 16$/);
  });

  test.for([
    [{ name: 'a/b' }, /name: expected letters, digits/],
    [{ start: 1 }, /start: expected a function/],
    [{ start: () => ({}) }, /the result of start: expected an object with run/],
    [{ faults: { strikesMax: -1 } }, /faults\.strikesMax: expected an integer ≥ 0, or Infinity/],
    [{ faults: { strikesMax: 1.5 } }, /faults\.strikesMax: expected an integer ≥ 0, or Infinity, got 1\.5/],
    [{ faults: { crash: 1 } }, /faults\.crash: expected true, false or an integer ≥ 2/],
    [{ faults: { slowFactor: 0 } }, /slowFactor: expected a finite number ≥ 1/],
    [{ faults: { downMsMax: -1 } }, /downMsMax: expected a finite number/],
    [{ hangMs: -1 }, /hangMs: expected a number ≥ 0/],
    [{ skew: { driftPpm: NaN } }, /skew.driftPpm: expected a finite number/],
  ] as const)('%o is refused', async ([options, text]) => {
    const { failure } = await simulate({ scenario: (sim) => void makeNode(sim, options as never) });
    expect(failure).toMatchObject({ kind: 'error', message: expect.stringMatching(text) });
    expect(failure?.cause).toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
  });
});

describe('hasDecidedCrash', () => {
  const at = topicOf({ owner: 'n1', what: 'run', subject: 'job-1' });
  const asking = (what: string, { owner = 'n1', subject = at } = {}): Topic =>
    topicOf({ owner, what, subject });
  const back = asking('crash').plus('back');

  test('finds the question of a crash, or of several kinds, at the same moment of the same node', () => {
    expect(hasDecidedCrash(asking('crash'), back)).toBe(true);
    expect(hasDecidedCrash(asking('strike'), back)).toBe(true);
  });

  test.for([
    ['of another kind', asking('pause'), back],
    ['of another node', asking('crash', { owner: 'n2' }), back],
    ['of another moment', asking('crash', { subject: at.plus('reply') }), back],
    ['before one about the end of the crash', asking('crash'), asking('crash').plus('end')],
    ['before one about another fault', asking('strike'), asking('pause').plus('back')],
  ] as const)('leaves out a question %s', ([, asked, after]) => {
    expect(hasDecidedCrash(asked, after)).toBe(false);
  });
});
