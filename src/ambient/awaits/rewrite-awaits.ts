/**
 * Rewrites the places where JavaScript waits for a promise, so that each continuation can be a decision: `await X`
 * becomes `await __dryrunnerAwait((X), "await in flush (queue.ts:12)")`. Invariants: code is only added, and no line
 * break before the last line, so lines keep their numbers and the source map accounts for columns; outside a simulation
 * the code behaves as before, microtask by microtask.
 */
import * as is from '../../kernel/shape.ts';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { basename } from 'node:path';
import { check } from '../../kernel/argument-check.ts';
import {
  type Insertion,
  isNode,
  type Lines,
  ModuleCode,
  type RewrittenCode,
  type SourceMapV3,
  type SyntaxNode,
} from '../module-code.ts';
import { importForPath, isHoistedAwait } from '../vitest-calls.ts';

/** Options of {@link rewriteAwaits}. */
export interface RewriteOptions {
  /** Path of the module, used to name its awaits and in the source map. */
  readonly file: string;
  /** ESTree syntax tree, if the code has been parsed already. Default: parsed here. */
  readonly ast?: object;
  /**
   * Source map from `code` to the original source, used to name awaits. Default: the inline map of the code, if any.
   */
  readonly map?: object | undefined;
}

const OPTIONS = is.optionsOf<RewriteOptions>({ file: is.text('a path') }, { ast: is.ANY, map: is.ANY });

const AWAIT = '__dryrunnerAwait';
const EACH = '__dryrunnerEach';
const DISPOSE = '__dryrunnerDispose';
/** Holds what a declaration has made until the variable that the code declares has it. */
const MADE = '__dryrunnerMade';
const MIGHT_WAIT = /\bawait\b|\basync\b/;
/** Expression that gives the hub of the thread; see `hub.ts`. A module may have a `Symbol` of its own. */
const HUB = 'globalThis.process?.[globalThis.Symbol.for("dryrunner.ambient")]';
/** Expression for a value `v` that is not refused by a declaration. It reads no method, since a getter may notice. */
const DISPOSABLE =
  '((typeof v==="object"||typeof v==="function")&&(globalThis.Symbol.asyncDispose in v||globalThis.Symbol.dispose in v))';
/**
 * The last line of a rewritten module. Functions are hoisted, so the helpers exist before any code of the module runs,
 * even if another module calls into it during a circular import.
 */
const TAIL = [
  `var __dryrunnerHub,${MADE};`,
  `function ${AWAIT}(v,s){const c=(__dryrunnerHub??=${HUB})?.awaits;return c===undefined?v:c.awaited(v,s)}`,
  `function ${EACH}(v,s){const c=(__dryrunnerHub??=${HUB})?.awaits;return c===undefined?v:c.each(v,s)}`,
  `function ${DISPOSE}(v,s){if(v!=null&&!${DISPOSABLE})return v;const c=(__dryrunnerHub??=${HUB})?.awaits;return c===undefined?null:c.disposal(s)}`,
].join('');

/**
 * Rewrites the `await`, `for await` and `await using` of the code, and the `yield` and `return` of its async
 * generators. Returns undefined if it has none of them.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for code that cannot be parsed.
 * @example
 * ```ts
 * import { rewriteAwaits } from 'dryrunner/ambient';
 * const { code } = rewriteAwaits('export const flush = async (queue) => { await queue; };', { file: 'queue.js' }) ?? {};
 * console.log(code?.split('\n')[0]);
 * // export const flush = async (queue) => { await  __dryrunnerAwait((queue),"await in flush (queue.js:1)"); };
 * ```
 */
export function rewriteAwaits(code: string, options: RewriteOptions): RewrittenCode | undefined {
  check('code', code, is.TEXT);
  check('options', options, OPTIONS);
  const { file, ast } = options;
  if (!MIGHT_WAIT.test(code) || code.includes(`function ${AWAIT}(`)) return undefined;
  const module = new ModuleCode(code, file);
  const { lines, map } = module;
  const walk = new AwaitWalk(lines, new Places(file, (options.map ?? map) as SourceMapV3 | undefined));
  walk.visit((ast ?? module.parse('its awaits')) as SyntaxNode, TOP);
  const insertions = walk.insertions();
  return insertions.length === 0 ? undefined : module.with(insertions, TAIL);
}

/** Finds the original file, line and column of a place, for names such as `queue.ts:12`. */
class Places {
  readonly #file: string;
  readonly #map: SourceMap | undefined;

  constructor(file: string, map: SourceMapV3 | undefined) {
    this.#file = file;
    this.#map =
      map === undefined || map.mappings === ''
        ? undefined
        : new SourceMap(map as unknown as SourceMapPayload);
  }

  of(line: number, column: number): readonly [file: string, line: number, column: number] {
    const entry = this.#map?.findEntry(line, column);
    if (entry === undefined || !('originalSource' in entry)) {
      return [basename(this.#file), line + 1, column + 1];
    }
    const source = entry.originalSource || this.#file;
    return [basename(source), entry.originalLine + 1, entry.originalColumn + 1];
  }
}

/** The context of a node. */
interface Around {
  /** Name of the nearest named function, qualified by its class. */
  readonly name: string;
  /** Name of the definition in progress, for a function or class without a name of its own. */
  readonly pending: string;
  readonly className: string;
  readonly isAsyncGenerator: boolean;
}

const TOP: Around = { name: '', pending: '', className: '', isAsyncGenerator: false };
const FUNCTIONS: ReadonlySet<string> = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
]);

interface Site {
  readonly what: string;
  readonly where: readonly [file: string, line: number, column: number];
}

/** `open` is 0 for text that begins something, else where that has begun. */
type Edit = Insertion & { readonly open: number };
type Found = Site & { readonly edits: (site: string) => readonly [Edit, Edit] };

/** Finds everything that waits in an ESTree of any parser. */
class AwaitWalk {
  readonly #lines: Lines;
  readonly #places: Places;
  readonly #found: Found[] = [];

  constructor(lines: Lines, places: Places) {
    this.#lines = lines;
    this.#places = places;
  }

  visit(node: SyntaxNode, around: Around): void {
    this.#note(node, around);
    const inside = insideOf(node, around);
    const left = importForPath(node);
    for (const value of Object.values(node)) {
      if (Array.isArray(value)) {
        for (const each of value) if (isNode(each) && each !== left) this.visit(each, inside);
      } else if (isNode(value)) this.visit(value, inside);
    }
  }

  /** Sorted by offset; those that end something at the same offset are sorted from the innermost outwards. */
  insertions(): Insertion[] {
    const taken = new Map<string, number>();
    for (const { what, where } of this.#found) {
      const line = textOfSite(what, where, false);
      taken.set(line, (taken.get(line) ?? 0) + 1);
    }
    const insertions = this.#found.flatMap(({ what, where, edits }) => {
      const isOnly = taken.get(textOfSite(what, where, false)) === 1;
      return edits(JSON.stringify(textOfSite(what, where, !isOnly)));
    });
    return insertions.sort((one, other) => one.at - other.at || other.open - one.open);
  }

  #note(node: SyntaxNode, around: Around): void {
    const { type } = node;
    if (type === 'AwaitExpression') {
      if (!isHoistedAwait(node)) this.#wrap(AWAIT, node, node['argument'], 'await', around);
    } else if (type === 'ForOfStatement' && node['await'] === true) {
      this.#wrap(EACH, node, node['right'], 'for await', around);
    } else if (type === 'VariableDeclaration' && node['kind'] === 'await using') {
      this.#noteUsing(node, around);
    } else if (around.isAsyncGenerator && type === 'YieldExpression') {
      const isEach = node['delegate'] === true;
      this.#wrap(isEach ? EACH : AWAIT, node, node['argument'], isEach ? 'yield*' : 'yield', around);
    } else if (around.isAsyncGenerator && type === 'ReturnStatement') {
      this.#wrap(AWAIT, node, node['argument'], 'return', around);
    }
  }

  #wrap(before: string, node: SyntaxNode, operand: unknown, what: string, around: Around): void {
    if (!isNode(operand)) return;
    const { start: open, end: close } = operand;
    this.#found.push({
      ...this.#siteOf(node, what, around),
      edits: (site) => [
        { at: open, text: ` ${before}((`, open: 0 },
        { at: close, text: `),${site})`, open },
      ],
    });
  }

  /**
   * Declares something beside it, which is disposed of last. The engine waits even for nothing that is declared so, and
   * so what the code declares is made first: if that throws, nothing is declared. A value without a method to dispose of
   * it is declared in place of what is beside it: the engine refuses it at once. Skips the head of a loop, where no second
   * variable can be declared.
   */
  #noteUsing(node: SyntaxNode, around: Around): void {
    const [first] = node['declarations'] as readonly SyntaxNode[];
    if (first === undefined || !isNode(first['init']) || !isNode(first['id'])) return;
    const { start: open, end: close, id } = first;
    const { start, end, name } = id;
    this.#found.push({
      ...this.#siteOf(node, 'await using', around),
      edits: (site) => [
        { at: open, text: ` __dryrunner${open}=${DISPOSE}(${MADE}`, replaced: end - start, open: 0 },
        { at: close, text: `,${site}),${String(name)}=${MADE}`, open },
      ],
    });
  }

  #siteOf({ start }: SyntaxNode, what: string, { name }: Around): Site {
    const line = this.#lines.lineOf(start);
    const where = this.#places.of(line, start - (this.#lines.starts[line] as number));
    return { what: name === '' ? what : `${what} in ${name}`, where };
  }
}

function textOfSite(what: string, [file, line, column]: Site['where'], withColumn: boolean): string {
  return `${what} (${file}:${line}${withColumn ? `:${column}` : ''})`;
}

/** The context of a node's children. */
function insideOf(node: SyntaxNode, around: Around): Around {
  const { type } = node;
  if (FUNCTIONS.has(type)) {
    const own = nameOf(node['id']) || around.pending;
    const isAsyncGenerator = node['async'] === true && node['generator'] === true;
    return { ...around, name: own || around.name, pending: '', isAsyncGenerator };
  }
  if (type === 'ClassDeclaration' || type === 'ClassExpression') {
    return { ...around, className: nameOf(node['id']) || around.pending, pending: '' };
  }
  const given = givenName(node);
  if (given !== '') {
    const isMember = type === 'MethodDefinition' || type === 'PropertyDefinition';
    const prefix = isMember && around.className !== '' ? `${around.className}.` : '';
    return { ...around, pending: `${prefix}${given}` };
  }
  return around;
}

/** The name that a node gives to its value. */
function givenName(node: SyntaxNode): string {
  switch (node.type) {
    case 'VariableDeclarator':
      return nameOf(node['id']);
    case 'AssignmentExpression':
      return nameOf(node['left']);
    case 'AssignmentPattern':
      return nameOf(node['left']);
    case 'MethodDefinition':
    case 'PropertyDefinition':
    case 'Property':
      return node['computed'] === true ? '' : nameOf(node['key']);
    default:
      return '';
  }
}

function nameOf(node: unknown): string {
  if (!isNode(node)) return '';
  const { type, name, value } = node;
  if (type === 'Identifier') return String(name);
  if (type === 'PrivateIdentifier' || type === 'PrivateName') return `#${String(name)}`;
  if (type === 'Literal' && typeof value === 'string') return value;
  return type === 'MemberExpression' && node['computed'] !== true ? nameOf(node['property']) : '';
}
