/**
 * Where the logs of a failing `simTest` are kept: one folder per test, in one per test file. Invariant: a test finds
 * the logs of its own alone, whatever others of its name there are in its file, or of its file in other projects.
 */
import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { hashText } from '../../kernel/text-hash.ts';
import type { SimulatedTest, TestRun } from '../test-run.ts';

/** Beside the test file, as with snapshots. */
const KEPT_FOLDER = '__dryrunner__';

/** The folder for the logs of this test; undefined if none are kept. */
function keptFolderOf({
  file,
  root = '',
  options = {},
  isReported = true,
}: SimulatedTest): string | undefined {
  const { corpus } = options;
  if (corpus === false || file === undefined || !isReported) return undefined;
  return join(
    corpus === undefined ? join(dirname(file), KEPT_FOLDER) : resolve(root, corpus),
    basename(file),
  );
}

/** The kept logs of this test. The code that reads and writes them is loaded only if there are any, or one to keep. */
export function keptOf(test: SimulatedTest, reference: string): Pick<TestRun, 'corpus' | 'isKept'> {
  const root = keptFolderOf(test);
  if (root === undefined) return { isKept: false, corpus: () => undefined };
  const scenario = slugOf(test);
  return {
    isKept: existsSync(join(root, scenario)),
    async corpus() {
      const { CorpusFolder: Folder } = await import('../../host/corpus/corpus-folder.ts');
      const onTrouble = (text: string): void => console.warn(text);
      const { file: testFile, project } = test;
      return new Folder({ root, scenario, reference, testFile, project, onTrouble });
    },
  };
}

/** A readable folder name that is unique to the test in its file. */
function slugOf({ name, ordinal = 1 }: SimulatedTest): string {
  const words = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 60);
  const hash = (hashText(name) >>> 0).toString(16).padStart(8, '0');
  return ordinal === 1 ? `${words}-${hash}` : `${words}-${hash}-${ordinal}`;
}
