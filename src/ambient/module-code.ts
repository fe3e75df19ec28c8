/**
 * The code of a module to which text is added. Invariant: the new source map leads from the new code to where the given
 * code, or its inline map, leads.
 */
import { createRequire } from 'node:module';
import type * as Acorn from 'acorn';
import type * as Codec from '@jridgewell/sourcemap-codec';
import { messageOf, RunnerError } from '../kernel/errors.ts';
import { packageFile } from '../kernel/package-files.ts';

/** Code with its source map, version 3. */
export interface RewrittenCode {
  readonly code: string;
  /** Maps to the given code or, if that has an inline map, to the sources of that map. */
  readonly map: SourceMapV3;
}

/** Source map, version 3. */
export interface SourceMapV3 {
  readonly version: 3;
  readonly file?: string;
  readonly sources: readonly (string | null)[];
  readonly sourcesContent?: readonly (string | null)[];
  readonly names: readonly string[];
  readonly mappings: string;
}

/** The fields used of any syntax node. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

/** True for anything with a type. */
export function isNode(value: unknown): value is SyntaxNode {
  return (
    typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
  );
}

/** A place where text is added. */
export interface Insertion {
  readonly at: number;
  readonly text: string;
  /** The number of characters there that it replaces. Default 0. */
  readonly replaced?: number;
}

/**
 * The trailing comment that names a source map. It is dropped, because that map no longer fits. With a quote or an
 * asterisk behind it, it is part of a text or of another comment.
 */
const MAP_COMMENT = /\n?\/\/[#@] sourceMappingURL=([^\s"'`*]+)\s*$/;
const INLINE_MAP = /^data:application\/json[^,]*;base64,(.*)$/;
// Loaded on the first rewrite: running a simulation needs neither of them.
const load = createRequire(packageFile('package.json'));
let codec: typeof Codec | undefined;

/** A module whose code is rewritten. */
export class ModuleCode {
  readonly lines: Lines;
  /** Its inline source map, if it has one. */
  readonly map: SourceMapV3 | undefined;
  readonly #text: string;
  readonly #file: string;

  constructor(code: string, file: string) {
    const comment = MAP_COMMENT.exec(code);
    this.#text = comment === null ? code : code.slice(0, comment.index);
    this.#file = file;
    this.map = mapIn(comment?.[1] ?? '');
    this.lines = new Lines(this.#text);
  }

  /**
   * Its ESTree syntax tree; `what` of it is to be rewritten, for errors.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for code that cannot be parsed.
   */
  parse(what: string): object {
    return parse(this.#text, this.#file, what);
  }

  /** The code with these insertions, in the order of their places, and with `tail` as a last line. */
  with(insertions: readonly Insertion[], tail: string): RewrittenCode {
    return {
      code: `${inserted(this.#text, insertions)}\n${tail}\n`,
      map: shifted(this.map ?? identityMap(this.#text, this.#file), this.lines, insertions),
    };
  }
}

/** A map that cannot be read, or has sections, is left out. */
function mapIn(url: string): SourceMapV3 | undefined {
  const [, base64] = INLINE_MAP.exec(url) ?? [];
  if (base64 === undefined) return undefined;
  try {
    const map = JSON.parse(Buffer.from(base64, 'base64').toString('utf8')) as SourceMapV3 | null;
    return typeof map?.mappings === 'string' && Array.isArray(map.sources) ? map : undefined;
  } catch {
    return undefined;
  }
}

/** Parses as a module, and as a CommonJS script if that fails; the other way round for `.cjs` and `.cts`. */
function parse(code: string, file: string, what: string): object {
  const { parse: acorn } = load('acorn') as typeof Acorn;
  const usual = { ecmaVersion: 'latest', allowHashBang: true } as const;
  const asModule = (): object => acorn(code, { ...usual, sourceType: 'module' });
  const asScript = (): object =>
    acorn(code, { ...usual, sourceType: 'script', allowReturnOutsideFunction: true });
  const [first, second] = /\.c[jt]s$/.test(file) ? [asScript, asModule] : [asModule, asScript];
  try {
    return first();
  } catch (error) {
    try {
      return second();
    } catch {
      const message = `${file}: ${what} cannot be rewritten, as it cannot be parsed: ${messageOf(error)}`;
      throw new RunnerError('RUNNER_INVALID_ARGUMENT', message, { cause: error });
    }
  }
}

/** Finds the line of an offset; lines and offsets count from 0. */
export class Lines {
  readonly starts: number[] = [0];

  constructor(text: string) {
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.starts.push(at + 1);
  }

  lineOf(offset: number): number {
    let [low, high] = [0, this.starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.starts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function inserted(text: string, insertions: readonly Insertion[]): string {
  const parts: string[] = [];
  let from = 0;
  for (const { at, text: added, replaced = 0 } of insertions) {
    parts.push(text.slice(from, at), added);
    from = at + replaced;
  }
  parts.push(text.slice(from));
  return parts.join('');
}

/** Maps each word and punctuation character to itself. */
function identityMap(text: string, file: string): SourceMapV3 {
  const mappings = text
    .split('\n')
    .map((line, at) =>
      [...line.matchAll(/[\w$]+|[^\w\s$]/g)].map(({ index }): Codec.SourceMapSegment => [
        index,
        0,
        at,
        index,
      ]),
    );
  codec ??= load('@jridgewell/sourcemap-codec') as typeof Codec;
  return { version: 3, sources: [file], sourcesContent: [text], names: [], mappings: codec.encode(mappings) };
}

/** The map after the insertions: everything behind one moves to the right. */
function shifted(map: SourceMapV3, lines: Lines, insertions: readonly Insertion[]): SourceMapV3 {
  codec ??= load('@jridgewell/sourcemap-codec') as typeof Codec;
  const mappings = codec.decode(map.mappings);
  const byLine = new Map<number, (readonly [column: number, length: number])[]>();
  for (const { at, text, replaced = 0 } of insertions) {
    const line = lines.lineOf(at);
    const ofLine = byLine.get(line) ?? [];
    ofLine.push([at - (lines.starts[line] as number), text.length - replaced]);
    byLine.set(line, ofLine);
  }
  for (const [line, ofLine] of byLine) {
    for (const segment of mappings[line] ?? []) {
      const [column] = segment;
      for (const [at, length] of ofLine) if (at <= column) segment[0] += length;
    }
  }
  return { ...map, mappings: codec.encode(mappings) };
}
