/**
 * The snapshots that tests keep in files of their own (`toMatchFileSnapshot`). Vitest does not note which test has taken one, so this
 * looks on as it compares them. Invariant: nothing is taken out of Vitest's list that another test has put there.
 */

/** One that Vitest is to write. */
interface FileSnapshot {
  readonly file: string;
  readonly snapshot: string;
}

interface Compared {
  readonly testId: string;
  readonly rawSnapshot?: { readonly file: string; readonly content?: string };
}

/** What is used of Vitest's state of a test file. */
export interface SnapshotsWithFiles {
  match?(given: Compared): { readonly pass: boolean };
  /** Those that are to be written. */
  readonly _rawSnapshots?: FileSnapshot[];
}

interface TakenFile {
  readonly text: string;
  /** Undefined if the file has this text already. */
  readonly toWrite: FileSnapshot | undefined;
}

/** By the path of the file. */
type TakenFiles = Map<string, TakenFile>;

const takenByTest = new WeakMap<SnapshotsWithFiles, Map<string, TakenFiles>>();

/** What the execution that is on has taken. */
export function takenFiles(state: SnapshotsWithFiles, testId: string): TakenFiles {
  const byTest = takenByTest.get(state) ?? watch(state);
  const known = byTest.get(testId);
  if (known !== undefined) return known;
  const taken: TakenFiles = new Map();
  byTest.set(testId, taken);
  return taken;
}

/** Forgets them, and has none of them written. */
export function clearFiles(state: SnapshotsWithFiles, testId: string): void {
  const taken = takenFiles(state, testId);
  if (taken.size === 0) return;
  const { _rawSnapshots: all = [] } = state;
  for (const { toWrite } of taken.values()) {
    const at = toWrite === undefined ? -1 : all.indexOf(toWrite);
    if (at >= 0) all.splice(at, 1);
  }
  taken.clear();
}

/** Has Vitest write them. */
export function writeFiles(state: SnapshotsWithFiles, files: Iterable<FileSnapshot>): void {
  const { _rawSnapshots: all = [] } = state;
  for (const file of files) if (!all.includes(file)) all.push(file);
}

function watch(state: SnapshotsWithFiles): Map<string, TakenFiles> {
  const byTest = new Map<string, TakenFiles>();
  takenByTest.set(state, byTest);
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
