/**
 * Rewrites what code of a bundle asks of its place, such as `import.meta`, and imports of Node's own modules. Invariant: lines and columns stay the same.
 */
import { isBuiltin } from 'node:module';
import { dirname, isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'rolldown';
import { isNode, type SyntaxNode } from '../module-code.ts';
import { languageOf } from './source-language.ts';

/**
 * Replacements: calls of functions that are appended to the module and, being hoisted, exist before any of its lines
 * runs. Each is as long as the text it replaces, so that columns stay the same.
 */
const META = '$dr_meta$()';
const IMPORT = '$dr_im';
const REQUIRE = '$dr_q()';
const PLACES: ReadonlyMap<string, string> = new Map([
  ['__filename', '$dr_file()'],
  ['__dirname', '$dr_dir()'],
  ['require', REQUIRE],
]);
/**
 * Code without any of these is not parsed. A call whose only argument is a plain text needs nothing, unless it imports
 * one of Node's own modules.
 */
const MENTIONED =
  /\bimport\.meta\b|\b__(?:file|dir)name\b|\brequire\b(?!\s*\()|\b(?:import|require)\s*\((?!\s*(["'])[^"'\n]*\1\s*\))|\bimport\s*\(\s*["'](?:node:|[\w/]+["'])/;

/** Gives each module of a bundle its own place. */
export function ownPlacePlugin(): Plugin {
  return {
    name: 'dryrunner:own-place',
    transform(code, id) {
      if (!isAbsolute(id) || !MENTIONED.test(code)) return undefined;
      let program: SyntaxNode;
      try {
        program = this.parse(code, { lang: languageOf(id) }) as unknown as SyntaxNode;
      } catch {
        // The bundler says what is wrong, and where.
        return undefined;
      }
      const edits = editsOf(program);
      if (edits.length === 0) return undefined;
      let text = '';
      let at = 0;
      for (const { start, end, by } of edits.sort((one, other) => one.start - other.start)) {
        text += code.slice(at, start) + by;
        at = end;
      }
      return { code: `${text}${code.slice(at)}\n${placeFunctions(id)}`, map: null };
    },
  };
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly by: string;
}

const MODULE_SYNTAX = /^(?:Import|Export)\w*Declaration$/;

function editsOf(program: SyntaxNode): Edit[] {
  const places = placesIn(program, program, '');
  const declared = new Set(places.flatMap(declaredNames));
  const edits = places.flatMap((place) => {
    const isOwn = place.node.type === 'Identifier' && declared.has(place.node['name']);
    return isOwn ? [] : (editOf(place) ?? []);
  });
  // In an ES module `__filename`, `__dirname` and `require` are ordinary names.
  const isModule = places.some(({ node }) => MODULE_SYNTAX.test(node.type) || isImportMeta(node));
  if (isModule) return edits.filter(({ by }) => by === META || by === IMPORT);
  return edits;
}

/** False for `new.target`, which CommonJS has too. */
function isImportMeta({ type, meta }: SyntaxNode & { readonly meta?: unknown }): boolean {
  return type === 'MetaProperty' && nameIn(meta) === 'import';
}

/** The name to which the code gives a value there, as modules in bundles do with `require`. */
function declaredNames({ node, parent, role }: SyntaxPlace): unknown[] {
  if (node.type === 'Property' && parent.type === 'ObjectPattern') return [nameIn(node['value'])];
  if (node.type !== 'Identifier') return [];
  const isGiven = role === 'params' || role === 'param' || role === 'id' || /Pattern$/.test(parent.type);
  const isAssigned = role === 'left' && /^(?:Assignment|For)/.test(parent.type);
  return isAssigned || (isGiven && role !== 'right') ? [nameIn(node)] : [];
}

function nameIn(node: unknown): unknown {
  return isNode(node) ? node['name'] : undefined;
}

interface SyntaxPlace {
  readonly node: SyntaxNode;
  readonly parent: SyntaxNode;
  /** The property of the parent that holds the node. */
  readonly role: string;
}

function placesIn(node: SyntaxNode, parent: SyntaxNode, role: string): SyntaxPlace[] {
  const below = Object.entries(node).flatMap(([key, value]) => {
    const children: readonly unknown[] = Array.isArray(value) ? value : [value];
    return children.filter(isNode).flatMap((child) => placesIn(child, node, key));
  });
  return [{ node, parent, role }, ...below];
}

function editOf({ node, parent, role }: SyntaxPlace): Edit | undefined {
  const { type, start, end } = node;
  switch (type) {
    case 'MetaProperty':
      return isImportMeta(node) && end - start === META.length ? { start, end, by: META } : undefined;
    case 'ImportExpression':
      return isBundled(node['source']) ? undefined : { start, end: start + IMPORT.length, by: IMPORT };
    case 'Identifier':
      return node['name'] === 'require' && isBundledRequire(parent, role)
        ? undefined
        : editOfName(node, parent, role);
    default:
      return undefined;
  }
}

function editOfName(
  { start, end, ...fields }: SyntaxNode,
  parent: SyntaxNode,
  role: string,
): Edit | undefined {
  const name = String(fields['name']);
  const place = PLACES.get(name);
  if (place === undefined) return undefined;
  if (parent['shorthand'] === true) {
    return role === 'value' ? { start, end, by: `${name}: ${place}` } : undefined;
  }
  const isKey = parent['computed'] !== true && (role === 'property' || role === 'key');
  return isKey ? undefined : { start, end, by: place };
}

/** True for a call with a name that the bundler knows, and for what it answers itself. */
function isBundledRequire(parent: SyntaxNode, role: string): boolean {
  if (parent.type === 'UnaryExpression') return true;
  const [first] = (parent['arguments'] ?? []) as readonly unknown[];
  const isCall = parent.type === 'CallExpression' && role === 'callee';
  return isCall && (first === undefined || isLiteral(first));
}

/** True for a text that the bundler knows. */
function isLiteral(node: unknown): boolean {
  if (!isNode(node)) return false;
  return node.type === 'Literal' || (node.type === 'TemplateLiteral' && isEmptyList(node['expressions']));
}

/**
 * True for the name of a module that becomes part of the bundle. One of Node is left: the engine would load it at a time
 * of its own.
 */
function isBundled(source: unknown): boolean {
  return isLiteral(source) && !isBuiltin(String((source as SyntaxNode)['value']));
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function placeFunctions(file: string): string {
  const [url, filename, folder] = [pathToFileURL(file).href, file, dirname(file)].map((text) =>
    JSON.stringify(text),
  );
  return [
    `function $dr_meta$() { return $dr_meta$.it ??= { url: ${url}, filename: ${filename}, dirname: ${folder}, resolve: $dr_place(${url}).resolve }; }`,
    `function $dr_im(name) { return $dr_place(${url}).load(name); }`,
    `function $dr_q() { return $dr_place(${url}).require; }`,
    `function $dr_file() { return ${filename}; }`,
    `function $dr_dir() { return ${folder}; }`,
  ].join('\n');
}
