/**
 * The contract of a disk as a list of cases: for a disk in memory, a folder of the machine, and yours. Invariant: a
 * case is independent of test frameworks, and uses only the disk that it is given.
 */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import type { Disk } from '../../model/disk.ts';
import { checkEqual, checkRejects, checkThat } from '../check.ts';
import { noted } from './noted-part.ts';
import { notingCalls, PART_PROVE_OPTIONS, type PartProveOptions } from './part-case.ts';

/** A case about a process that dies. */
export interface DiskCrashCase {
  readonly title: string;
  /** Goes on until its process dies. Reports each state that it may rely on, after the disk has promised it. */
  readonly program: (disk: Disk, report: (line: string) => void) => Promise<never>;
  /** Checks from another process what is left on the disk, given everything that was reported. */
  readonly verify: (disk: Disk, reported: readonly string[]) => Promise<void>;
}

/** A disk under test. */
export interface DiskSubject {
  readonly name: string;
  /** Runs `body` with an empty disk; `open` mounts the disk as another process would, and may be called again. */
  use(body: (open: () => Disk) => Promise<void>): Promise<void>;
  /**
   * Runs the program in a process of its own with an empty disk, kills that process at some point, with or without the
   * power, then lets the case verify what is left. May do so as often as it likes.
   */
  crash(crashCase: DiskCrashCase): Promise<void>;
}

type DiskCaseSpec =
  { readonly title: string; readonly body: (open: () => Disk) => Promise<void> } | DiskCrashCase;

/** One case: see {@link diskCases}. */
export class DiskCase {
  readonly title: string;
  /** Set if a process dies in the case. */
  readonly crash: DiskCrashCase | undefined;
  readonly #spec: DiskCaseSpec;

  /** @internal */
  constructor(spec: DiskCaseSpec) {
    this.title = spec.title;
    this.crash = 'program' in spec ? spec : undefined;
    this.#spec = spec;
  }

  /** Rejects with a `ConformanceError`, or with any other error that the disk threw. */
  async prove(subject: DiskSubject, options: PartProveOptions = {}): Promise<void> {
    check('subject', subject, is.withMethods('use', 'crash'));
    check('options', options, PART_PROVE_OPTIONS);
    const spec = this.#spec;
    await notingCalls(options, (note) =>
      'body' in spec
        ? subject.use((open) => spec.body(() => noted(note, 'the disk', open())))
        : subject.crash(spec),
    );
  }
}

const NAMES = ['log', 'segments/1', 'segments/old/2', 'with space', '.hidden', 'ümlaut'];

const specs: readonly DiskCaseSpec[] = [
  {
    title: 'what is written is read, as bytes and as text',
    async body(open) {
      const disk = open();
      await disk.write('a', Uint8Array.of(0, 255, 7));
      checkEqual('the bytes', [...(await disk.read('a'))], [0, 255, 7]);
      await disk.write('b', 'ä€\n');
      checkEqual('the text', await disk.readText('b'), 'ä€\n');
      checkEqual('its bytes', [...(await disk.read('b'))], [195, 164, 226, 130, 172, 10]);
      await disk.write('empty', '');
      checkEqual('an empty file', (await disk.read('empty')).length, 0);
    },
  },
  {
    title: 'a write replaces, an append adds, and both make the file and its folders',
    async body(open) {
      const disk = open();
      await disk.append('logs/today/1', 'ab');
      await disk.append('logs/today/1', 'cd');
      checkEqual('after appends', await disk.readText('logs/today/1'), 'abcd');
      await disk.write('logs/today/1', 'xyz');
      checkEqual('after a write', await disk.readText('logs/today/1'), 'xyz');
      await disk.append('logs/today/1', '');
      await disk.append('logs/2', '');
      checkEqual('files', await disk.list(), ['logs/2', 'logs/today/1']);
    },
  },
  {
    title: 'operations take effect in the order of the calls, awaited or not',
    async body(open) {
      const disk = open();
      const all = Array.from({ length: 20 }, (_, i) => disk.append('log', `${i} `));
      all.push(disk.rename('log', 'old'), disk.append('log', 'new'));
      await Promise.all(all);
      checkEqual(
        'the old log',
        await disk.readText('old'),
        Array.from({ length: 20 }, (_, i) => `${i} `).join(''),
      );
      checkEqual('the new one', await disk.readText('log'), 'new');
    },
  },
  {
    title: 'another process sees what was written, synced or not',
    async body(open) {
      const disk = open();
      await disk.append('log', 'a');
      await disk.close();
      const other = open();
      checkEqual('the content', await other.readText('log'), 'a');
      await other.append('log', 'b');
      checkEqual('the content', await open().readText('log'), 'ab');
    },
  },
  {
    title: 'a list has all files of a folder and those in it, sorted, and is empty where there is none',
    async body(open) {
      const disk = open();
      checkEqual('an empty disk', await disk.list(), []);
      for (const name of NAMES) await disk.write(name, name);
      checkEqual('all', await disk.list(), [...NAMES].sort());
      checkEqual('of a folder', await disk.list('segments'), ['segments/1', 'segments/old/2']);
      checkEqual('of a folder that is not there', await disk.list('segment'), []);
      checkEqual('of a file', await disk.list('log'), []);
      for (const name of NAMES) await disk.remove(name);
      checkEqual('after all were removed', await disk.list(), []);
      checkEqual('of a folder that is empty', await disk.list('segments'), []);
    },
  },
  {
    title: 'a rename replaces its target, also in another folder; to the same name it changes nothing',
    async body(open) {
      const disk = open();
      await disk.write('tmp', 'new');
      await disk.write('state', 'old');
      await disk.rename('tmp', 'state');
      checkEqual('files', await disk.list(), ['state']);
      checkEqual('the content', await disk.readText('state'), 'new');
      await disk.rename('state', 'done/1/state');
      await disk.rename('done/1/state', 'done/1/state');
      checkEqual('files', await disk.list(), ['done/1/state']);
      await disk.sync('done/1/state');
      await disk.sync('done/1');
      await disk.sync();
      checkEqual('the content', await disk.readText('done/1/state'), 'new');
    },
  },
  {
    title: 'a missing file cannot be read, synced, renamed or removed',
    async body(open) {
      const disk = open();
      await disk.write('file', 'x');
      await disk.write('folder/file', 'y');
      for (const path of ['gone', 'file/below', 'folder', 'folder/gone']) {
        await checkRejects(`read of ${path}`, disk.read(path), 'RUNNER_DISK_NOT_FOUND');
        await checkRejects(`readText of ${path}`, disk.readText(path), 'RUNNER_DISK_NOT_FOUND');
        await checkRejects(`rename of ${path}`, disk.rename(path, 'other'), 'RUNNER_DISK_NOT_FOUND');
        await checkRejects(`remove of ${path}`, disk.remove(path), 'RUNNER_DISK_NOT_FOUND');
        if (path === 'folder') continue;
        const error = await checkRejects(`sync of ${path}`, disk.sync(path), 'RUNNER_DISK_NOT_FOUND');
        checkThat(
          error.message.includes(`sync of ${path}`),
          'the message',
          `one that names ${path}`,
          error.message,
        );
      }
      checkEqual('files', await disk.list(), ['file', 'folder/file']);
    },
  },
  {
    title: 'a file cannot be used as a folder, nor a folder with a file in it as a file',
    async body(open) {
      const disk = open();
      await disk.write('file', 'x');
      await disk.write('folder/in/file', 'y');
      for (const path of ['file/below', 'folder', 'folder/in']) {
        await checkRejects(`write to ${path}`, disk.write(path, 'z'), 'RUNNER_DISK_FAILED');
        await checkRejects(`append to ${path}`, disk.append(path, 'z'), 'RUNNER_DISK_FAILED');
        await checkRejects(`rename to ${path}`, disk.rename('file', path), 'RUNNER_DISK_FAILED');
      }
      checkEqual('files', await disk.list(), ['file', 'folder/in/file']);
      await disk.remove('folder/in/file');
      await disk.sync('folder/in');
      await disk.write('folder', 'now a file');
      checkEqual('files', await disk.list(), ['file', 'folder']);
      await disk.write('other/in/file', 'y');
      await disk.remove('other/in/file');
      await disk.rename('file', 'other');
      checkEqual('files', await disk.list(), ['folder', 'other']);
    },
  },
  {
    title: 'an invalid path or other data is refused, and nothing is done',
    async body(open) {
      const disk = open();
      const paths = [
        '',
        '/',
        '/tmp/x',
        '../x',
        'a/../../x',
        './x',
        'a//b',
        'a/',
        'a\\b',
        'a\0b',
        'x'.repeat(256),
      ];
      for (const path of paths) {
        const what = JSON.stringify(path);
        await checkRejects(`write to ${what}`, disk.write(path, 'x'), 'RUNNER_INVALID_ARGUMENT');
        await checkRejects(`append to ${what}`, disk.append(path, 'x'), 'RUNNER_INVALID_ARGUMENT');
        await checkRejects(`read of ${what}`, disk.read(path), 'RUNNER_INVALID_ARGUMENT');
        await checkRejects(`sync of ${what}`, disk.sync(path), 'RUNNER_INVALID_ARGUMENT');
        await checkRejects(`list of ${what}`, disk.list(path), 'RUNNER_INVALID_ARGUMENT');
        await checkRejects(`remove of ${what}`, disk.remove(path), 'RUNNER_INVALID_ARGUMENT');
        await checkRejects(`rename of ${what}`, disk.rename(path, 'x'), 'RUNNER_INVALID_ARGUMENT');
        await checkRejects(`rename to ${what}`, disk.rename('x', path), 'RUNNER_INVALID_ARGUMENT');
      }
      await checkRejects('write of a number', disk.write('x', 7 as never), 'RUNNER_INVALID_ARGUMENT');
      checkEqual('files', await disk.list(), []);
    },
  },
  {
    title: 'a close lets earlier operations finish, and refuses later ones',
    async body(open) {
      const disk = open();
      const asked = [disk.append('log', 'a'), disk.append('log', 'b'), disk.sync('log')];
      const closed = disk.close();
      await checkRejects('an append', disk.append('log', 'c'), 'RUNNER_DISK_CLOSED');
      await closed;
      await Promise.all(asked);
      const error = await checkRejects('a sync', disk.sync('log'), 'RUNNER_DISK_CLOSED');
      checkThat(
        /sync of log .*closed/.test(error.message),
        'its message',
        'one about the sync',
        error.message,
      );
      await checkRejects('a read', disk.read('log'), 'RUNNER_DISK_CLOSED');
      await checkRejects('a list', disk.list(), 'RUNNER_DISK_CLOSED');
      await disk.close();
      checkEqual('the log', await open().readText('log'), 'ab');
    },
  },
  {
    title: 'a failed operation does not affect later ones',
    async body(open) {
      const disk = open();
      const failing = checkRejects('read', disk.read('gone'), 'RUNNER_DISK_NOT_FOUND');
      const next = disk.write('a', 'x');
      await failing;
      await next;
      checkEqual('the content', await disk.readText('a'), 'x');
    },
  },
  {
    title: 'a process dies as it appends: what was synced is there, and maybe a first part of the rest',
    async program(disk, report) {
      for (let i = 0; ; i += 1) {
        await disk.append('log/1', `${i};`);
        if (i % 3 !== 2) continue;
        await disk.sync('log/1');
        report(String(i));
      }
    },
    async verify(disk, reported) {
      const last = Number(reported.at(-1) ?? -1);
      const text = last < 0 ? await textIfAny(disk, 'log/1') : await disk.readText('log/1');
      const written = Array.from({ length: last + 5 }, (_, i) => `${i};`).join('');
      const synced = Array.from({ length: last + 1 }, (_, i) => `${i};`).join('');
      checkThat(text.startsWith(synced), 'the log', `one that begins with ${synced}`, text);
      const isFirstPart =
        text.length <= written.length && [...text].every((c, i) => c === '\0' || c === written[i]);
      checkThat(
        isFirstPart,
        'the log',
        `a first part of ${written}, maybe with zeros after what was synced`,
        text,
      );
    },
  },
  {
    title: 'a process dies as it replaces a file by rename: the old content is there or the new, whole',
    async program(disk, report) {
      for (let i = 0; ; i += 1) {
        await disk.write('tmp', `${i}`.repeat(50));
        await disk.sync('tmp');
        await disk.rename('tmp', 'state');
        await disk.sync('state');
        report(String(i));
      }
    },
    async verify(disk, reported) {
      const last = Number(reported.at(-1) ?? -1);
      const expected = [last, last + 1].map((i) => (i < 0 ? '' : `${i}`.repeat(50)));
      const text = await textIfAny(disk, 'state');
      checkThat(expected.includes(text), 'the state', `that of ${last} or of the next`, text);
    },
  },
  {
    title:
      'a process dies as it moves files between folders: each is in one of them, and where it was promised to be',
    async program(disk, report) {
      for (let i = 0; ; i += 1) {
        await disk.write(`in/${i}`, `${i}`);
        await disk.sync(`in/${i}`);
        await disk.rename(`in/${i}`, `out/${i}`);
        await disk.sync('out');
        report(String(i));
      }
    },
    async verify(disk, reported) {
      const last = Number(reported.at(-1) ?? -1);
      const [inside, outside] = [await disk.list('in'), await disk.list('out')];
      for (let i = 0; i <= last; i += 1) {
        checkThat(outside.includes(`out/${i}`), `file ${i}`, 'in out', outside);
        checkThat(!inside.includes(`in/${i}`), `file ${i}`, 'not in in', inside);
        checkEqual(`file ${i}`, await disk.readText(`out/${i}`), `${i}`);
      }
      checkThat(inside.length + outside.length <= last + 2, 'files', 'no more than were made', [
        inside,
        outside,
      ]);
    },
  },
  {
    title: 'a process dies as it removes files: what was promised to be gone is gone',
    async program(disk, report) {
      for (let i = 0; ; i += 1) {
        await disk.write(`work/${i}`, 'x');
        await disk.sync('work');
        await disk.remove(`work/${i}`);
        await disk.sync('work');
        report(String(i));
      }
    },
    async verify(disk, reported) {
      const last = Number(reported.at(-1) ?? -1);
      const left = await disk.list('work');
      checkThat(
        left.every((path) => path === `work/${last + 1}`),
        'files',
        `none but ${last + 1}`,
        left,
      );
    },
  },
];

async function textIfAny(disk: Disk, path: string): Promise<string> {
  return (await disk.list()).includes(path) ? disk.readText(path) : '';
}

/**
 * The contract of a `Disk`, case by case. A case runs against a subject: `createMemoryDisk` in a simulation,
 * `createFolderDisk` in a folder, or a disk of yours.
 *
 * @example
 * ```ts
 * import { simulate } from 'dryrunner';
 * import { createMemoryDisk } from 'dryrunner/cluster';
 * import { diskCases, type DiskSubject } from 'dryrunner/conformance';
 * const subject: DiskSubject = {
 *   name: 'memory',
 *   async use(body) {
 *     const { failure } = await simulate({
 *       scenario: ({ world }) => {
 *         const medium = createMemoryDisk(world);
 *         return body(() => medium.mount(world));
 *       },
 *     });
 *     if (failure !== undefined) throw new Error(failure.message);
 *   },
 *   crash: () => Promise.resolve(),
 * };
 * for (const each of diskCases) await each.prove(subject);
 * ```
 */
export const diskCases: readonly DiskCase[] = Object.freeze(specs.map((spec) => new DiskCase(spec)));
