// `npm run silence` counts executions that have not failed: it goes on where it was stopped, and a failure names the line that repeats it.
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, describe, expect, test } from 'vitest';
import { projectRoot } from '../../scripts/module-graph.ts';
import { failureText, SilenceFile, type SilenceBatch } from '../../scripts/silence/silence-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'silence-'));
afterAll(() => rmSync(folder, { recursive: true }));

const HEADER = { seed: 'test', batch: 50, sources: 'abc' };
const batchOf = (batch: number, more: Partial<SilenceBatch> = {}): SilenceBatch => {
  return { runner: 'fake', batch, executions: 50, cpuMs: 100, missed: [], ...more };
};

describe('the file of silent executions', () => {
  test('goes on where it was, without a line that was cut off', () => {
    const path = join(folder, 'cut-off.jsonl');
    const first = new SilenceFile(path, HEADER).begin();
    first.add(batchOf(1));
    first.add(batchOf(2, { executions: 20 }));
    appendFileSync(path, '{"runner":"fake","batch":3,"exec');
    const again = new SilenceFile(path, HEADER).begin();
    expect(again.of('fake')).toMatchObject({ executions: 70, cpuMs: 200, batches: new Set([1, 2]) });
    again.add(batchOf(3));
    expect(new SilenceFile(path, HEADER).of('fake')).toMatchObject({
      executions: 120,
      batches: new Set([1, 2, 3]),
    });
    expect(new SilenceFile(path, HEADER).of('simulated')).toMatchObject({
      executions: 0,
      batches: new Set(),
    });
  });

  test('is neither begun nor changed by reading it', () => {
    const path = join(folder, 'new', 'read.jsonl');
    expect(new SilenceFile(path, HEADER).of('fake').executions).toBe(0);
    expect(existsSync(join(folder, 'new'))).toBe(false);
    new SilenceFile(path, HEADER).begin().add(batchOf(1));
    appendFileSync(path, '{"runner":"fake","batch":2,"exec');
    const before = readFileSync(path, 'utf8');
    expect(new SilenceFile(path, HEADER).of('fake').executions).toBe(50);
    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  test('has missed what no batch has reached, and keeps the first failure', () => {
    const file = new SilenceFile(join(folder, 'missed.jsonl'), HEADER).begin();
    expect(file.of('fake').missed).toBeUndefined();
    file.add(batchOf(1, { missed: ['a', 'b'] }));
    file.add(batchOf(2, { missed: ['b', 'c'] }));
    file.add(batchOf(3, { missed: [], failure: { message: 'R1 no', text: 'R1 no' } }));
    file.add(batchOf(4, { failure: { message: 'R2 no', text: 'R2 no' } }));
    expect(file.of('fake')).toMatchObject({ missed: [], failure: { message: 'R1 no' } });
  });

  test('prints a failure with the line that repeats it', () => {
    const text = 'R1 no\nTo see it again\ndryrunner replay dr2:abc.def';
    expect(failureText({ message: 'R1 no', text })).toBe(
      'R1 no\nTo see it again\nnpm run silence -- --replay dr2:abc.def',
    );
  });

  test('counts nothing for sources that have changed, unless it is begun anew', () => {
    const path = join(folder, 'sources.jsonl');
    new SilenceFile(path, HEADER).begin().add(batchOf(1));
    const changed = { ...HEADER, sources: 'abd' };
    expect(() => new SilenceFile(path, changed)).toThrow(/the sources have changed/);
    expect(() => new SilenceFile(path, { ...HEADER, seed: 'other' })).toThrow(/expected .*other.*, got/);
    expect(new SilenceFile(path, changed, true).of('fake').executions).toBe(0);
  });
});

/** What the command has printed, and its exit code; `onLine` is called with each line, a way to stop it and its pid. */
function silence(
  args: readonly string[],
  onLine: (line: string, stop: () => void, pid: number) => void = () => undefined,
): Promise<{ readonly code: number | null; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const command = ['--import', 'tsx', 'scripts/silence.ts', ...args];
    const child = spawn(process.execPath, command, { cwd: projectRoot, stdio: 'pipe' });
    let text = '';
    const keep = (chunk: Buffer): void => {
      text += chunk.toString();
      for (const line of chunk.toString().split('\n')) {
        onLine(line, () => child.kill('SIGINT'), child.pid as number);
      }
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, text }));
  });
}

describe('npm run silence', () => {
  const state = join(folder, 'fake.jsonl');
  const options = ['--only', 'fake', '--seed', 'test', '--batch', '20', '--state', state];

  test('stopped, it keeps what it has counted and goes on from there', { timeout: 300_000 }, async () => {
    const first = await silence([...options, '--runs', '100000'], (line, stop) => {
      if (line.startsWith('fake: 40 ')) stop();
    });
    expect(first.code).toBe(130);
    const [, ...lines] = readFileSync(state, 'utf8').trim().split('\n');
    const batches = lines.map((line) => JSON.parse(line) as SilenceBatch);
    const counted = batches.reduce((sum, { executions }) => sum + executions, 0);
    expect(counted).toBeGreaterThanOrEqual(40);
    const runs = counted + 25;
    const again = await silence([...options, '--runs', String(runs)]);
    expect(again.text).toContain(`fake: ${runs} of ${runs} silent`);
    // So few executions may not reach everything.
    expect([0, 1]).toContain(again.code);
  });

  test('does each batch once, however many processes work on one runner', { timeout: 300_000 }, async () => {
    const shared = join(folder, 'shared.jsonl');
    const many = ['--only', 'fake', '--seed', 'test', '--batch', '10', '--state', shared, '--runs', '90'];
    const { text } = await silence([...many, '--jobs', '3']);
    expect(text).toContain('fake: 90 of 90 silent');
    const [, ...lines] = readFileSync(shared, 'utf8').trim().split('\n');
    const batches = lines.map((line) => (JSON.parse(line) as SilenceBatch).batch);
    expect(batches.sort((one, other) => one - other)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('does a batch again that was lost with its process', { timeout: 300_000 }, async () => {
    const lost = join(folder, 'lost.jsonl');
    const some = ['--only', 'fake', '--seed', 'test', '--batch', '10', '--state', lost];
    await silence([...some, '--runs', '30']);
    const lines = readFileSync(lost, 'utf8').split('\n');
    writeFileSync(lost, lines.filter((line) => !line.includes('"batch":2')).join('\n'));
    expect((await silence([...some, '--runs', '30'])).text).toContain('fake: 30 of 30 silent');
    expect(readFileSync(lost, 'utf8')).toContain('"batch":2');
  });

  test('a process of its own that dies is named, and is no wrong usage', { timeout: 300_000 }, async () => {
    const broken = join(folder, 'broken.jsonl');
    const args = ['--only', 'fake', '--seed', 'test', '--batch', '20', '--state', broken, '--runs', '100000'];
    const { code, text } = await silence(args, (line, _stop, pid) => {
      if (!line.startsWith('fake: 40 ')) return;
      const [child] = spawnSync('pgrep', ['-P', String(pid), '-f', 'silence-process'], {
        encoding: 'utf8',
      }).stdout.split('\n');
      process.kill(Number(child), 'SIGKILL');
    });
    expect([code, text]).toEqual([
      3,
      expect.stringMatching(/^silence: the process of .* has ended \(SIGKILL\)$/m),
    ]);
  });

  test(
    'refuses a runner that there is not, and a token of something else',
    { timeout: 300_000 },
    async () => {
      expect(await silence(['--only', 'nobody'])).toMatchObject({
        code: 2,
        text: expect.stringMatching(/^silence: --only: expected some of fake, .*, got nobody/) as string,
      });
      expect(await silence(['--replay', 'dr2:nonsense'])).toMatchObject({ code: 2 });
    },
  );
});
