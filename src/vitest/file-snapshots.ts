/**
 * The snapshots that tests keep in files of their own (`toMatchFileSnapshot`). Vitest does not record which test took
 * such a snapshot, so this wraps its comparison. Invariant: entries of other tests in Vitest's list are never removed.
 */

/** A file that Vitest is to write. */
interface FileSnapshot {
  readonly file: string;
  readonly snapshot: string;
}

interface Compared {
  readonly testId: string;
  readonly rawSnapshot?: { readonly file: string; readonly content?: string };
}

/** The used subset of Vitest's state of a test file. */
export interface SnapshotsWithFiles {
  match?(given: Compared): { readonly pass: boolean };
  /** The files to write. */
  readonly _rawSnapshots?: FileSnapshot[];
  readonly environment?: { readSnapshotFile?: (file: string) => Promise<string | null> };
}

/** A file snapshot that an execution has taken. */
export interface TakenFile {
  readonly text: string;
  /** Undefined if the file has this text already. */
  readonly toWrite: FileSnapshot | undefined;
}

/** Taken snapshots by path of their file. */
type TakenFiles = Map<string, TakenFile>;

/** How often each file is being read now. */
const reads = new Map<string, number>();

/** The files with snapshots that Vitest is reading: the machine does not always show that it reads. */
export function snapshotFilesBeingRead(): readonly string[] {
  return [...reads.keys()];
}

const takenByTest = new WeakMap<SnapshotsWithFiles, Map<string, TakenFiles>>();

/**
 * The file snapshots that the current execution has taken. The first call wraps the comparison of `state`: snapshots
 * that were taken before are not among them.
 */
export function watchFiles(state: SnapshotsWithFiles, testId: string): TakenFiles {
  const byTest = takenByTest.get(state) ?? wrapMatch(state);
  const known = byTest.get(testId);
  if (known !== undefined) return known;
  const taken: TakenFiles = new Map();
  byTest.set(testId, taken);
  return taken;
}

/** Drops the file snapshots of a test and their pending writes. */
export function clearFiles(state: SnapshotsWithFiles, testId: string): void {
  const taken = watchFiles(state, testId);
  if (taken.size === 0) return;
  const { _rawSnapshots: all = [] } = state;
  for (const { toWrite } of taken.values()) {
    const at = toWrite === undefined ? -1 : all.indexOf(toWrite);
    if (at >= 0) all.splice(at, 1);
  }
  taken.clear();
}

/** Queues files for Vitest to write. */
export function writeFiles(state: SnapshotsWithFiles, files: Iterable<FileSnapshot>): void {
  const { _rawSnapshots: all = [] } = state;
  for (const file of files) if (!all.includes(file)) all.push(file);
}

function wrapMatch(state: SnapshotsWithFiles): Map<string, TakenFiles> {
  const byTest = new Map<string, TakenFiles>();
  takenByTest.set(state, byTest);
  watchReads(state);
  const match = state.match?.bind(state);
  if (match === undefined) return byTest;
  state.match = (given) => {
    const { testId, rawSnapshot } = given;
    const { length = 0 } = state._rawSnapshots ?? [];
    const compared = match(given);
    const taken = byTest.get(testId);
    if (rawSnapshot === undefined || taken === undefined) return compared;
    const toWrite = state._rawSnapshots?.[length];
    const text = toWrite?.snapshot ?? (compared.pass ? rawSnapshot.content : undefined);
    if (text !== undefined) taken.set(rawSnapshot.file, { text, toWrite });
    return compared;
  };
  return byTest;
}

const watchedReads = new WeakSet<object>();

function watchReads({ environment }: SnapshotsWithFiles): void {
  const read = environment?.readSnapshotFile;
  if (environment === undefined || read === undefined || watchedReads.has(read)) return;
  const watched: typeof read = async (file) => {
    reads.set(file, (reads.get(file) ?? 0) + 1);
    try {
      return await read.call(environment, file);
    } finally {
      const left = (reads.get(file) ?? 0) - 1;
      if (left > 0) reads.set(file, left);
      else reads.delete(file);
    }
  };
  watchedReads.add(watched);
  environment.readSnapshotFile = watched;
}
