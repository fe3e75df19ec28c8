import { describe, expect, test } from 'vitest';
import { decisionLogLines, readDecisionLog } from '../../src/trace/decision-log-file.ts';
import type { TextSource } from '../../src/trace/line-reader.ts';
import { readRecording } from '../../src/trace/recording/recording-file.ts';
import { readSimulation } from '../../src/trace/simulation-file.ts';
import { openTrace } from '../../src/trace/trace-reader.ts';
import {
  readWhole as read,
  sampleEvents as events,
  sampleRecording as recording,
  sampleSimulation as simulation,
  sampleStatus as status,
  simulationHeader as header,
} from './sample-files.ts';
import { choice } from '../questions.ts';

const MEBIBYTE = 1024 * 1024;
const changed =
  '(the file was changed after it was written; if that was on purpose, only code can read it, with isEdited: true)';

describe('openTrace', () => {
  test.for<[string, TextSource, string, string]>([
    [
      'an empty file',
      '',
      'empty',
      'line 1: expected a first line with format, version and kind, got nothing',
    ],
    [
      'a file of blanks',
      ' \r\n',
      'empty',
      'line 1: expected a first line with format, version and kind, got nothing',
    ],
    ['plain text', 'hello\n', 'foreign', 'line 1: expected a file of format "dryrunner", got "hello"'],
    ['other JSON', '[1]\n', 'foreign', 'line 1: expected a file of format "dryrunner", got "[1]"'],
    [
      'another format',
      '{"format":"x"}\n',
      'foreign',
      'line 1: expected a file of format "dryrunner", got "{\\"format\\":\\"x\\"}"',
    ],
    ['gzip', Uint8Array.of(0x1f, 0x8b, 8, 0, 10), 'foreign', 'line 1: expected UTF-8 text, got other bytes'],
    [
      'a newer version',
      '{"format":"dryrunner","version":7,"kind":"saga"}\n',
      'too-new',
      'line 1: expected a version up to 2, which is what this version of dryrunner reads, got version 7',
    ],
    [
      'a recording of version 1',
      '{"format":"dryrunner","version":1,"kind":"recording"}\n',
      'too-old',
      'line 1: expected a recording of version 2, got version 1 (older ones do not hold what an exact replay needs; record the command again)',
    ],
    [
      'a decision log of version 1',
      '{"format":"dryrunner","version":1,"kind":"decisions"}\n',
      'too-old',
      'line 1: expected a decision log of version 2, got version 1 (older ones have questions as texts only; run dryrunner explore again to find the failure anew)',
    ],
    [
      'a simulation of version 1',
      '{"format":"dryrunner","version":1,"kind":"simulation"}\n',
      'too-old',
      'line 1: expected a simulation of version 2, got version 1 (older ones have questions as texts only; run the scenario again with --trace)',
    ],
    [
      'a simulation of version 3',
      '{"format":"dryrunner","version":3,"kind":"simulation"}\n',
      'too-new',
      'line 1: expected a version up to 2, which is what this version of dryrunner reads, got version 3',
    ],
    [
      'version 0',
      '{"format":"dryrunner","version":0}\n',
      'corrupted',
      'line 1: expected version: an integer ≥ 1, got 0',
    ],
    [
      'version 1.5',
      '{"format":"dryrunner","version":1.5}\n',
      'corrupted',
      'line 1: expected version: an integer ≥ 1, got 1.5',
    ],
    [
      'no version',
      '{"format":"dryrunner"}\n',
      'corrupted',
      'line 1: expected version: an integer ≥ 1, got undefined',
    ],
    [
      'an unknown kind',
      '{"format":"dryrunner","version":1,"kind":"saga"}\n',
      'corrupted',
      'line 1: expected kind: one of simulation, decisions, recording, got "saga"',
    ],
    [
      'a number as seed',
      `${header.slice(0, -1)},"seed":4}\n`,
      'corrupted',
      'line 1: expected seed: a string, got 4',
    ],
    [
      'a header alone',
      `${header}\n`,
      'truncated',
      'line 2: expected a last line of type "end", got the end of the file',
    ],
    [
      'half a header',
      header.slice(0, 30),
      'truncated',
      'line 1: expected a whole line, got "{\\"format\\":\\"dryrunner\\",\\"version"',
    ],
    [
      'a header cut off within a character',
      Buffer.from(`${header.slice(0, -1)},"writtenBy":"ü`).subarray(0, -1),
      'truncated',
      'line 1: expected UTF-8 text, got other bytes',
    ],
    [
      'a header with bytes that are no text',
      Buffer.concat([Buffer.from(header.slice(0, -1)), Buffer.of(0xff, 0x0a)]),
      'corrupted',
      'line 1: expected UTF-8 text, got other bytes',
    ],
    [
      'a header with a quote missing',
      '{"format":"dryrunner","version":2,"kind:"recording"}\n',
      'corrupted',
      'line 1: expected a JSON object, got "{\\"format\\":\\"dryrunner\\",\\"version\\":2,\\"kind:\\"recording\\"}"',
    ],
    ['half a beginning', '{"form', 'truncated', 'line 1: expected a whole line, got "{\\"form"'],
    ['a blank line', `${header}\n\n`, 'corrupted', 'line 2: expected a JSON object, got ""'],
    ['a number', `${header}\n5\n`, 'corrupted', 'line 2: expected a JSON object, got "5"'],
    ['a list', `${header}\n[]\n`, 'corrupted', 'line 2: expected a JSON object, got "[]"'],
    [
      'an unknown event',
      `${header}\n{"type":"gone"}\n`,
      'corrupted',
      'line 2: expected a type of line that a simulation has (decision, accepted, rejected, status, dropped, evicted, service, abort, released, phase, acquired, freed, abandoned, recorded, wrote, metric, fault, message, disk, node, note, end), got "gone"',
    ],
    [
      'no type',
      `${header}\n{"at":0}\n`,
      'corrupted',
      'line 2: expected a type of line that a simulation has (decision, accepted, rejected, status, dropped, evicted, service, abort, released, phase, acquired, freed, abandoned, recorded, wrote, metric, fault, message, disk, node, note, end), got undefined',
    ],
    [
      'a timeout that microseconds cannot count',
      `${header}\n{"at":0,"type":"accepted","runner":"r","runId":"0","command":{"argv":[],"timeoutMs":1e300}}\n`,
      'corrupted',
      'line 2: expected command.timeoutMs: a finite number from -3155760000000 to 3155760000000, got 1e+300',
    ],
    [
      'an inherited type',
      `${header}\n{"type":"toString"}\n`,
      'corrupted',
      expect.stringContaining('got "toString"') as string,
    ],
    [
      'a hidden prototype',
      `${header}\n{"at":0,"type":"released","runner":"","__proto__":{}}\n`,
      'corrupted',
      'line 2: expected only the fields at, type, runner, got a field "__proto__"',
    ],
    [
      'a run in a simulation',
      `${header}\n{"type":"run"}\n`,
      'corrupted',
      expect.stringContaining('got "run"') as string,
    ],
    [
      'an unknown state',
      `${header}\n${JSON.stringify({ type: 'status', at: 0, runner: '', status: { ...status, state: 'DONE' } })}\n`,
      'corrupted',
      'line 2: expected status.state: one of "UNKNOWN", "PENDING", "RUNNING", "COMPLETE", "FAILED", "ABORTED", "TIMEDOUT", got "DONE"',
    ],
    [
      'a text as exit code',
      `${header}\n${JSON.stringify({ type: 'status', at: 0, runner: '', status: { ...status, exitCode: '3' } })}\n`,
      'corrupted',
      'line 2: expected status.exitCode: an integer, got "3"',
    ],
    [
      'an exit code beyond what is exact',
      `${header}\n${JSON.stringify({ type: 'status', at: 0, runner: '', status: { ...status, exitCode: 2 ** 53 } })}\n`,
      'corrupted',
      'line 2: expected status.exitCode: an integer from -9007199254740991 to 9007199254740991, got 9007199254740992',
    ],
    [
      'a negative time',
      `${header}\n{"at":-1,"type":"released","runner":""}\n`,
      'corrupted',
      'line 2: expected at: a finite number from 0 to 3155760000000, got -1',
    ],
    [
      'a time of 2^53 ms',
      `${header}\n{"at":9007199254740992,"type":"released","runner":""}\n`,
      'corrupted',
      'line 2: expected at: a finite number from 0 to 3155760000000, got 9007199254740992',
    ],
    [
      'a fraction of a byte',
      `${header}\n{"at":0,"type":"wrote","runner":"","runId":"","output":"","bytes":0.5,"digest":""}\n`,
      'corrupted',
      'line 2: expected bytes: an integer ≥ 0, got 0.5',
    ],
    [
      'an argument that is none',
      `${header}\n{"at":0,"type":"accepted","runner":"","runId":"","command":{"argv":["a",null]}}\n`,
      'corrupted',
      'line 2: expected command.argv[1]: a string, got null',
    ],
    [
      'an environment of numbers',
      `${header}\n{"at":0,"type":"accepted","runner":"","runId":"","command":{"argv":[],"envVars":{"A":1}}}\n`,
      'corrupted',
      'line 2: expected command.envVars.A: a string, got 1',
    ],
    [
      'a list as environment',
      `${header}\n{"at":0,"type":"accepted","runner":"","runId":"","command":{"argv":[],"envVars":[]}}\n`,
      'corrupted',
      'line 2: expected command.envVars: an object, got an array of 0',
    ],
    [
      'a text as argv',
      `${header}\n{"at":0,"type":"accepted","runner":"","runId":"","command":{"argv":"ls"}}\n`,
      'corrupted',
      'line 2: expected command.argv: a list, got "ls"',
    ],
    [
      'a text as command',
      `${header}\n{"at":0,"type":"accepted","runner":"","runId":"","command":"ls"}\n`,
      'corrupted',
      'line 2: expected command: an object, got "ls"',
    ],
    [
      'a request that is none',
      `${header}\n{"at":0,"type":"accepted","runner":"","runId":"","command":{"argv":[],"executeRequest":[]}}\n`,
      'corrupted',
      'line 2: expected command.executeRequest: an object, got an array of 0',
    ],
    [
      'a text as truth',
      `${header}\n{"at":0,"type":"service","runner":"","service":{"initialized":"yes","isHealthy":true,"error":""}}\n`,
      'corrupted',
      'line 2: expected service.initialized: true or false, got "yes"',
    ],
    [
      'an answer too high',
      `${header}\n{"type":"decision","question":{"kind":"choice","what":""},"n":2,"answer":2}\n`,
      'corrupted',
      'line 2: expected answer: an integer below 2, got 2',
    ],
    [
      'a forced choice',
      `${header}\n{"type":"decision","question":{"kind":"choice","what":""},"n":1,"answer":0}\n`,
      'corrupted',
      'line 2: expected n: an integer ≥ 2, got 1',
    ],
    [
      'a bad digest in the footer',
      `${header}\n{"type":"end","decisions":0,"events":0,"runs":0,"sha256":"x"}\n`,
      'corrupted',
      'line 2: expected sha256: 64 lower-case hexadecimal digits, got "x"',
    ],
    [
      'wrong counts',
      simulation.replace('"events":3', '"events":4'),
      'corrupted',
      `line 6: expected events: 3, as the lines before have it, got 4 ${changed}`,
    ],
    [
      'another seed',
      simulation.replace('"seed":"42"', '"seed":"43"'),
      'corrupted',
      expect.stringMatching(
        /^line 6: expected sha256: \w{64}, as the lines before have it, got \w{64} \(the file was changed/,
      ) as string,
    ],
    [
      'another event',
      simulation.replace('"at":5.25', '"at":5.5'),
      'corrupted',
      expect.stringMatching(
        /^line 6: expected traceHash: \w{16}, as the lines before have it, got \w{16} \(the file was changed/,
      ) as string,
    ],
    [
      'no trace hash',
      simulation.replace(/,"traceHash":"\w+"/, ''),
      'corrupted',
      expect.stringMatching(
        /^line 6: expected traceHash: \w{16}, as the lines before have it, got undefined \(the file was changed/,
      ) as string,
    ],
    [
      'a trace hash without events',
      [...decisionLogLines([])].join('').replace(/"\}\n$/, '","traceHash":"0123456789abcdef"}'),
      'corrupted',
      `line 2: expected traceHash: nothing, as the lines before have it, got 0123456789abcdef ${changed}`,
    ],
    [
      'something after the end',
      `${simulation}\n{}\n`,
      'corrupted',
      'line 8: expected nothing after the line of type "end", got "{}"',
    ],
    [
      'two files in one',
      simulation + simulation,
      'corrupted',
      expect.stringMatching(/^line 7: expected nothing after/) as string,
    ],
    [
      'a long first line',
      `{"a":"${'x'.repeat(MEBIBYTE)}"}`,
      'too-long',
      'line 1: expected a line of at most 1048576 bytes, got a longer one',
    ],
  ])('refuses %s', async ([, source, problem, message]) => {
    await expect(read(source)).rejects.toMatchObject({ code: 'RUNNER_TRACE_FORMAT', problem, message });
  });

  test('a file of the wrong kind is refused, and the right kind is accepted', async () => {
    await expect(read(recording, { kind: 'simulation' })).rejects.toMatchObject({
      problem: 'wrong-kind',
      message: 'line 1: expected a file of kind simulation, got one of kind recording',
    });
    await expect(readDecisionLog(simulation)).rejects.toMatchObject({ problem: 'wrong-kind' });
    expect((await readSimulation(simulation)).events).toEqual(events);
  });

  test('a byte order mark, CRLF and blank lines at the end change nothing', async () => {
    const expected = await read(simulation);
    expect(await read(`\ufeff${simulation}`)).toEqual(expected);
    expect(await read(simulation.replaceAll('\n', '\r\n'))).toEqual(expected);
    expect(await read(`${simulation}\n \n`)).toEqual(expected);
  });

  test('a file that was edited on purpose is read line by line, without its sums', async () => {
    for (const kept of [simulation, recording]) {
      const edited = kept.replace(/"sha256":"\w/, '"sha256":"').replace(/"sha256":"/, '"sha256":"0');
      const whole = await read(kept);
      if (edited !== kept) await expect(read(edited)).rejects.toMatchObject({ problem: 'corrupted' });
      expect(await read(edited, { isEdited: true })).toEqual(whole);
    }
    await expect(read(simulation.replace('"at":5.25', '"at":"5"'), { isEdited: true })).rejects.toMatchObject(
      { problem: 'corrupted', line: 4 },
    );
    await expect(read(recording.replace('"events":', '"events":1'))).rejects.toMatchObject({
      message: expect.stringContaining('play it with replay --edited') as string,
    });
  });

  test.for(['at', 'afterMs'])(
    'R-9 a recording whose output has an `%s` of 2^53 ms is refused, with and without its sums',
    async (field) => {
      const source = recording.replace(`"${field}":0.5`, `"${field}":${2 ** 53}`);
      expect(source).not.toBe(recording);
      for (const isEdited of [false, true]) {
        await expect(readRecording(source, { isEdited })).rejects.toMatchObject({
          problem: 'corrupted',
          message: `line 4: expected ${field}: a finite number from 0 to 3155760000000, got 9007199254740992`,
        });
      }
    },
  );

  test('the longest line but the first can be set, and a wrong bound is refused', async () => {
    const longest = Math.max(...simulation.split('\n').map((line) => Buffer.byteLength(line)));
    await read(simulation, { maxLineBytes: longest });
    await expect(read(simulation, { maxLineBytes: longest - 1 })).rejects.toMatchObject({
      problem: 'too-long',
      message: expect.stringContaining(`at most ${longest - 1} bytes (maxLineBytes), got`) as string,
    });
    await expect(
      read(`{"a":"${'x'.repeat(MEBIBYTE)}"}`, { maxLineBytes: 2 * MEBIBYTE }),
    ).rejects.toMatchObject({ problem: 'too-long', message: expect.stringContaining('1048576 bytes, got') });
    for (const maxLineBytes of [0, -1, 1.5, Number.NaN, '9' as unknown as number]) {
      await expect(read(simulation, { maxLineBytes })).rejects.toMatchObject({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: expect.stringMatching(/^maxLineBytes: expected an integer ≥ 1, got /),
      });
    }
  });

  test('data nested too deeply to be walked is refused', async () => {
    const depth = 200_000;
    const nested = `${'['.repeat(depth)}${']'.repeat(depth)}`;
    const event = `{"at":0,"type":"accepted","runner":"","runId":"","command":{"argv":[],"executeRequest":{"a":${nested}}}}`;
    await expect(read(`${header}\n${event}\n`)).rejects.toMatchObject({
      problem: 'corrupted',
      line: 2,
      expected: expect.stringMatching(/^(data that is not nested too deeply|a JSON object)$/),
    });
  });
});

describe('an open trace', () => {
  const closing = (text: string): { source: Iterable<string>; log: string[] } => {
    const log: string[] = [];
    function* source(): Generator<string> {
      try {
        for (const line of text.split(/(?<=\n)/)) {
          log.push('line');
          yield line;
        }
      } finally {
        log.push('closed');
      }
    }
    return { source: source(), log };
  };

  test('reads no further than its header until asked, and closes its source when closed', async () => {
    const { source, log } = closing(simulation);
    const trace = await openTrace(source);
    expect(trace.header).toEqual({ kind: 'simulation', seed: '42' });
    expect(log).toEqual(['line']);
    await trace.close();
    expect(log).toEqual(['line', 'closed']);
    expect(trace.footer).toBeUndefined();
  });

  test('closes its source when the loop is left, and when the header is wrong', async () => {
    const left = closing(simulation);
    for await (const entry of await openTrace(left.source)) {
      expect(entry).toEqual({ type: 'decision', decision: { question: choice('order'), n: 2, answer: 1 } });
      break;
    }
    expect(left.log).toEqual(['line', 'line', 'closed']);
    const wrong = closing(simulation);
    await expect(openTrace(wrong.source, { kind: 'recording' })).rejects.toThrow();
    expect(wrong.log).toEqual(['line', 'closed']);
  });

  test('is read once', async () => {
    const trace = await openTrace(simulation);
    for await (const entry of trace) expect(entry).toBeDefined();
    await expect(trace[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
      message: 'trace: expected to be read once, got "a second reading"',
    });
  });

  test('a stream of any length is read in the memory of one line', async () => {
    let given = 0;
    async function* endless(): AsyncGenerator<string> {
      yield Promise.resolve(`${header}\n`);
      for (; given < 20_000; given++) yield '{"at":0,"type":"note","runner":"","text":"x"}\n';
    }
    let seen = 0;
    const reading = (async (): Promise<void> => {
      for await (const entry of await openTrace(endless())) {
        seen += entry.type === 'event' ? 1 : 0;
        expect(given - seen).toBeLessThanOrEqual(1);
      }
    })();
    await expect(reading).rejects.toMatchObject({ problem: 'truncated', line: 20_002 });
    expect(seen).toBe(20_000);
  });
});
