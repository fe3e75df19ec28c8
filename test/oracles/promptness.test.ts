import { describe, expect, test } from 'vitest';
import { phaseBounds, promptness } from '../../src/oracles/promptness.ts';
import type { InvocationPhase } from '../../src/model/trace-event.ts';
import { HandMadeTrace, violationsOf } from './hand-made-trace.ts';

const bounds = phaseBounds({
  execer: { cancelBoundMs: 100 },
  filers: [{ cancelBoundMs: 20 }, { cancelBoundMs: 30 }],
  tempDirs: { boundMs: 5 },
  preprocessors: [{ cancelBoundMs: 7 }, { cancelBoundMs: 6 }],
  postprocessors: [{ cancelBoundMs: 2 }, { cancelBoundMs: 3 }],
  uploader: { cancelBoundMs: 11 },
  localBoundMs: 1,
});
const rules = [promptness(bounds)];

describe('bounds', () => {
  test('R199 are those stated by the collaborators, by phase', () => {
    expect(bounds).toEqual({
      preprocess: 7,
      lookup: 0,
      checkout: 30,
      outputs: 1,
      prepare: 0,
      exec: 100,
      wait: 100,
      measure: 1,
      collect: 0,
      keep: 0,
      upload: 11,
      close: 1,
      release: 30,
      postprocess: 5,
      end: 0,
    });
  });

  test('R199 R195 count what the Bazel path and the ingestion of logs promise', () => {
    const parts = { execer: { cancelBoundMs: 3 }, filers: [{ cancelBoundMs: 30 }] };
    const { lookup, prepare, collect, keep } = phaseBounds({ ...parts, actions: { cancelBoundMs: 8 } });
    expect([lookup, prepare, collect, keep]).toEqual([8, 8, 8, 8]);
    expect(phaseBounds({ ...parts, ingestLogs: true }).collect).toBe(30);
  });

  test('R199 are zero for what is absent, and 10 s for local work', () => {
    const { preprocess, checkout, upload, release, postprocess, outputs, close, measure } = phaseBounds({
      execer: { cancelBoundMs: 3 },
    });
    expect([preprocess, checkout, upload, release, postprocess]).toEqual([0, 0, 0, 0, 0]);
    expect([outputs, close, measure]).toEqual([10_000, 10_000, 10_000]);
  });
});

describe('promptness', () => {
  const hit = (phase: InvocationPhase, durationMs: number): HandMadeTrace =>
    new HandMadeTrace()
      .accept('0')
      .phase('0', phase)
      .wait(50)
      .abort('0')
      .wait(1)
      .abort('0')
      .wait(durationMs - 1)
      .status('0', 'ABORTED');

  test.for([
    ['preprocess', 286],
    ['wait', 148],
    ['upload', 47],
    ['postprocess', 5],
  ] as const)(
    'R199 an abort in phase %s may take the bounds of that phase and those after it: %d ms',
    ([phase, boundMs]) => {
      expect(violationsOf(hit(phase, boundMs), rules)).toEqual([]);
      expect(violationsOf(hit(phase, boundMs + 1), rules)).toEqual([
        {
          rule: 'R199',
          message: expect.stringMatching(
            new RegExp(
              `^run 0 on r was to stop and became ABORTED after ${boundMs + 1} ms; ${boundMs} ms are promised\n\nIt was to stop from 50 ms on, in phase ${phase}\\.\n`,
            ),
          ) as string,
          atMs: boundMs + 51,
        },
      ]);
    },
  );

  test('R199 X7 the bounds that make up the limit are named', () => {
    const [{ message } = { message: '' }] = violationsOf(hit('close', 100), rules);
    const terms = message.slice(message.lastIndexOf(': ')).match(/\d+ for \w+/g) ?? [];
    const sum = terms.reduce((total, term) => total + Number.parseInt(term, 10), 0);
    expect(terms[0]).toMatch(/ for close$/);
    expect(message).toContain(`; ${sum} ms are promised`);
  });

  test('R199 R71 a run in the queue ends at once', () => {
    const inTime = new HandMadeTrace().accept('0').wait(9).abort('0').status('0', 'ABORTED');
    const late = new HandMadeTrace().accept('0').abort('0').wait(1).status('0', 'ABORTED');
    expect(violationsOf(inTime, rules)).toEqual([]);
    expect(violationsOf(late, rules)).toMatchObject([{ message: expect.stringContaining('; 0 ms are') }]);
  });

  test('R199 without phases, a running run is held to the bounds from its process on', () => {
    const at = (durationMs: number): HandMadeTrace =>
      new HandMadeTrace()
        .accept('0')
        .status('0', 'RUNNING')
        .abort('0')
        .wait(durationMs)
        .status('0', 'ABORTED');
    expect(violationsOf(at(148), rules)).toEqual([]);
    expect(violationsOf(at(149), rules)).toHaveLength(1);
  });

  test('R199 R85 a release is an abort of every open run', () => {
    const trace = new HandMadeTrace().run('0').accept('1').start('1').accept('2').release();
    trace.status('2', 'ABORTED').wait(149);
    expect(violationsOf(trace, rules)).toEqual([
      {
        rule: 'R199',
        message: expect.stringContaining(
          'run 1 on r was to stop and has not ended after 149 ms; 148 ms are promised\n',
        ) as string,
        atMs: 150,
      },
    ]);
  });

  test('R199 without a bound nothing is late, and a run that is not aborted may take any time', () => {
    const unbounded = [promptness(phaseBounds({ execer: { cancelBoundMs: Infinity } }))];
    expect(violationsOf(hit('wait', 1e9), unbounded)).toEqual([]);
    expect(violationsOf(new HandMadeTrace().accept('0').wait(1e9).start('0'), rules)).toEqual([]);
  });

  test('R199 rounding to microseconds is not late', () => {
    expect(violationsOf(hit('postprocess', 5.009), rules)).toEqual([]);
    expect(violationsOf(hit('postprocess', 5.02), rules)).toHaveLength(1);
  });
});
