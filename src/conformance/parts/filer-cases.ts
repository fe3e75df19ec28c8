/**
 * The contract of a filer that keeps snapshots, in memory or on a disk, as a list of cases. Invariant: a case accesses
 * a filer's files only through its subject.
 */
import { Cancellation } from '../../model/cancellation.ts';
import type { Filer } from '../../model/filer.ts';
import { checkEqual, checkThat } from '../check.ts';
import { MADE_BY_FILER, noted } from './noted-part.ts';
import {
  inWords,
  notingCalls,
  type PartCase,
  partCases,
  type PartCaseSpec,
  type PartSubject,
} from './part-case.ts';

/** A filer under test, and the disk that it works on. */
export interface FilerUnderTest {
  readonly filer: Filer;
  /** The absolute path of an empty folder; sources are written below it. */
  readonly folder: string;
  /** Ids that no snapshot has, although one could. Default: texts that look like numbers and paths. */
  readonly unknownIds?: readonly string[];
  /** Writes a file, and makes its folders. */
  readonly write: (path: string, text: string, executable?: boolean) => void | Promise<void>;
  readonly makeFolder: (path: string) => void | Promise<void>;
  /**
   * The files below a folder with their texts, by relative path with `/`; names of executable ones end with `*`.
   * Undefined if the folder does not exist.
   */
  readonly filesBelow: (
    path: string,
  ) => Readonly<Record<string, string>> | undefined | Promise<Readonly<Record<string, string>> | undefined>;
}

/** A kind of filer under test: see {@link filerCases}. */
export interface FilerSubject extends PartSubject {
  /** Runs a body with a filer without snapshots. */
  use(body: (under: FilerUnderTest) => Promise<void>): Promise<void>;
}

const on = (title: string, body: (under: FilerUnderTest) => Promise<void>): PartCaseSpec<FilerSubject> => ({
  title,
  prove: (subject, options) =>
    notingCalls(options, (note) =>
      subject.use((under) => body({ ...under, filer: noted(note, 'the filer', under.filer, MADE_BY_FILER) })),
    ),
});

const SOURCES = { 'bin/run.sh*': 'echo hi', readme: 'read' };

async function sources({ folder, write }: FilerUnderTest): Promise<string> {
  const path = `${folder}/src`;
  await write(`${path}/bin/run.sh`, 'echo hi', true);
  await write(`${path}/readme`, 'read');
  return path;
}

const UNKNOWN_IDS = ['-1', '00', ' 0', '1e0', 'x', '', '../../etc', '99'];

const snapshots: readonly PartCaseSpec<FilerSubject>[] = [
  on(
    'R174 a folder is ingested as its contents, and can be checked out by its snapshot id',
    async (under) => {
      const { filer, filesBelow } = under;
      const path = await sources(under);
      const id = await filer.ingest(path);
      const checkout = await filer.checkout(id);
      checkEqual('its id', checkout.id, id);
      checkThat(checkout.path.startsWith('/'), 'its path', 'an absolute one', checkout.path);
      checkEqual('its files', await filesBelow(checkout.path), SOURCES);
      const part = await filer.checkout(await filer.ingest(`${path}/bin`));
      checkEqual('the files of a part', await filesBelow(part.path), { 'run.sh*': 'echo hi' });
      checkThat(part.path !== checkout.path, 'the paths', 'different ones', part.path);
      await checkout.release();
      await part.release();
    },
  ),
  on('R174 a file is ingested as one file', async (under) => {
    const { filer, filesBelow } = under;
    const path = await sources(under);
    const checkout = await filer.checkout(await filer.ingest(`${path}/readme`));
    checkEqual('its files', await filesBelow(checkout.path), { readme: 'read' });
    await checkout.release();
  }),
  on('R170 ingestMap puts each source at its target', async (under) => {
    const { filer, filesBelow } = under;
    const path = await sources(under);
    const id = await filer.ingestMap(
      new Map([
        [`${path}/bin`, 'a/b'],
        [`${path}/readme`, 'a/README'],
      ]),
    );
    const checkout = await filer.checkout(id);
    checkEqual('its files', await filesBelow(checkout.path), {
      'a/b/run.sh*': 'echo hi',
      'a/README': 'read',
    });
    await checkout.release();
    const top = await filer.checkout(await filer.ingestMap(new Map([[`${path}/bin`, '']])));
    checkEqual('what has the target ""', await filesBelow(top.path), { 'run.sh*': 'echo hi' });
    await top.release();
  }),
  on(
    'R171 R172 D88 a release removes the checkout, wherever it is, and a second one removes nothing',
    async (under) => {
      const { filer, filesBelow, folder, makeFolder } = under;
      const id = await filer.ingest(await sources(under));
      await makeFolder(`${folder}/work`);
      for (const make of [() => filer.checkout(id), () => filer.checkoutAt(id, `${folder}/work/here`)]) {
        const checkout = await make();
        checkEqual('its files', await filesBelow(checkout.path), SOURCES);
        await checkout.release();
        checkEqual('its files then', (await filesBelow(checkout.path)) ?? {}, {});
        const other = await filer.checkoutAt(id, checkout.path);
        await checkout.release();
        checkEqual('the files of a later one', await filesBelow(other.path), SOURCES);
        await other.release();
      }
    },
  ),
  on('R171 changes in one checkout affect neither the snapshot nor another checkout', async (under) => {
    const { filer, filesBelow, write } = under;
    const path = await sources(under);
    const id = await filer.ingest(path);
    const [first, second] = [await filer.checkout(id), await filer.checkout(id)];
    await write(`${first.path}/readme`, 'changed');
    await write(`${path}/readme`, 'changed too');
    const third = await filer.checkout(id);
    for (const checkout of [second, third]) checkEqual('its files', await filesBelow(checkout.path), SOURCES);
    for (const checkout of [first, second, third]) await checkout.release();
  }),
  inWords((said) =>
    on('R174 an unknown id is refused by name, also text that looks like an id', async (under) => {
      const { filer, unknownIds = UNKNOWN_IDS } = under;
      const path = await sources(under);
      const known = [await filer.ingest(path), await filer.ingest(path)];
      for (const id of unknownIds) {
        if (known.includes(id)) continue;
        await said.refuses(
          `checkout of ${id}`,
          () => filer.checkout(id),
          'RUNNER_UNKNOWN_SNAPSHOT',
          `No snapshot with id: ${id}`,
        );
      }
    }),
  ),
  inWords((said) =>
    on(
      'R170 a missing source, a folder that is not empty and a target that is not relative are refused',
      async (under) => {
        const { filer, folder, filesBelow, makeFolder } = under;
        const path = await sources(under);
        const id = await filer.ingest(path);
        await said.refuses(
          'a missing source',
          () => filer.ingest(`${folder}/none`),
          'RUNNER_FILER_FAILED',
          `${folder}/none`,
        );
        await said.refuses(
          'a folder with files',
          () => filer.checkoutAt(id, path),
          'RUNNER_FILER_FAILED',
          path,
        );
        await said.refuses(
          'a file',
          () => filer.checkoutAt(id, `${path}/readme`),
          'RUNNER_FILER_FAILED',
          'readme',
        );
        said.equal('what was there', await filesBelow(path), SOURCES);
        await makeFolder(`${folder}/empty`);
        const checkout = await filer.checkoutAt(id, `${folder}/empty`);
        said.equal('its path', checkout.path, `${folder}/empty`);
        await checkout.release();
      },
    ),
  ),
  inWords((said) =>
    on('R170 invalid targets and paths are refused', async (under) => {
      const { filer } = under;
      const path = await sources(under);
      const id = await filer.ingest(path);

      for (const target of ['/abs', 'a/../../b', '..', './a', 'a//b', 'a/', 'a\0b', 7 as never]) {
        await said.refuses(
          `the target ${String(target)}`,
          () => filer.ingestMap(new Map([[path, target]])),
          'RUNNER_INVALID_ARGUMENT',
          'expected a relative path without empty, . or .. segments',
        );
      }
      await said.refuses(
        'a relative source',
        () => filer.ingest('src'),
        'RUNNER_INVALID_ARGUMENT',
        'absolute',
      );
      await said.refuses(
        'a relative place',
        () => filer.checkoutAt(id, 'here'),
        'RUNNER_INVALID_ARGUMENT',
        'absolute',
      );
      await said.refuses('an id with NUL', () => filer.checkout('a\0'), 'RUNNER_INVALID_ARGUMENT');
      await said.refuses(
        'paths that are no map',
        () => filer.ingestMap({} as never),
        'RUNNER_INVALID_ARGUMENT',
      );
    }),
  ),
  inWords((said) =>
    on('R173 an operation that is cancelled before it begins fails and does nothing', async (under) => {
      const { filer, folder, filesBelow } = under;
      const path = await sources(under);
      const id = await filer.ingest(path);
      const cancel = new Cancellation();
      cancel.cancel();
      await said.refuses(
        'a checkout',
        () => filer.checkoutAt(id, `${folder}/out`, cancel),
        'RUNNER_CANCELLED',
        'checkout',
      );
      said.equal('its files', (await filesBelow(`${folder}/out`)) ?? {}, {});
      await said.refuses('an ingestion', () => filer.ingest(path, cancel), 'RUNNER_CANCELLED', 'ingestion');
      await said.refuses(
        'a map',
        () => filer.ingestMap(new Map([[path, 'x']]), cancel),
        'RUNNER_CANCELLED',
        'ingestion',
      );
      await said.refuses('an update', () => filer.update(cancel), 'RUNNER_CANCELLED', 'update');
      const checkout = await filer.checkout(id, new Cancellation());
      said.equal('one that is not cancelled', await filesBelow(checkout.path), SOURCES);
      await checkout.release();
    }),
  ),
  on(
    'R75 R199 it states its update interval and how long a cancelled operation may take to end',
    async ({ filer }) => {
      const { updateIntervalMs } = filer;
      const isInterval = updateIntervalMs >= 0 && updateIntervalMs < Infinity;
      checkThat(isInterval, 'updateIntervalMs', 'a finite number ≥ 0', updateIntervalMs);
      checkThat(filer.cancelBoundMs >= 0, 'cancelBoundMs', '≥ 0', filer.cancelBoundMs);
      await filer.update();
    },
  ),
];

/**
 * The contract of a filer that keeps snapshots, case by case: for `createMemoryFiler`, filers of `dryrunner/host`, or
 * yours.
 *
 * @example
 * ```ts
 * import { createMemoryFiler } from 'dryrunner';
 * import { filerCases, type FilerSubject } from 'dryrunner/conformance';
 * const subject: FilerSubject = {
 *   name: 'in memory',
 *   use: (body) => {
 *     const filer = createMemoryFiler();
 *     const { tree } = filer;
 *     tree.makeDir('/home');
 *     return body({
 *       filer,
 *       folder: '/home',
 *       write: (path, text, executable) => tree.writeFile(path, text, executable),
 *       makeFolder: (path) => tree.makeDir(path),
 *       filesBelow(path) {
 *         if (tree.kindOf(path) === undefined) return undefined;
 *         const files: Record<string, string> = {};
 *         for (const [name, entry] of tree.entriesUnder(path)) {
 *           if (entry.kind !== 'file') continue;
 *           files[entry.executable ? `${name}*` : name] = new TextDecoder().decode(entry.bytes);
 *         }
 *         return files;
 *       },
 *     });
 *   },
 * };
 * for (const each of filerCases) await each.prove(subject);
 * ```
 */
export const filerCases: readonly PartCase<FilerSubject>[] = partCases({ snapshots });
