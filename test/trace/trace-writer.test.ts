import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRollingHash } from '../../src/kernel/rolling-hash.ts';
import type { Decision } from '../../src/kernel/decisions.ts';
import type { RecordedStep } from '../../src/model/recording.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { decisionLogLines, readDecisionLog } from '../../src/trace/decision-log-file.ts';
import { readRecording, recordingLines } from '../../src/trace/recording/recording-file.ts';
import { readSimulation, simulationLines } from '../../src/trace/simulation-file.ts';
import { createTraceRecorder } from '../../src/trace/trace-recorder.ts';
import { createTraceWriter } from '../../src/trace/trace-writer.ts';
import { eventArbitrary, reordered } from './event-arbitrary.ts';
import { decisionArbitrary, recordingArbitrary } from './recording-arbitrary.ts';
import { choice } from '../questions.ts';

const events = fc.array(eventArbitrary, { maxLength: 6 });
const decisions = fc.array(decisionArbitrary, { maxLength: 4 });
const text = (lines: Iterable<string>): string => [...lines].join('');
const abort: TraceEvent = { type: 'abort', at: 1.5, runner: 'worker', runId: '0' };

describe('files of a simulation', () => {
  test('R209 equal simulations give the same bytes, in whatever order their keys were set', () => {
    fc.assert(
      fc.property(decisions, events, (log, list) => {
        const header = { scenario: 'pool', seed: '42', meta: { b: '1', a: '2' } };
        const one = text(simulationLines({ decisions: log, events: list }, header));
        const other = text(
          simulationLines({ decisions: reordered(log), events: reordered(list) }, reordered(header)),
        );
        expect(other).toBe(one);
      }),
    );
  });

  test('R209 a file reads back as written, and the trace hash is the recorder’s', async () => {
    await fc.assert(
      fc.asyncProperty(decisions, events, async (log, list) => {
        const recorder = createTraceRecorder({ hash: createRollingHash(), keep: true });
        for (const event of list) recorder.record(event);
        const lines = simulationLines({ decisions: log, events: recorder.events() }, { seed: '7' });
        const file = await readSimulation(lines);
        expect(file.decisions).toEqual(log);
        expect(file.events).toEqual(list);
        expect(file.header).toEqual({ kind: 'simulation', seed: '7' });
        expect(file.footer).toEqual({
          decisions: log.length,
          events: list.length,
          runs: 0,
          traceHash: recorder.hash(),
          sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        });
      }),
    );
  });

  test('R209 a small file is written byte for byte like this', () => {
    const lines = simulationLines(
      { decisions: [{ answer: 1, n: 2, question: choice('order') }], events: [abort] },
      { seed: '42', scenario: 'pool' },
    );
    expect([...lines]).toEqual([
      '{"format":"dryrunner","version":2,"kind":"simulation","scenario":"pool","seed":"42"}\n',
      '{"type":"decision","question":{"kind":"choice","what":"order"},"n":2,"answer":1}\n',
      '{"at":1.5,"type":"abort","runner":"worker","runId":"0"}\n',
      expect.stringMatching(
        /^\{"type":"end","decisions":1,"events":1,"runs":0,"sha256":"[0-9a-f]{64}","traceHash":"[0-9a-f]{16}"\}\n$/,
      ),
    ]);
  });
});

describe('files of decisions and recordings', () => {
  test('a decision log reads back as written', async () => {
    await fc.assert(
      fc.asyncProperty(decisions, async (log) => {
        const header = { scenario: 'pool', writtenBy: 'a test' };
        const file = await readDecisionLog(decisionLogLines(log, header));
        expect(file).toEqual({ header: { kind: 'decisions', ...header }, decisions: log });
      }),
    );
  });

  test('a recording reads back as written, with wall time and host in its header only', async () => {
    await fc.assert(
      fc.asyncProperty(recordingArbitrary, async (recording) => {
        const header = { startedAt: '2024-05-01T10:00:00.000Z', host: 'here', directory: '/tmp' };
        const file = await readRecording(recordingLines(recording, header));
        expect(file).toEqual({ header: { kind: 'recording', ...header }, ...recording, sumsFit: true });
      }),
    );
  });

  test('a file is of the kind that was asked for, whatever file the header comes from', async () => {
    const { header } = await readSimulation(simulationLines({ decisions: [], events: [] }, { seed: '7' }));
    const log = await readDecisionLog(decisionLogLines([], header));
    expect(log.header).toEqual({ kind: 'decisions', seed: '7' });
    const simulation = await readSimulation(simulationLines({ decisions: [], events: [] }, log.header));
    expect(simulation.header).toEqual(header);
    const recording = await readRecording(recordingLines({ entries: [] }, { kind: 'decisions' } as object));
    expect(recording.header).toEqual({ kind: 'recording' });
    const foreign = { kind: 'decisions', format: 'other', version: 1 } as const;
    expect(createTraceWriter(foreign).header()).toBe(
      '{"format":"dryrunner","version":2,"kind":"decisions"}\n',
    );
  });

  test('header fields are optional', async () => {
    expect((await readDecisionLog(decisionLogLines([]))).header).toEqual({ kind: 'decisions' });
    expect((await readRecording(recordingLines({ entries: [] }))).header).toEqual({ kind: 'recording' });
    const simulation = await readSimulation(simulationLines({ decisions: [], events: [] }));
    expect(simulation.header).toEqual({ kind: 'simulation' });
  });
});

const call: RecordedStep = { at: 0, runner: '', type: 'call', call: 'run', nth: 1 };
const output = { at: 0, runner: '', type: 'output', runId: '0', stream: 'stdout', afterMs: 0 };

describe('trace writer', () => {
  test.for<[string, (writer: ReturnType<typeof createTraceWriter>) => string, string]>([
    [
      'an event of no type',
      (w) => w.event({ ...abort, type: 'gone' } as unknown as TraceEvent),
      'line: expected a type of line that a simulation has, got "gone"',
    ],
    [
      'an event with a field too many',
      (w) => w.event({ ...abort, pid: 4 } as TraceEvent),
      'event: expected only the fields at, type, runner, runId, got a field "pid"',
    ],
    [
      'an event without a field',
      (w) => w.event({ type: 'abort', at: 0, runner: '' } as unknown as TraceEvent),
      'event.runId: expected a string, got undefined',
    ],
    [
      'a time that is none',
      (w) => w.event({ ...abort, at: Number.NaN }),
      'event.at: expected a finite number from 0 to 3155760000000, got NaN',
    ],
    [
      'a metric without end',
      (w) => w.event({ type: 'metric', at: 0, runner: '', name: 'm', value: Infinity }),
      'event.value: expected a finite number, got Infinity',
    ],
    [
      'an answer too high',
      (w) => w.decision({ question: choice('a'), n: 2, answer: 2 }),
      'decision.answer: expected an integer below 2, got 2',
    ],
    [
      'a forced choice',
      (w) => w.decision({ question: choice('a'), n: 1, answer: 0 }),
      'decision.n: expected an integer ≥ 2, got 1',
    ],
    [
      'a negative answer',
      (w) => w.decision({ question: choice('a'), n: 2, answer: -1 }),
      'decision.answer: expected an integer ≥ 0, got -1',
    ],
    [
      'a decision that is half one',
      (w) => w.decision({ question: choice('a'), n: 2 } as unknown as Decision),
      'decision.answer: expected an integer ≥ 0, got undefined',
    ],
    [
      'a step in a simulation',
      (w) => w.step(call),
      'line: expected a type of line that a simulation has, got "call"',
    ],
    [
      'a second header',
      (w) => w.header(),
      'header: expected the header once, and first, got it when the file was open',
    ],
  ])('%s is refused and not written', ([, write, message]) => {
    const writer = createTraceWriter({ kind: 'simulation' });
    writer.header();
    expect(() => write(writer)).toThrow(
      expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT', message }),
    );
    expect(writer.end()).toContain('"decisions":0,"events":0,"runs":0');
  });

  test.for<[string, object, string]>([
    [
      'both text and bytes',
      { text: 'a', base64: 'AA==' },
      'step: expected exactly one of text, utf8, base64, cutBytes, got more than one',
    ],
    ['neither text nor bytes', {}, 'step: expected exactly one of text, utf8, base64, cutBytes, got none'],
    ['bytes that are not base64', { base64: 'A' }, 'step.base64: expected base64 text, got "A"'],
    ['bytes with foreign characters', { base64: 'AA-=' }, 'step.base64: expected base64 text, got "AA-="'],
    ['bytes with too much filling', { base64: 'A===' }, 'step.base64: expected base64 text, got "A==="'],
    ['bytes after filling', { base64: 'AA=A' }, 'step.base64: expected base64 text, got "AA=A"'],
    [
      'a third stream',
      { stream: 'stdlog', text: 'a' },
      'step.stream: expected one of "stdout", "stderr", got "stdlog"',
    ],
  ])('a recorded chunk with %s is refused', ([, chunk, message]) => {
    const writer = createTraceWriter({ kind: 'recording' });
    writer.header();
    expect(() => writer.step({ ...output, ...chunk } as RecordedStep)).toThrow(
      expect.objectContaining({ message }),
    );
  });

  test('a recorded entry whose time a reader would refuse is refused and not written', async () => {
    const writer = createTraceWriter({ kind: 'recording' });
    const lines = [writer.header(), writer.step({ ...call, at: 6 })];
    for (const [at, message] of [
      [5.999, 'at: expected a number ≥ 6, as the line before has it, got 5.999'],
      [6.00001, 'at: expected whole microseconds, got 6.00001'],
    ] as const) {
      expect(() => writer.step({ ...call, at })).toThrow(
        expect.objectContaining({ message: `step.${message}` }),
      );
      expect(() => writer.event({ ...abort, at })).toThrow(
        expect.objectContaining({ message: `event.${message}` }),
      );
    }
    lines.push(writer.event({ ...abort, at: 6 }), writer.event({ ...abort, at: 6.001 }), writer.end());
    expect((await readRecording(lines)).entries.map(({ at }) => at)).toEqual([6, 6, 6.001]);
    expect(() =>
      text(
        recordingLines({
          entries: [
            { ...abort, at: 6 },
            { ...abort, at: 5 },
          ],
        }),
      ),
    ).toThrow(expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT' }));
  });

  test('lines are refused before the header and after the end', () => {
    const writer = createTraceWriter({ kind: 'simulation' });
    const early = 'abort: expected lines between header and end, got it when the file was new';
    expect(() => writer.event(abort)).toThrow(expect.objectContaining({ message: early }));
    writer.header();
    writer.end();
    const late = 'end: expected lines between header and end, got it when the file was ended';
    expect(() => writer.end()).toThrow(expect.objectContaining({ message: late }));
  });

  test('a header without a kind and one with unknown fields are refused', () => {
    expect(() => createTraceWriter({ kind: 'story' as 'decisions' })).toThrow(
      expect.objectContaining({
        message: 'header.kind: expected one of simulation, decisions, recording, got "story"',
      }),
    );
    const header = { kind: 'simulation', startedAt: '2024' } as unknown as { kind: 'simulation' };
    expect(() => createTraceWriter(header).header()).toThrow(
      expect.objectContaining({
        message:
          'header: expected only the fields format, version, kind, scenario, seed, writtenBy, meta, got a field "startedAt"',
      }),
    );
  });

  test('request data that JSON cannot represent is refused', () => {
    const cycle: { [key: string]: unknown } = {};
    cycle['self'] = cycle;
    const writer = createTraceWriter({ kind: 'recording' });
    writer.header();
    expect(() => writer.step({ ...call, command: { argv: [], executeRequest: cycle as never } })).toThrow(
      expect.objectContaining({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: 'expected data that JSON can hold, got an object',
      }),
    );
  });
});
