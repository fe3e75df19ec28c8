import { execFile } from 'node:child_process';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CorpusFolder } from '../../../src/host/corpus/corpus-folder.ts';
import { CUT_OFF_KEY } from '../../../src/explore/failure-key.ts';
import { readKeptFile } from '../../../src/host/trace-file.ts';
import type { Decision } from '../../../src/kernel/decisions.ts';
import { failingWith } from '../../explore/failing-executions.ts';
import { choice } from '../../questions.ts';

let dir = '';
let folders = 0;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dryrunner-corpus-'));
});

afterAll(() => rm(dir, { recursive: true }));

function open(
  root: string = join(dir, String((folders += 1))),
  reference = './mine.js#mine',
): {
  corpus: CorpusFolder;
  troubles: string[];
  root: string;
} {
  const troubles: string[] = [];
  const onTrouble = (text: string): void => void troubles.push(text);
  return { corpus: new CorpusFolder({ root, scenario: 'mine', reference, onTrouble }), troubles, root };
}

const log = (answer: number): Decision[] => [{ question: choice('which'), n: 1_000, answer }];
const broken = failingWith({ decisions: log(7) });

test('a process that is killed while it keeps a log leaves the one before, and nothing that is loaded or stays', async () => {
  const { corpus, root } = open();
  await corpus.keep(broken);
  const kept = await corpus.load();
  const path = join(root, 'mine', kept[0]?.id ?? '');
  const program = `
import { replaceTraceFile } from ${JSON.stringify(new URL('../../../src/host/trace-file.ts', import.meta.url).href)};
function* lines() {
  for (let n = 0; n < 100_000; n += 1) yield 'half a log '.repeat(9) + '\\n';
  process.kill(process.pid, 'SIGKILL');
}
await replaceTraceFile(process.argv[1], lines());`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', program, path];
  await expect(promisify(execFile)(process.execPath, args)).rejects.toMatchObject({ signal: 'SIGKILL' });
  const left = (await readdir(join(root, 'mine'))).filter((name) => name.endsWith('.partial'));
  expect(left).toHaveLength(1);
  const { corpus: again, troubles } = open(root);
  expect(await again.load()).toEqual(kept);
  await again.keep({ ...broken, decisions: log(1) });
  expect(await readdir(join(root, 'mine'))).toEqual([kept[0]?.id]);
  expect(troubles).toEqual([]);
});

test('what is kept is there for the next campaign, failures before seeds', async () => {
  const { corpus, root, troubles } = open();
  expect(await corpus.load()).toEqual([]);
  await corpus.keepSeeds([log(1)]);
  await corpus.keep(broken);
  const entries = await open(root).corpus.load();
  expect(entries).toMatchObject([{ key: 'check broken', decisions: log(7) }, { decisions: log(1) }]);
  expect(entries[1]).not.toHaveProperty('key');
  expect(troubles).toEqual([]);
});

test('one failure is one file: a smaller log replaces the first', async () => {
  const { corpus, root } = open();
  const first = await corpus.keep({ ...broken, decisions: log(7) });
  const second = await corpus.keep({ ...broken, decisions: log(1) });
  expect(second).toBe(first);
  expect((await corpus.load()).map(({ decisions }) => decisions)).toEqual([log(1)]);
  await corpus.keep({ ...broken, key: 'check otherwise', message: 'otherwise', decisions: log(2) });
  expect(await readdir(join(root, 'mine'))).toHaveLength(2);
});

test('a project finds its own logs, and those that no project has marked', async () => {
  const { root } = open();
  const of = (project?: string): CorpusFolder => {
    const reference = './mine.js#mine';
    return new CorpusFolder({ root, scenario: 'mine', reference, project, onTrouble: () => undefined });
  };
  await of().keep({ ...broken, decisions: log(1) });
  await of('node').keep({ ...broken, decisions: log(2) });
  await of('edge').keep({ ...broken, decisions: log(3) });
  const answersOf = async (project?: string): Promise<number[]> =>
    (await of(project).load())
      .flatMap(({ decisions }) => decisions.map(({ answer }) => answer))
      .sort((one, other) => one - other);
  expect(await answersOf('node')).toEqual([1, 2]);
  expect(await answersOf('edge')).toEqual([1, 3]);
  expect(await answersOf()).toEqual([1]);
});

test.for(['fixed', 'changed'] as const)('what is %s is set aside and not tried again', async (why) => {
  const { corpus, root, troubles } = open();
  await corpus.keep(broken);
  const [entry] = await corpus.load();
  await corpus.retire(entry?.id ?? '', why);
  expect(await corpus.load()).toEqual([]);
  expect(await readdir(join(root, 'mine', why))).toEqual([entry?.id]);
  expect(troubles).toEqual([]);
});

test('the number of seeds stays within its limit: the oldest make room', async () => {
  const { corpus, root } = open();
  await corpus.keepSeeds(Array.from({ length: 60 }, (_, at) => log(at)));
  const folder = join(root, 'mine', 'seeds');
  for (const name of await readdir(folder)) await utimes(join(folder, name), 1_000, 1_000);
  await corpus.keepSeeds(Array.from({ length: 10 }, (_, at) => log(100 + at)));
  const answers = (await corpus.load()).map(({ decisions }) => decisions[0]?.answer ?? 0);
  expect(answers).toHaveLength(64);
  expect(answers.filter((answer) => answer >= 100)).toHaveLength(10);
});

test('a log of another file whose scenario has the same name is left alone', async () => {
  const { corpus, root } = open();
  await corpus.keep(broken);
  const { corpus: elsewhere, troubles } = open(root, './other.js#mine');
  expect(await elsewhere.load()).toEqual([]);
  const { corpus: same, troubles: troublesOfSame } = open(root, 'mine.js#mine');
  expect(await same.load()).toHaveLength(1);
  await elsewhere.keep({ ...broken, decisions: log(8) });
  expect(await same.load()).toMatchObject([{ decisions: log(7) }]);
  expect(await elsewhere.load()).toMatchObject([{ decisions: log(8) }]);
  expect([...troubles, ...troublesOfSame]).toEqual([]);
});

test('scenarios of one name in two files have room each, also for the same logs', async () => {
  const { corpus, root, troubles } = open();
  const { corpus: other, troubles: troublesOfOther } = open(root, './other.js#mine');
  const many = (from: number, count: number): Decision[][] =>
    Array.from({ length: count }, (_, at) => log(from + at));
  await corpus.keepSeeds(many(0, 64));
  await other.keepSeeds(many(1, 64));
  const answersOf = async (of: CorpusFolder): Promise<number[]> =>
    (await of.load()).map(({ decisions }) => decisions[0]?.answer ?? -1).sort((one, next) => one - next);
  expect(await answersOf(corpus)).toEqual(many(0, 64).map(([decision]) => decision?.answer));
  expect(await answersOf(other)).toEqual(many(1, 64).map(([decision]) => decision?.answer));
  const cutOff = failingWith({ key: CUT_OFF_KEY });
  const paths: (string | undefined)[] = [];
  for (const one of [corpus, other]) {
    for (const decisions of many(0, 16)) paths.push(await one.keep({ ...cutOff, decisions }));
  }
  expect(new Set(paths)).toEqual(
    new Set(
      (await readdir(join(root, 'mine', 'cut-off'))).map((name) => join(root, 'mine', 'cut-off', name)),
    ),
  );
  expect(paths).toHaveLength(32);
  expect([...troubles, ...troublesOfOther]).toEqual([]);
});

test('seeds whose names do not say whose they are are read once, and make room first', async () => {
  const { corpus, root } = open();
  const folder = join(root, 'mine', 'seeds');
  await corpus.keepSeeds([log(0), log(1), log(2)]);
  for (const name of await readdir(folder)) {
    const path = join(folder, name.replace(/^[0-9a-f]+-/, ''));
    await rename(join(folder, name), path);
    await utimes(path, 1_000, 1_000);
  }
  const answers = async (): Promise<number[]> =>
    (await corpus.load())
      .map(({ decisions }) => decisions[0]?.answer ?? -1)
      .sort((one, other) => one - other);
  expect(await answers()).toEqual([0, 1, 2]);
  await corpus.keepSeeds([log(1)]);
  expect(await answers()).toEqual([0, 1, 2]);
  expect(await open(root, './other.js#mine').corpus.load()).toEqual([]);
  await corpus.keepSeeds(Array.from({ length: 64 }, (_, at) => log(100 + at)));
  expect((await answers()).filter((answer) => answer < 100)).toEqual([]);
});

test('a damaged file is reported and skipped, the others are read', async () => {
  const { corpus, root, troubles } = open();
  await corpus.keep(broken);
  await writeFile(join(root, 'mine', '00.jsonl'), '{"format":"dryrunner","version":1,"kind":"decisions"}\n');
  expect(await corpus.load()).toMatchObject([{ key: 'check broken' }]);
  expect(troubles).toEqual([expect.stringMatching(/00\.jsonl is left out: line /)]);
});

test('a file that unpacks to more than the limit is read only up to the limit', async () => {
  const path = join(dir, 'bomb');
  await writeFile(path, gzipSync(Buffer.alloc(5_000_000, 'line\n')));
  let bytes = 0;
  const read = async (): Promise<void> => {
    for await (const chunk of readKeptFile(path, 1_000_000)) bytes += chunk.length;
  };
  await expect(read()).rejects.toMatchObject({ message: `${path} has more than 1,000,000 bytes` });
  expect(bytes).toBeLessThanOrEqual(1_000_000);
});

test('of more files than a campaign keeps, the first are taken', async () => {
  const { corpus, root, troubles } = open();
  await corpus.keep(broken);
  const folder = join(root, 'mine');
  await Promise.all(
    Array.from({ length: 10_000 }, (_, at) => symlink('nowhere', join(folder, `z${at}.jsonl`))),
  );
  expect(await corpus.load()).toHaveLength(1);
  expect(troubles[0]).toBe(`${folder} has 10,001 files; those after the first 10,000 are left out`);
});

test('a folder that cannot be written is reported once, and only what was to be kept is lost', async () => {
  await writeFile(join(dir, 'a-file'), '');
  const { corpus, troubles } = open(join(dir, 'a-file'));
  expect(await corpus.keep(broken)).toBeUndefined();
  expect(await corpus.keep(broken)).toBeUndefined();
  await corpus.keepSeeds([log(1)]);
  await corpus.retire('x.jsonl', 'fixed');
  expect(troubles.filter((text) => text.startsWith('not kept: '))).toHaveLength(1);
});

test('a problem with one file costs only that file', async () => {
  const { corpus, root, troubles } = open();
  const path = (await corpus.keep(broken)) ?? '';
  await rm(path);
  await mkdir(path);
  expect(await corpus.keep(broken)).toBeUndefined();
  // Another campaign with the same corpus has put it aside already.
  await corpus.retire('gone.jsonl', 'fixed');
  expect(troubles).toEqual([expect.stringMatching(/^not kept: .*EISDIR/)]);
  expect(await corpus.keep({ ...broken, key: 'check other' })).toContain(join(root, 'mine'));
});

test('a link or a pipe in place of a file is replaced, not followed or waited for', async () => {
  const { corpus } = open();
  const path = (await corpus.keep(broken)) ?? '';
  await writeFile(join(dir, 'precious'), 'mine');
  await rm(path);
  await symlink(join(dir, 'precious'), path);
  expect(await corpus.keep(broken)).toBe(path);
  expect(await readFile(join(dir, 'precious'), 'utf8')).toBe('mine');
  await rm(path);
  await promisify(execFile)('mkfifo', [path]);
  expect(await corpus.keep(broken)).toBe(path);
  expect((await corpus.load()).map(({ decisions }) => decisions)).toEqual([log(7)]);
});

test('a log kept for its reach has no failure that could be fixed, whatever its file says', async () => {
  const { corpus, root } = open();
  await corpus.keepSeeds([log(1)]);
  const path = (await corpus.keep(broken)) ?? '';
  await rename(path, join(root, 'mine', 'seeds', 'moved.jsonl'));
  const entries = await corpus.load();
  expect(entries).toHaveLength(2);
  for (const entry of entries) expect(entry).not.toHaveProperty('key');
});

test('seeds make room beside entries that are not files', async () => {
  const { corpus, root, troubles } = open();
  const folder = join(root, 'mine', 'seeds');
  await mkdir(join(folder, 'dir.jsonl'), { recursive: true });
  await symlink(join(folder, 'nowhere'), join(folder, 'dangling.jsonl'));
  await corpus.keepSeeds(Array.from({ length: 70 }, (_, at) => log(at)));
  expect(await readdir(folder)).toHaveLength(66);
  expect(troubles).toEqual([]);
});

test.skipIf(process.getuid?.() === 0)(
  'a folder that cannot be read is reported, because root reads all',
  async () => {
    const { corpus, root, troubles } = open();
    await mkdir(join(root, 'mine'), { recursive: true });
    await chmod(join(root, 'mine'), 0);
    expect(await corpus.load()).toEqual([]);
    expect(troubles[0]).toContain('cannot be read');
    await chmod(join(root, 'mine'), 0o700);
  },
);

test('a log of an execution that was cut off is written once, and again if it has been removed', async () => {
  const { corpus, troubles } = open();
  const cutOff = failingWith({ key: CUT_OFF_KEY, decisions: log(3) });
  const path = (await corpus.keep(cutOff)) ?? '';
  const { ino } = await stat(path);
  expect(await corpus.keep({ ...cutOff, decisions: log(3) })).toBe(path);
  expect((await stat(path)).ino).toBe(ino);
  await rm(path);
  expect(await corpus.keep(cutOff)).toBe(path);
  expect(await readFile(path, 'utf8')).toContain('"which"');
  expect(troubles).toEqual([]);
});
