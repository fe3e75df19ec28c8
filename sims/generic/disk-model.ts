/**
 * What a disk holds, and what it may hold after a power failure, the slow way: every set of changes that may have survived. Nothing here is
 * shared with the code under test. Contents are texts of one byte for each character.
 */

/** One step of a program. A sync without a path is that of the top folder. */
export type Step =
  | { readonly do: 'write' | 'append'; readonly path: string; readonly data: string }
  | { readonly do: 'sync' | 'remove'; readonly path: string }
  | { readonly do: 'rename'; readonly path: string; readonly to: string };

/** Files by path. */
export type Files = Readonly<Record<string, string>>;

/** A `dirty` change is written by the next sync; `clean`: a sync of it has failed, and the next one believes that it was written. */
interface Put {
  readonly replaces: boolean;
  readonly data: string;
  state: 'dirty' | 'clean' | 'synced';
}

interface ModelFile {
  /** On the medium for certain. */
  synced: string;
  puts: Put[];
}

interface Change {
  readonly names: readonly string[];
  readonly apply: (names: Map<string, ModelFile>) => void;
  isSynced: boolean;
}

/** How writes tear and what may be out of order. */
export interface ModelMode {
  readonly reorder: boolean;
  /** Tears are at multiples of this. */
  readonly tear: number;
  /** Of all files together; default any number. */
  readonly capacityBytes?: number;
}

/** Why a step fails. */
export interface Refusal {
  readonly code: string;
  readonly why: string;
}

const NOT_FOUND: Refusal = { code: 'RUNNER_DISK_NOT_FOUND', why: 'no such file' };
const NO_SPACE: Refusal = { code: 'RUNNER_DISK_NO_SPACE', why: 'no space left' };

function folder(path: string): string {
  return path.split('/').slice(0, -1).join('/');
}

function foldersAbove(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** True if no two files can have these names at once: they are one, or one is a folder above the other. */
function excludes(name: string, other: string): boolean {
  return name === other || foldersAbove(name).includes(other) || foldersAbove(other).includes(name);
}

function subsets<T>(list: readonly T[]): T[][] {
  return list.reduce<T[][]>((sets, each) => [...sets, ...sets.map((set) => [...set, each])], [[]]);
}

/** A disk whose program goes on until the power fails. */
export class DiskModel {
  readonly #mode: ModelMode;
  readonly #start: Map<string, ModelFile>;
  readonly #now: Map<string, ModelFile>;
  readonly #changes: Change[] = [];
  /** That have files, or had some until a file took their place. */
  readonly #folders = new Set<string>(['']);

  constructor(mode: ModelMode, files: Files = {}) {
    this.#mode = mode;
    this.#start = new Map(Object.entries(files).map(([path, synced]) => [path, { synced, puts: [] }]));
    this.#now = new Map(this.#start);
    this.#noteFolders();
  }

  /** What processes see. */
  get files(): Files {
    const paths = [...this.#now.keys()].sort();
    return Object.fromEntries(paths.map((path) => [path, contentNow(this.#now.get(path) as ModelFile)]));
  }

  /** What processes read of a file; undefined if there is none. */
  read(path: string): string | undefined {
    const file = this.#now.get(path);
    return file === undefined ? undefined : contentNow(file);
  }

  /** How many bytes of a file, its first ones, are on the medium for certain. */
  certainBytes(path: string): number {
    const file = this.#now.get(path);
    if (file === undefined || file.puts.some(({ replaces }) => replaces)) return 0;
    return file.synced.length;
  }

  list(of: string): string[] {
    return [...this.#now.keys()].filter((path) => of === '' || path.startsWith(`${of}/`)).sort();
  }

  /** Does a step; gives the code of the error that it fails with. */
  step(step: Step): string | undefined {
    return this.carryOut(step)?.code;
  }

  /** Does a step; says why it fails. */
  carryOut(step: Step): Refusal | undefined {
    const { path } = step;
    if (step.do === 'write' || step.do === 'append') return this.#put(step.do, path, step.data);
    const file = this.#now.get(path);
    if (step.do === 'sync') return this.#sync(path, file);
    if (file === undefined) return NOT_FOUND;
    if (step.do === 'rename') {
      const refusal = this.obstacle(step.to);
      if (refusal === undefined) this.#rename(path, step.to, file);
      return refusal;
    }
    this.#change([path], (names) => names.delete(path));
    return undefined;
  }

  /** Why there can be no file of that name. */
  obstacle(path: string): Refusal | undefined {
    if (this.list('').some((other) => other.startsWith(`${path}/`))) {
      return { code: 'RUNNER_DISK_FAILED', why: `${path} is a folder` };
    }
    const above = foldersAbove(path).find((each) => this.#now.has(each));
    return above === undefined ? undefined : { code: 'RUNNER_DISK_FAILED', why: `${above} is no folder` };
  }

  /** The sync of a file has failed. */
  failSync(path: string): void {
    for (const put of this.#now.get(path)?.puts ?? []) if (put.state === 'dirty') put.state = 'clean';
  }

  /** A bit of what is certain has become another. */
  rot(path: string, content: string): void {
    const file = this.#now.get(path) as ModelFile;
    file.synced = content.slice(0, file.synced.length);
  }

  /** Every state that a power failure can leave. */
  survivors(): Set<string> {
    const all = new Set<string>();
    for (const names of this.#nameTables()) {
      const paths = [...names.keys()].sort();
      let states: Files[] = [{}];
      for (const path of paths) {
        const contents = [...this.#contents(names.get(path) as ModelFile)];
        states = states.flatMap((state) => contents.map((content) => ({ ...state, [path]: content })));
      }
      for (const state of states) all.add(JSON.stringify(state));
    }
    return all;
  }

  /** Whether a power failure can leave this. */
  allows(files: Files): boolean {
    const paths = Object.keys(files);
    return this.#nameTables().some(
      (names) =>
        names.size === paths.length &&
        paths.every((path) => {
          const file = names.get(path);
          return file !== undefined && this.#contents(file).has(files[path] as string);
        }),
    );
  }

  #put(how: 'write' | 'append', path: string, data: string): Refusal | undefined {
    const refusal = this.obstacle(path);
    if (refusal !== undefined) return refusal;
    const file = this.#now.get(path);
    const room = this.#roomFor(how === 'write' ? file : undefined);
    const made = file ?? { synced: '', puts: [] };
    if (file === undefined) this.#change([path], (names) => names.set(path, made));
    const fitting = data.slice(0, room);
    if (how === 'write' || fitting !== '') {
      made.puts.push({ replaces: how === 'write', data: fitting, state: 'dirty' });
    }
    return fitting.length < data.length ? NO_SPACE : undefined;
  }

  #roomFor(replaced: ModelFile | undefined): number {
    const { capacityBytes = Infinity } = this.#mode;
    const others = [...this.#now.values()].filter((file) => file !== replaced);
    return Math.max(0, capacityBytes - others.reduce((sum, file) => sum + contentNow(file).length, 0));
  }

  #sync(path: string, file: ModelFile | undefined): Refusal | undefined {
    if (file === undefined && !this.#folders.has(path)) return NOT_FOUND;
    if (file !== undefined) syncContent(file);
    this.#syncNames(file === undefined ? path : folder(path));
    return undefined;
  }

  /** What is synced takes along what happened before to the same names, and to files where its folders are now or the other way round. */
  #syncNames(synced: string): void {
    for (const [index, change] of [...this.#changes.entries()].reverse()) {
      const isNeeded = this.#changes
        .slice(index + 1)
        .some((later) => later.isSynced && excludesAny(later, change));
      if (isNeeded || change.names.some((name) => folder(name) === synced)) change.isSynced = true;
    }
  }

  #rename(path: string, to: string, file: ModelFile): void {
    if (path === to) return;
    this.#change([path, to], (names) => {
      names.delete(path);
      names.set(to, file);
    });
  }

  #change(names: readonly string[], apply: Change['apply']): void {
    apply(this.#now);
    for (const name of names.filter((each) => this.#now.has(each))) {
      for (const each of [...this.#folders]) {
        if (each === name || foldersAbove(each).includes(name)) this.#folders.delete(each);
      }
    }
    this.#changes.push({ names, apply, isSynced: false });
    this.#noteFolders();
  }

  #noteFolders(): void {
    for (const path of this.#now.keys()) for (const each of foldersAbove(path)) this.#folders.add(each);
  }

  /** A change is kept only with all earlier ones of the same names or of names that exclude them, and, where order is kept, with all earlier ones of its folder. */
  #nameTables(): Map<string, ModelFile>[] {
    const all = this.#changes;
    let kept: (readonly Change[])[] = [[]];
    for (const [index, change] of all.entries()) {
      kept = kept.flatMap((some) => {
        const rests = all.slice(0, index).every((one) => some.includes(one) || !this.#restsOn(change, one));
        const withIt = rests ? [[...some, change]] : [];
        return change.isSynced ? withIt : [some, ...withIt];
      });
    }
    return kept.map((some) => {
      const names = new Map(this.#start);
      for (const change of some) change.apply(names);
      return names;
    });
  }

  #restsOn(later: Change, earlier: Change): boolean {
    if (excludesAny(later, earlier)) return true;
    const isSameFolder = earlier.names.some((name) =>
      later.names.some((other) => folder(name) === folder(other)),
    );
    return !this.#mode.reorder && !later.isSynced && isSameFolder;
  }

  #contents({ synced, puts }: ModelFile): Set<string> {
    const all = new Set<string>();
    const lastSynced = puts.findLastIndex(({ state }) => state === 'synced');
    for (let kept = lastSynced + 1; kept <= puts.length; kept += 1) {
      const first = puts.slice(0, kept);
      const before = contentNow({ synced, puts: first });
      for (const text of this.#withZeros(synced, first, lastSynced)) all.add(text);
      const next = puts[kept];
      if (next === undefined) continue;
      const base = next.replaces ? '' : before;
      for (let cut = next.replaces ? 0 : 1; cut < next.data.length; cut += 1) {
        if (this.#mode.tear === Infinity || (base.length + cut) % this.#mode.tear !== 0) continue;
        // Nothing of a replacement of nothing is what was there before.
        if (next.replaces && cut === 0 && before === '') continue;
        const torn = { ...next, data: next.data.slice(0, cut) };
        for (const text of this.#withZeros(synced, first, lastSynced, torn)) all.add(text);
      }
    }
    return all;
  }

  /** What came before something that is on the medium, and is not itself, may be zeros there. */
  #withZeros(synced: string, puts: readonly Put[], lastSynced: number, torn?: Put): string[] {
    const mayBeZeros = puts.filter(
      (put, index) => put.state !== 'synced' && (this.#mode.reorder || index < lastSynced),
    );
    return subsets(mayBeZeros).map((zeroed) =>
      [...puts, ...(torn === undefined ? [] : [torn])].reduce((text, put) => {
        const data = zeroed.includes(put) ? '\0'.repeat(put.data.length) : put.data;
        return (put.replaces ? '' : text) + data;
      }, synced),
    );
  }
}

function excludesAny(later: Change, earlier: Change): boolean {
  return later.names.some((name) => earlier.names.some((other) => excludes(name, other)));
}

/** What was dirty is on the medium; what was there before a replacement that is on it is gone. */
function syncContent(file: ModelFile): void {
  for (const put of file.puts) if (put.state === 'dirty') put.state = 'synced';
  const last = file.puts.findLastIndex(({ state, replaces }) => state === 'synced' && replaces);
  if (last >= 0) {
    file.synced = '';
    file.puts = file.puts.slice(last).map((put, index) => (index === 0 ? { ...put, replaces: false } : put));
  }
  while (file.puts[0]?.state === 'synced') file.synced += file.puts.shift()?.data ?? '';
}

function contentNow({ synced, puts }: ModelFile): string {
  return puts.reduce((text, put) => (put.replaces ? '' : text) + put.data, synced);
}
