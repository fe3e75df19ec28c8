import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  statSync,
  writeFileSync,
  mkdirSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { ownName } from '../../src/host/own-name.ts';
import { plainPathOf, readTraceFile, replaceTraceFile, writeTraceFile } from '../../src/host/trace-file.ts';
import { readSimulation, simulationLines } from '../../src/trace/simulation-file.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { openTrace } from '../../src/trace/trace-reader.ts';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trace-file-'));
  path = join(dir, 'run.jsonl');
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true, force: true });
});

const openFiles = (): number => readdirSync('/proc/self/fd').length;

async function contentOf(file: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readTraceFile(file)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function* events(count: number): Generator<TraceEvent> {
  for (let at = 0; at < count; at++) yield { type: 'note', at, runner: 'worker', text: 'x'.repeat(50) };
}

describe('writeTraceFile and readTraceFile', () => {
  test('a link to what is not there yet leads to the file that is made, and stays a link', async () => {
    mkdirSync(join(dir, 'real'));
    symlinkSync('real', join(dir, 'folder'));
    symlinkSync('../real/trace', join(dir, 'real', 'second'));
    const link = join(dir, 'first');
    symlinkSync('folder/second', link);
    const target = join(dir, 'real', 'trace');
    expect(await plainPathOf(link)).toBe(await plainPathOf(target));
    await writeTraceFile(link, ['through the link\n']);
    expect(readFileSync(target, 'utf8')).toBe('through the link\n');
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    symlinkSync('round', join(dir, 'round'));
    await expect(writeTraceFile(join(dir, 'round'), ['x'])).resolves.toBe(1);
  });

  test('R209 a trace written to disk reads back as the same bytes and the same events', async () => {
    const lines = [...simulationLines({ decisions: [], events: events(5000) }, { seed: '1' })];
    const bytes = await writeTraceFile(path, lines);
    expect(readFileSync(path, 'utf8')).toBe(lines.join(''));
    expect(bytes).toBe(Buffer.byteLength(lines.join('')));
    expect(bytes).toBeGreaterThan(256 * 1024);
    const file = await readSimulation(readTraceFile(path));
    expect(file.events).toEqual([...events(5000)]);
    expect(readdirSync(dir)).toEqual(['run.jsonl']);
  });

  test('two concurrent writers of one path each write a whole file, and the last to end wins', async () => {
    const started = new Set<string>();
    let bothStarted = (): void => undefined;
    const both = new Promise<void>((resolve) => {
      bothStarted = resolve;
    });
    async function* linesOf(name: string, after: Promise<unknown>): AsyncGenerator<string> {
      yield `${name} begins\n`.repeat(10_000);
      started.add(name);
      if (started.size === 2) bothStarted();
      await both;
      await after;
      yield `${name} ends\n`;
    }
    const first = writeTraceFile(path, linesOf('first', Promise.resolve()));
    const last = writeTraceFile(path, linesOf('last', first));
    await Promise.all([first, last]);
    expect(readFileSync(path, 'utf8')).toBe(`${'last begins\n'.repeat(10_000)}last ends\n`);
    expect(readdirSync(dir)).toEqual(['run.jsonl']);
  });

  test('a file that is replaced keeps its mode, and a new one gets the usual mode', async () => {
    await writeTraceFile(path, ['1']);
    const usual = statSync(path).mode & 0o777;
    for (const mode of [0o600, 0o666, 0o440]) {
      chmodSync(path, mode);
      await writeTraceFile(path, ['2']);
      expect(statSync(path).mode & 0o777).toBe(mode);
      await replaceTraceFile(path, ['3']);
      expect(statSync(path).mode & 0o777).toBe(mode);
    }
    const link = join(dir, 'link');
    symlinkSync(path, link);
    await replaceTraceFile(link, ['4']);
    expect([lstatSync(link).isFile(), statSync(link).mode & 0o777]).toEqual([true, usual]);
  });

  test('an empty list of lines makes an empty file, which reads as no bytes', async () => {
    expect(await writeTraceFile(path, [])).toBe(0);
    expect(await contentOf(path)).toBe('');
  });

  test('gzip is unpacked whatever the file is called', async () => {
    const text = 'ü line\n'.repeat(100_000);
    writeFileSync(path, gzipSync(text));
    expect(await contentOf(path)).toBe(text);
  });

  test.for([
    ['gzip', gzipSync('a line\n')],
    ['text', Buffer.from('a line\n')],
    ['a text of one byte, with which gzip begins', Buffer.of(0x1f)],
  ] as const)('%s is read as such also if it comes byte by byte, as from a pipe', async ([, bytes]) => {
    writeFileSync(path, bytes);
    const file = await open(path);
    const handles = Object.getPrototypeOf(file) as { read(...given: unknown[]): Promise<unknown> };
    await file.close();
    const { read } = handles;
    let reads = 0;
    handles.read = function (buffer, offset, _length, position) {
      reads += 1;
      return Reflect.apply(read, this, [buffer, offset, 1, position]);
    };
    onTestFinished(() => {
      handles.read = read;
    });
    expect(await contentOf(path)).toBe(bytes.length === 1 ? '\u001f' : 'a line\n');
    expect(reads).toBe(bytes.length + 1);
  });

  test.for([
    ['cut off', (packed: Buffer): Buffer => packed.subarray(0, packed.length / 2)],
    ['corrupted', (packed: Buffer): Buffer => Buffer.concat([packed.subarray(0, 10), packed.subarray(12)])],
  ] as const)('gzip that is %s is refused', async ([, damage]) => {
    writeFileSync(path, damage(gzipSync('abc'.repeat(5000))));
    await expect(contentOf(path)).rejects.toMatchObject({
      code: 'RUNNER_TRACE_FORMAT',
      message: expect.stringContaining(`${path}: expected a whole gzip file, got `),
    });
  });

  test('reading all, a part, nothing, gzip or a broken file leaves no descriptor', async () => {
    const before = openFiles();
    await writeTraceFile(path, simulationLines({ decisions: [], events: events(20_000) }));
    const packed = join(dir, 'packed.gz');
    writeFileSync(packed, gzipSync(readFileSync(path)));
    for (const file of [path, packed]) {
      const trace = await openTrace(readTraceFile(file));
      for await (const entry of trace) if (entry.type === 'event' && entry.event.at === 3) break;
      await (await openTrace(readTraceFile(file))).close();
      await contentOf(file);
    }
    writeFileSync(packed, readFileSync(packed).subarray(0, 500));
    await expect(contentOf(packed)).rejects.toThrow();
    await expect(openTrace(readTraceFile(path), { kind: 'recording' })).rejects.toThrow();
    expect(openFiles()).toBe(before);
  });

  test.for<[string, () => string, RegExp]>([
    ['a missing file', () => path, /got "[^"]+\.jsonl" \(ENOENT: no such file or directory\)$/],
    [
      'a name with a line break',
      () => join(dir, 'a\nb'),
      /got "[^\n]+a\\nb" \(ENOENT: no such file or directory\)$/,
    ],
    ['a directory', () => dir, /\(EISDIR: illegal operation on a directory\)$/],
    ['no name', () => '', /^path: expected a file that can be read, got ""$/],
    ['a number', () => 7 as unknown as string, /^path: expected a file that can be read, got 7$/],
  ])('%s cannot be read', async ([, name, message]) => {
    await expect(contentOf(name())).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
      message: expect.stringMatching(message),
    });
  });

  test('a failure on the way leaves only what was there before', async () => {
    writeFileSync(path, 'before');
    const failure = new Error('no more');
    async function* failing(): AsyncGenerator<string> {
      yield Promise.resolve('x'.repeat(100_000));
      throw failure;
    }
    const before = openFiles();
    await expect(writeTraceFile(path, failing())).rejects.toBe(failure);
    expect(readFileSync(path, 'utf8')).toBe('before');
    expect(readdirSync(dir)).toEqual(['run.jsonl']);
    expect(openFiles()).toBe(before);
  });

  describe('if the disk reports only at the end that it has lost what was written', () => {
    /** The method of the next file that is written to ends with this error of the system, once it has done its work. */
    const failNext = async (method: 'sync' | 'close', text: string): Promise<void> => {
      const file = await open(dir);
      const handles = Object.getPrototypeOf(file) as typeof file;
      await file.close();
      const { writeFile } = handles;
      vi.spyOn(handles, 'writeFile').mockImplementationOnce(async function (this: typeof file, ...given) {
        await writeFile.apply(this, given);
        const work = this[method].bind(this);
        this[method] = async () => {
          await work();
          throw Object.assign(new Error(text), { code: text.slice(0, text.indexOf(':')) });
        };
      });
    };

    test.for([
      ['sync', 'EIO: i/o error, fsync'],
      ['sync', 'ENOSPC: no space left on device, fsync'],
      ['close', 'EIO: i/o error, close'],
    ] as const)(
      'an error of %s is one that says so, and what was there is kept: %s',
      async ([method, text]) => {
        writeFileSync(path, 'before');
        const before = openFiles();
        await failNext(method, text);
        await expect(replaceTraceFile(path, ['after'], { isSynced: true })).rejects.toMatchObject({
          code: 'RUNNER_OUTPUT_FAILED',
          message: `${path} cannot be written: ${text}`,
        });
        expect(readFileSync(path, 'utf8')).toBe('before');
        expect(readdirSync(dir)).toEqual(['run.jsonl']);
        expect(openFiles()).toBe(before);
      },
    );

    test('an earlier error is the one that is reported', async () => {
      const failure = new Error('no more');
      const failing = (function* (): Generator<string> {
        yield 'x'.repeat(100_000);
        throw failure;
      })();
      await failNext('close', 'EIO: i/o error, close');
      await expect(writeTraceFile(path, failing)).rejects.toBe(failure);
      expect(readdirSync(dir)).toEqual([]);
    });
  });

  test('a write removes what processes that have gone left half written, and nothing else', async () => {
    const partial = (owner: string): string => `.dryrunner-${owner}.partial`;
    const { pid } = spawnSync('true');
    const dead = ownName().replace(/^\d+-\d+/, `${pid}-1`);
    const others = [
      partial(ownName()),
      // Of another machine.
      partial(dead.replace(/-[0-9a-f]{12}-/, '-0123456789ab-')),
      partial('0123456789ab'),
      `.dryrunner-${dead}.partial.jsonl`,
      dead,
    ];
    // The other one had the pid of this process, and began at another time.
    const left = [partial(dead), partial(ownName().replace(/^(\d+)-\d+/, '$1-1'))];
    mkdirSync(join(dir, partial(`${dead}0`)));
    for (const name of [...others, ...left]) writeFileSync(join(dir, name), 'half');
    await writeTraceFile(path, ['whole\n']);
    expect(readdirSync(dir).sort()).toEqual([...others, partial(`${dead}0`), 'run.jsonl'].sort());
  });

  test.for<[string, () => string]>([
    ['in no directory', () => join(dir, 'none', 'x')],
    ['that is a directory', () => dir],
  ])('a file %s cannot be written', async ([, name]) => {
    const before = openFiles();
    await expect(writeTraceFile(name(), ['a'])).rejects.toMatchObject({
      code: 'RUNNER_OUTPUT_FAILED',
      message: expect.stringContaining(`${name()} cannot be written: `),
    });
    expect(openFiles()).toBe(before);
  });

  test('a full device is reported, and devices are written to directly', async () => {
    expect(await writeTraceFile('/dev/null', ['abc'])).toBe(3);
    await expect(writeTraceFile('/dev/full', ['abc'])).rejects.toMatchObject({
      code: 'RUNNER_OUTPUT_FAILED',
      message: expect.stringContaining('ENOSPC'),
    });
  });

  test('a link stays a link, and its file is written', async () => {
    mkdirSync(join(dir, 'real'));
    writeFileSync(join(dir, 'real', 'file'), 'old');
    symlinkSync(join(dir, 'real', 'file'), path);
    await writeTraceFile(path, ['new']);
    expect(readFileSync(join(dir, 'real', 'file'), 'utf8')).toBe('new');
    expect(
      readdirSync(dir, { withFileTypes: true })
        .find(({ name }) => name === 'run.jsonl')
        ?.isSymbolicLink(),
    ).toBe(true);
  });
});
