// Which unit tests reach a source, the likeliest to notice a change of it first. Invariant: decided by the graph of modules alone.
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import ts from 'typescript';
import { listFiles, readProjectFile } from '../module-graph.ts';

/**
 * The folders of unit tests. Those of the suite of conformance, of properties, of scenarios and of exploration are left out, because they are
 * what is measured; what touches the machine, because it is slow.
 */
const UNIT_FOLDERS = [
  ...['kernel', 'model', 'call', 'store', 'execers', 'outputs', 'filers', 'metrics', 'disks', 'locks'],
  ...['trace', 'runners', 'network', 'oracles', 'simulation', 'cluster', 'door'],
].map((folder) => `test/${folder}`);

interface Module {
  readonly text: string;
  readonly imports: readonly string[];
}

function moduleAt(path: string): Module {
  const text = readProjectFile(path);
  const imports = ts
    .preProcessFile(text)
    .importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName }) => posix.join(posix.dirname(path), fileName));
  return { text, imports };
}

/** Cases of disks are conformance; the other one gives hostile values to everything that is exported, for minutes, whatever has changed. */
const LEFT_OUT = /conformance|door\/every-export/;

/** The graph of what the unit tests import. */
export class UnitOrder {
  readonly #modules: ReadonlyMap<string, Module>;
  readonly #tests: readonly string[];

  constructor() {
    this.#modules = new Map(listFiles(['src', 'test']).map((path) => [path, moduleAt(path)]));
    this.#tests = listFiles(UNIT_FOLDERS, '.test.ts').filter((path) => !LEFT_OUT.test(path));
  }

  /** All unit tests. */
  get tests(): readonly string[] {
    return this.#tests;
  }

  /** Those that reach the file, in the order in which they are to run. */
  testsOf(file: string): string[] {
    const own = `test/${posix.dirname(file).split('/')[1] ?? ''}/`;
    return this.#tests
      .map((test) => {
        const distance = this.#reached(test).get(file) ?? Infinity;
        const isNamesake = posix.basename(test).startsWith(posix.basename(file, '.ts'));
        return { test, distance: distance - (isNamesake ? 2 : 0) + (test.startsWith(own) ? 0 : 1.5) };
      })
      .filter(({ distance }) => distance < Infinity)
      .sort((a, b) => a.distance - b.distance || (a.test < b.test ? -1 : 1))
      .map(({ test }) => test);
  }

  /** A digest of all that a test runs; `texts` are other texts of some files. */
  digest(test: string, texts: ReadonlyMap<string, string>): string {
    const hash = createHash('sha256');
    for (const path of [...this.#reached(test).keys()].sort()) {
      hash.update(`${path}\n${texts.get(path) ?? this.#modules.get(path)?.text ?? ''}\n`);
    }
    return hash.digest('hex').slice(0, 16);
  }

  readonly #reaches = new Map<string, ReadonlyMap<string, number>>();

  /** The files that a file imports, by the length of the way. */
  #reached(test: string): ReadonlyMap<string, number> {
    const known = this.#reaches.get(test);
    if (known !== undefined) return known;
    const found = new Map([[test, 0]]);
    for (const [path, distance] of found) {
      for (const target of this.#modules.get(path)?.imports ?? []) {
        if (!found.has(target)) found.set(target, distance + 1);
      }
    }
    this.#reaches.set(test, found);
    return found;
  }
}
