// What a mutant is: one change of one expression or statement, as Stryker's mutators make them, and the source with that change in it.
// Invariant: nothing is left out that they find in the hunted folders.
import { Instrumenter } from '@stryker-mutator/instrumenter';
import { listFiles, readProjectFile } from '../module-graph.ts';
import { transpiled } from '../zoo/package-copy.ts';

/** One change of a source. */
export interface Mutant {
  /** Such as `src/store/run-waiters.ts:88:12 EqualityOperator 0`: place, mutator, and the number among those of both. */
  readonly id: string;
  readonly folder: string;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** Offsets in the text of the file. */
  readonly start: number;
  readonly end: number;
  readonly mutator: string;
  readonly before: string;
  readonly after: string;
}

/** The hunted folders, and which files of src belong to each. */
export const HUNTED: Readonly<Record<string, readonly [folder: string, files: RegExp]>> = {
  ...Object.fromEntries(
    [
      ...['model', 'store', 'runners', 'execers', 'filers', 'outputs'],
      ...['metrics', 'network', 'cluster', 'disks', 'locks'],
    ].map((name) => [name, [`src/${name}`, /./]] as const),
  ),
  nodes: ['src/simulation', /\/(service-)?node[^/]*\.ts$/],
};

/** Counts how often what was changed is executed. */
const REACH_COUNTER = 'reachedMutant';

const mark = `globalThis.${REACH_COUNTER} = (globalThis.${REACH_COUNTER} ?? 0) + 1`;
const silent = (): void => undefined;
const no = (): boolean => false;
const QUIET = {
  ...{ trace: silent, debug: silent, info: silent, warn: silent, error: silent, fatal: silent },
  ...{ isTraceEnabled: no, isDebugEnabled: no, isInfoEnabled: no },
  ...{ isWarnEnabled: no, isErrorEnabled: no, isFatalEnabled: no },
};

/** Offsets of the beginnings of lines. */
function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** All mutants of one text. */
export async function mutantsOf(folder: string, file: string, text: string): Promise<Mutant[]> {
  const { mutants } = await new Instrumenter(QUIET).instrument(
    [{ name: file, mutate: true, content: text }],
    {
      plugins: null,
      excludedMutations: [],
      ignorers: [],
    },
  );
  const starts = lineStarts(text);
  const seen = new Map<string, number>();
  return mutants
    .filter(({ status }) => status !== 'Ignored')
    .map(({ location, mutatorName: mutator, replacement: after }) => {
      const offset = ({ line, column }: { line: number; column: number }): number =>
        (starts[line] as number) + column;
      const start = offset(location.start);
      const end = offset(location.end);
      const line = location.start.line + 1;
      const place = `${file}:${line}:${location.start.column + 1} ${mutator}`;
      const number = seen.get(place) ?? 0;
      seen.set(place, number + 1);
      const before = text.slice(start, end);
      return { id: `${place} ${number}`, folder, file, line, start, end, mutator, before, after };
    });
}

/** All mutants of the hunted folders, or of one of them. */
export async function allMutants(only?: string): Promise<Mutant[]> {
  const all: Mutant[] = [];
  for (const [name, [folder, files]] of Object.entries(HUNTED)) {
    if (only !== undefined && only !== name) continue;
    for (const file of listFiles([folder]).filter((path) => files.test(path))) {
      all.push(...(await mutantsOf(name, file, readProjectFile(file))));
    }
  }
  return all;
}

/** Ways to write the change down, the one that counts first; which of them fits its place, only a parser can say. */
function* spellings({ mutator, after, end, start }: Mutant, text: string): Generator<string> {
  if (after === '{}') yield `{ ${mark}; }`;
  if (after === '() => undefined') yield `(() => { ${mark}; return undefined; })`;
  if (mutator === 'ConditionalExpression' && /^(case\b|default\b)/.test(after)) yield `${after} ${mark};`;
  // A method loses its `this` behind a comma, and `delete` its place.
  const isCallee =
    /^\s*!?\s*(\?\.)?\s*[(`]/.test(text.slice(end)) || /\bdelete\s+$/.test(text.slice(0, start));
  const isPart = mutator === 'OptionalChaining' || mutator === 'MethodExpression';
  if (!(isCallee && isPart) && mutator !== 'BlockStatement') yield `((${mark}), (${after}))`;
  yield `(${after})`;
  yield after;
}

/** The text of the file with the change in it; what is changed counts its executions where its place allows that. */
export function mutatedText(mutant: Mutant, text: string): string {
  const { file, start, end, before, id } = mutant;
  if (text.slice(start, end) !== before) throw new Error(`${id}: the file has changed`);
  for (const spelling of spellings(mutant, text)) {
    const mutated = `${text.slice(0, start)}${spelling}${text.slice(end)}`;
    try {
      transpiled(file, mutated);
      return mutated;
    } catch {
      continue;
    }
  }
  throw new Error(`${id}: cannot be written down`);
}

/** True if the text of a mutant counts its executions. */
export function countsReach(text: string): boolean {
  return text.includes(mark);
}
