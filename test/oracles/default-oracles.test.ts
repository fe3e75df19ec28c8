import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { defaultOracles } from '../../src/oracles/default-oracles.ts';
import type { Violation } from '../../src/oracles/oracle.ts';
import { promptness } from '../../src/oracles/promptness.ts';
import { watchRuns } from '../../src/oracles/watch-runs.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Verdict } from '../../src/simulation/verdict.ts';
import type { LegalPlan } from './legal-scenario.ts';
import { legalPlan, play, promised } from './legal-scenario.ts';

const oracles = [...defaultOracles(), watchRuns([promptness(promised)])];

function simulated(plan: LegalPlan, seed: number): Promise<Verdict> {
  return simulate({ seed, oracles, keepTrace: true, scenario: (sim) => play(sim, plan) });
}

function reported(trace: readonly TraceEvent[]): Violation[] {
  const found: Violation[] = [];
  const watching = defaultOracles().map((make) => make((violation) => found.push(violation)));
  for (const event of trace) for (const oracle of watching) oracle.watch(event);
  for (const oracle of watching) oracle.end(trace.at(-1)?.at ?? 0);
  return found;
}

describe('the default oracles', () => {
  test('R199 R200 R201 R202 R203 R204 R205 R206 R207 R208 report nothing for a correct runner', async () => {
    const ends = new Set<string>();
    await fc.assert(
      fc.asyncProperty(legalPlan, fc.nat(), async (plan, seed) => {
        const { failure, endStates } = await simulated(plan, seed);
        Object.keys(endStates).forEach((state) => ends.add(state));
        expect(failure).toBeUndefined();
      }),
      { numRuns: 150, seed: 7 },
    );
    expect([...ends].sort()).toEqual(['ABORTED', 'COMPLETE', 'FAILED', 'TIMEDOUT']);
  });

  test('R209 the same plan and seed give the same trace', async () => {
    await fc.assert(
      fc.asyncProperty(legalPlan, fc.nat(), async (plan, seed) => {
        const [first, second] = [await simulated(plan, seed), await simulated(plan, seed)];
        expect(second.traceHash).toBe(first.traceHash);
        expect(second.trace()).toEqual(first.trace());
      }),
      { numRuns: 25, seed: 8 },
    );
  });
});

/** Spoils a good trace in one place; undefined if there is no such place. */
type Spoil = (trace: TraceEvent[]) => TraceEvent[] | undefined;

function without(
  trace: TraceEvent[],
  fits: (event: TraceEvent, index: number) => boolean,
): TraceEvent[] | undefined {
  const index = trace.findIndex(fits);
  return index === -1 ? undefined : trace.toSpliced(index, 1);
}

const isEnd = (event: TraceEvent): boolean =>
  event.type === 'status' && event.status.state !== 'PENDING' && event.status.state !== 'RUNNING';

const spoils: readonly (readonly [title: string, spoil: Spoil])[] = [
  [
    'R200 a terminal status written twice',
    (trace) => {
      const index = trace.findIndex(isEnd);
      return index === -1 ? undefined : trace.toSpliced(index, 0, trace[index]!);
    },
  ],
  [
    'R200 the terminal status of a run left out before a release',
    (trace) => {
      const last = trace.findLastIndex(isEnd);
      const open = last === -1 ? undefined : trace.toSpliced(last, 1);
      return open?.some(({ type }, index) => type === 'released' && index < last) === true ? open : undefined;
    },
  ],
  [
    'R201 RUNNING followed by PENDING',
    (trace) => {
      const running = trace.findIndex((event) => event.type === 'status' && event.status.state === 'RUNNING');
      const event = trace[running];
      if (event?.type !== 'status') return undefined;
      return trace.toSpliced(running + 1, 0, { ...event, status: { ...event.status, state: 'PENDING' } });
    },
  ],
  [
    'R202 a start without acceptance',
    (trace) =>
      trace.toSpliced(0, 0, { at: 0, type: 'phase', runner: 'legal', runId: 'x', phase: 'preprocess' }),
  ],
  [
    'R203 an abort and a release left out',
    (trace) => {
      if (!trace.some((event) => event.type === 'status' && event.status.state === 'ABORTED')) {
        return undefined;
      }
      return trace.filter(({ type }) => type !== 'abort' && type !== 'released');
    },
  ],
  [
    'R204 an output that is not closed',
    (trace) => without(trace, (event) => event.type === 'freed' && event.resource === 'output'),
  ],
  [
    'R205 a checkout released twice',
    (trace) => {
      const isRelease = (event: TraceEvent): boolean =>
        event.type === 'freed' && event.resource === 'checkout';
      const index = trace.findIndex(isRelease);
      return index === -1 ? undefined : trace.toSpliced(index, 0, trace[index]!);
    },
  ],
  [
    'R206 refs that are lost at the end',
    (trace) => {
      const index = trace.findIndex(
        (event) => isEnd(event) && event.type === 'status' && event.status.stdoutRef !== '',
      );
      const event = trace[index];
      if (event?.type !== 'status') return undefined;
      // A timeout or failure before RUNNING has no refs to lose.
      const { runId } = event.status;
      const ran = trace.some(
        (other) =>
          other.type === 'status' && other.status.runId === runId && other.status.state === 'RUNNING',
      );
      if (!ran) return undefined;
      return trace.toSpliced(index, 1, { ...event, status: { ...event.status, stdoutRef: '' } });
    },
  ],
  [
    'R208 a gauge that is not put down',
    (trace) =>
      without(trace, (event) => event.type === 'metric' && event.name === 'runningTask' && event.value === 0),
  ],
];

describe('one thing wrong in the trace of a correct runner', () => {
  test.for(spoils)('%s is reported', async ([title, spoil]) => {
    const [rule] = title.split(' ');
    let spoiled = 0;
    await fc.assert(
      fc.asyncProperty(legalPlan, fc.nat(), async (plan, seed) => {
        const bad = spoil([...(await simulated(plan, seed)).trace()]);
        if (bad === undefined) return;
        spoiled += 1;
        expect(reported(bad).map((violation) => violation.rule)).toContain(rule);
      }),
      { numRuns: 25, seed: 9 },
    );
    expect(spoiled).toBeGreaterThan(3);
  });

  test('R200 fails the simulation with the rule, the sentence and the time', async () => {
    const { held, failure } = await simulate({
      scenario: async (sim) => {
        const { tracer } = sim.world;
        await sim.sleep(5);
        for (const state of ['PENDING', 'FAILED', 'COMPLETE'] as const) {
          const refs = { jobId: '', taskId: '', tag: '', stdoutRef: '', stderrRef: '' };
          const status = { runId: '7', state, ...refs, snapshotId: '', exitCode: 0, error: '' };
          tracer.record({ at: sim.now(), type: 'status', runner: 'broken', status });
        }
      },
    });
    expect(held).toBe(false);
    expect(failure).toEqual({
      kind: 'rule',
      rule: 'R200',
      message: 'run 7 on broken was FAILED, which is terminal, and has become COMPLETE',
      atMs: 5,
      details: [],
    });
  });
});
