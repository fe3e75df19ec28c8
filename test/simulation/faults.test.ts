import { describe, expect, test } from 'vitest';
import { type DecisionSource, ExecutionAbandoned } from '../../src/kernel/decisions.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import { keyedReplayDecisions } from '../../src/kernel/replay-decisions.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { fault } from '../questions.ts';
import { codeOf, makeNode } from './node-play.ts';
import { question as asks } from '../../src/kernel/question.ts';

describe('sim.strikes', () => {
  const tenSites = async (sim: Simulation): Promise<void> => {
    for (let site = 0; site < 10; site += 1) {
      if (sim.strikes(`disk/${site}`, 'full', { oneIn: 3 })) sim.note(`disk/${site} is full`);
      await sim.sleep(1);
    }
  };

  test('R212 each strike is in the trace, and can be removed alone by answering 0', async () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const first = await simulate({ seed, scenario: tenSites, keepTrace: true });
      const struck = first
        .decisions()
        .filter(({ question, n, answer }) => question.kind === 'fault' && answer === n - 1);
      const faults = first.trace().filter(({ type }) => type === 'fault');
      expect(faults.map((event) => ('operation' in event ? `${event.operation} full fault` : ''))).toEqual(
        struck.map(({ question }) => question.text),
      );
      expect(first.faults).toBe(struck.length);
      for (const gone of struck) {
        const rest = first.decisions().filter((entry) => entry.question.key !== gone.question.key);
        const second = await simulate({
          scenario: tenSites,
          keepTrace: true,
          source: keyedReplayDecisions(rest),
        });
        const expected = faults.filter(
          (event) => !('operation' in event && gone.question.text.startsWith(event.operation)),
        );
        expect(second.trace().filter(({ type }) => type === 'fault')).toEqual(expected);
      }
    }
  });

  test('the default answers never strike, and the default rate is one in eight', async () => {
    expect((await simulate({ scenario: tenSites, source: fifoDecisions() })).faults).toBe(0);
    const { decisions } = await simulate({ scenario: (sim) => void sim.strikes('a', 'b') });
    expect(decisions()).toMatchObject([{ question: asks('fault', { owner: 'a', what: 'b' }), n: 8 }]);
  });

  test.for<readonly [args: readonly unknown[], message: string]>([
    [['x'], 'kind: expected a string, got undefined'],
    [['x', { oneIn: 2 }], 'kind: expected a string, got an object'],
    [[undefined, 'slip'], 'where: expected a string, got undefined'],
    [[{ id: 'x' }, 'slip'], 'where: expected a string, got an object'],
  ])('%j is refused before anything is decided', async ([args, message]) => {
    const { failure, decisions } = await simulate({
      scenario: (sim) => void Reflect.apply(sim.strikes, sim, args),
    });
    expect(failure).toMatchObject({ kind: 'error', message });
    expect(decisions()).toEqual([]);
  });
});

describe('sim.heal', () => {
  test('ends all faults although hooks throw, and throws the first error', async () => {
    const { failure } = await simulate({
      source: fifoDecisions(),
      async scenario(sim) {
        const ended: string[] = [];
        for (const name of ['first', 'second']) {
          sim.onHeal(() => {
            throw new Error(`the ${name} hook failed`);
          });
          sim.onHeal(() => void ended.push(name));
        }
        expect(() => sim.heal()).toThrow('the first hook failed');
        expect([ended, sim.healed]).toEqual([['first', 'second'], true]);
        await sim.eventually('it goes on', () => true, { withinMs: 1 });
      },
    });
    expect(failure).toBeUndefined();
  });

  test('calls no more hooks once the execution has ended', async () => {
    const called: string[] = [];
    const { failure } = await simulate({
      scenario(sim) {
        sim.onHeal(() => {
          throw new ExecutionAbandoned('enough');
        });
        sim.onHeal(() => void called.push('after the end'));
        sim.heal();
      },
    });
    expect([failure?.message, called]).toEqual(['enough', []]);
  });

  test('ends the hangs of callers of a node whose next process does not start', async () => {
    const source: DecisionSource = {
      decide: ({ text }, n) =>
        /^n1 (crash at n1 statusAll (fault|delay)|statusAll hang fault)$/.test(text) ? n - 1 : 0,
    };
    let code = '';
    const { failure } = await simulate({
      source,
      async scenario(sim) {
        let starts = 0;
        const node = makeNode(sim, {
          faults: { crash: 4 },
          hangMs: Infinity,
          start(world, { name, idPrefix }) {
            starts += 1;
            if (starts > 1) throw new Error('the disk is gone');
            return createSimulatedRunner(world, { name, idPrefix });
          },
        });
        const call = codeOf(node.statusAll());
        await sim.sleep(1);
        expect(() => sim.heal()).toThrow('the disk is gone');
        code = await call;
      },
    });
    expect([failure, code]).toEqual([undefined, 'RUNNER_INJECTED_FAULT']);
  });
});

describe('sim.atSomeEvent', () => {
  test('a label that is no text is refused before anything is decided', async () => {
    const { failure, decisions } = await simulate({
      scenario: (sim) => sim.atSomeEvent({ what: 'strike' } as unknown as string, () => undefined),
    });
    expect(failure?.message).toBe('label: expected a string, got an object');
    expect(decisions()).toEqual([]);
  });

  /** Ten events, one each millisecond, each with a reaction; the action says after which it came. */
  const ticks = (kth: number, seen: string[]): Parameters<typeof simulate>[0] => ({
    source: keyedReplayDecisions(
      [{ question: fault('strike'), n: 17, answer: kth }].filter(({ answer }) => answer > 0),
    ),
    keepTrace: true,
    scenario: async (sim) => {
      sim.atSomeEvent('strike', () => void seen.push(`strike at ${sim.now()}`), { within: 16 });
      for (let tick = 1; tick <= 10; tick += 1) {
        await sim.sleep(1);
        await Promise.resolve();
        seen.push(`tick ${tick}`);
      }
    },
  });

  test('R212 answer k strikes once after the k-th event and its reactions, 0 never', async () => {
    for (const kth of [0, 1, 2, 9, 12]) {
      const seen: string[] = [];
      const verdict = await simulate(ticks(kth, seen));
      const expected = Array.from({ length: 10 }, (_, index) => `tick ${index + 1}`);
      const strikes = kth > 0 && kth < 10;
      if (strikes) expected.splice(kth, 0, `strike at ${kth}`);
      expect(seen).toEqual(expected);
      expect(verdict).toMatchObject({ held: true, faults: strikes ? 1 : 0 });
      const faults = verdict.trace().filter(({ type }) => type === 'fault');
      expect(faults).toEqual(
        strikes
          ? [
              {
                at: kth,
                type: 'fault',
                runner: 'scenario',
                operation: 'event',
                kind: 'strike',
                runId: '',
                afterEvent: kth,
              },
            ]
          : [],
      );
    }
  });

  test('what the action starts has run before the next event, even if asynchronous', async () => {
    const order: string[] = [];
    await simulate({
      source: { decide: () => 1 },
      scenario: async (sim) => {
        sim.atSomeEvent('strike', async () => {
          order.push('strike');
          await Promise.resolve();
          order.push('reaction');
        });
        sim.world.clock.timer('one', 1, () => order.push('one'));
        sim.world.clock.timer('two', 1, () => order.push('two'));
        await sim.sleep(2);
      },
    });
    const [first, ...rest] = order;
    expect(rest.slice(0, 2)).toEqual(['strike', 'reaction']);
    expect(new Set([first, rest[2]])).toEqual(new Set(['one', 'two']));
  });

  test.for([
    [
      'throws',
      (): void => {
        throw new Error('in the action');
      },
    ],
    ['rejects', async (): Promise<void> => Promise.reject(new Error('in the action'))],
  ] as const)('an action that %s fails the simulation', async ([, action]) => {
    const { failure } = await simulate({
      source: { decide: () => 1 },
      scenario: async (sim) => {
        sim.atSomeEvent('strike', action);
        await sim.sleep(1);
        await sim.sleep(1);
      },
    });
    expect(failure).toMatchObject({ kind: 'error', message: 'in the action', atMs: 1 });
  });

  test('nothing strikes once faults have ended', async () => {
    const { faults, failure } = await simulate({
      source: { decide: () => 2 },
      scenario: async (sim) => {
        sim.atSomeEvent('strike', () => sim.check(false, 'struck'));
        await sim.sleep(1);
        sim.heal();
        await sim.sleep(1);
      },
    });
    expect([failure, faults]).toEqual([undefined, 0]);
  });

  test('R107 R200 R204 a run may be aborted after any of its events: it ends once and leaves nothing', async () => {
    const ends = new Set<string>();
    for (let kth = 0; kth <= 12; kth += 1) {
      const { failure, endStates } = await simulate({
        source: keyedReplayDecisions(kth === 0 ? [] : [{ question: fault('abort'), n: 65, answer: kth }]),
        scenario: async (sim) => {
          const runner = createSimulatedRunner(sim.world);
          const { runId } = await runner.run({
            argv: ['sleep 5', 'stdout x', 'sleep 5', 'complete 0'],
            snapshotId: 's',
          });
          sim.atSomeEvent('abort', async () => {
            await runner.abort(runId);
          });
          await finalStatus(runner, runId);
          await runner.release();
        },
      });
      expect(failure).toBeUndefined();
      Object.keys(endStates).forEach((state) => ends.add(state));
    }
    expect([...ends].sort()).toEqual(['ABORTED', 'COMPLETE']);
  });
});
