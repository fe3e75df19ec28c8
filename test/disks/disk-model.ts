// What a disk may hold after a power failure, the slow way: every set of changes that may have survived. Nothing here is shared with the code
// under test. Texts of one byte for each character.

/** One step of a program. */
export type Step =
  | { readonly do: 'write' | 'append'; readonly path: string; readonly data: string }
  | { readonly do: 'sync' | 'remove'; readonly path: string }
  | { readonly do: 'rename'; readonly path: string; readonly to: string };

/** Files by path. */
export type Files = Readonly<Record<string, string>>;

interface Put {
  readonly replaces: boolean;
  readonly data: string;
}

interface ModelFile {
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
}

function folder(path: string): string {
  return path.split('/').slice(0, -1).join('/');
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

  constructor(mode: ModelMode, files: Files = {}) {
    this.#mode = mode;
    this.#start = new Map(Object.entries(files).map(([path, synced]) => [path, { synced, puts: [] }]));
    this.#now = new Map(this.#start);
  }

  /** What processes see. */
  get files(): Files {
    const paths = [...this.#now.keys()].sort();
    return Object.fromEntries(paths.map((path) => [path, contentNow(this.#now.get(path) as ModelFile)]));
  }

  /** Does a step; gives the code of the error that it fails with. */
  step(step: Step): string | undefined {
    const { path } = step;
    const file = this.#now.get(path);
    if (step.do === 'write' || step.do === 'append') {
      const made = file ?? { synced: '', puts: [] };
      if (file === undefined) this.#change([path], (names) => names.set(path, made));
      made.puts.push({ replaces: step.do === 'write', data: step.data });
      return undefined;
    }
    if (file === undefined) return 'RUNNER_DISK_NOT_FOUND';
    if (step.do === 'sync') {
      file.synced = contentNow(file);
      file.puts = [];
      this.#syncNames(folder(path));
    } else if (step.do === 'rename') {
      this.#rename(path, step.to, file);
    } else {
      this.#change([path], (names) => names.delete(path));
    }
    return undefined;
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

  /** What is synced takes along what happened to the same names before, and nothing else of other folders. */
  #syncNames(synced: string): void {
    for (const [index, change] of [...this.#changes.entries()].reverse()) {
      const isNeeded = this.#changes
        .slice(index + 1)
        .some((later) => later.isSynced && later.names.some((name) => change.names.includes(name)));
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
    this.#changes.push({ names, apply, isSynced: false });
  }

  /** A change is kept only with all earlier ones of the same names, and, where order is kept, with all earlier ones of its folder. */
  #nameTables(): Map<string, ModelFile>[] {
    const all = this.#changes;
    const isFit = (kept: readonly Change[]): boolean =>
      all.every((change, index) => {
        if (!kept.includes(change)) return !change.isSynced;
        return all
          .slice(0, index)
          .every((earlier) => kept.includes(earlier) || !this.#restsOn(change, earlier));
      });
    return subsets(all)
      .filter(isFit)
      .map((kept) => {
        const names = new Map(this.#start);
        for (const change of all) if (kept.includes(change)) change.apply(names);
        return names;
      });
  }

  #restsOn(later: Change, earlier: Change): boolean {
    if (earlier.names.some((name) => later.names.includes(name))) return true;
    const isSameFolder = earlier.names.some((name) =>
      later.names.some((other) => folder(name) === folder(other)),
    );
    return !this.#mode.reorder && !later.isSynced && isSameFolder;
  }

  #contents({ synced, puts }: ModelFile): Set<string> {
    const all = new Set<string>();
    for (let kept = 0; kept <= puts.length; kept += 1) {
      const first = puts.slice(0, kept);
      const before = first.reduce((text, put) => (put.replaces ? '' : text) + put.data, synced);
      for (const text of this.#withZeros(synced, first)) all.add(text);
      const next = puts[kept];
      if (next === undefined) continue;
      const base = next.replaces ? '' : before;
      for (let cut = next.replaces ? 0 : 1; cut < next.data.length; cut += 1) {
        if (this.#mode.tear === Infinity || (base.length + cut) % this.#mode.tear !== 0) continue;
        // Nothing of a replacement of nothing is what was there before.
        if (next.replaces && cut === 0 && before === '') continue;
        const torn = { replaces: next.replaces, data: next.data.slice(0, cut) };
        for (const text of this.#withZeros(synced, first, torn)) all.add(text);
      }
    }
    return all;
  }

  #withZeros(synced: string, puts: readonly Put[], torn?: Put): string[] {
    const choices = this.#mode.reorder ? subsets(puts) : [[]];
    return choices.map((zeroed) =>
      [...puts, ...(torn === undefined ? [] : [torn])].reduce((text, put) => {
        const data = zeroed.includes(put) ? '\0'.repeat(put.data.length) : put.data;
        return (put.replaces ? '' : text) + data;
      }, synced),
    );
  }
}

function contentNow({ synced, puts }: ModelFile): string {
  return puts.reduce((text, put) => (put.replaces ? '' : text) + put.data, synced);
}
