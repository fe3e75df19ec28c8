/**
 * Rewrites `import('x')` to `__dryrunnerImport(()=>import('x'))`, so that a simulation stands still until the module is
 * there, and has no part in how it is loaded. Invariants: lines keep their numbers; outside a simulation the promise is
 * that of the import; what cannot be rewritten stays as it is.
 */
import { type Insertion, isNode, ModuleCode, type SyntaxNode } from './module-code.ts';
import type { ModuleTransform } from './module-transform.ts';
import { importForPath } from './vitest-calls.ts';

const IMPORT = '__dryrunnerImport';
const MIGHT_IMPORT = /\bimport\s*\(/;
/** Packages load what they need as they do elsewhere, and Vitest and this package must. */
const OF_PACKAGES = /[\\/]node_modules[\\/]/;
const TAIL = `function ${IMPORT}(i,s){const l=()=>i(s);return globalThis.process?.[globalThis.Symbol.for("dryrunner.ambient")]?.world?.held?.(l)??l()}`;

/** The transform of the user's modules, whose imports are awaited while time stands still. */
export const importTransform: ModuleTransform = {
  name: 'imports',
  transform(code, file) {
    if (OF_PACKAGES.test(file) || !MIGHT_IMPORT.test(code) || code.includes(`function ${IMPORT}(`)) {
      return undefined;
    }
    const module = new ModuleCode(code, file);
    const insertions = importsIn(parsed(module))
      .flatMap((each) => insertionsFor(each, code))
      .sort((one, other) => one.at - other.at);
    return insertions.length === 0 ? undefined : module.with(insertions, TAIL);
  },
};

/** Code that cannot be parsed has no nodes. */
function parsed(module: ModuleCode): SyntaxNode {
  try {
    return module.parse('its imports') as SyntaxNode;
  } catch {
    return { type: 'Program', start: 0, end: 0 };
  }
}

/** A name that is known only at run time is evaluated in its place. With options an import stays as it is. */
function insertionsFor({ start, end, ...fields }: SyntaxNode, code: string): Insertion[] {
  const source = fields['source'] as SyntaxNode;
  if (code.slice(source.end, end).includes(',')) return [];
  const last = { at: end, text: ')' };
  if (source.type === 'Literal') return [{ at: start, text: `${IMPORT}(()=>` }, last];
  const call = `${IMPORT}((s)=>import(/* @vite-ignore */ s),`;
  return [{ at: start, text: call, replaced: 'import'.length }, last];
}

function importsIn(node: SyntaxNode): SyntaxNode[] {
  const left = importForPath(node);
  const below = Object.values(node).flatMap((value) =>
    [value]
      .flat()
      .filter(isNode)
      .filter((each) => each !== left)
      .flatMap(importsIn),
  );
  return node.type === 'ImportExpression' ? [node, ...below] : below;
}
