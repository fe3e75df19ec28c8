/**
 * The calls that Vitest rewrites or moves to the top of a test file before it runs. Invariant: Vitest recognizes them by
 * their syntax alone, and so does this; the parts that it reads must reach it as they were written.
 */
import { isNode, type SyntaxNode } from './module-code.ts';

const OBJECTS: ReadonlySet<unknown> = new Set(['vi', 'vitest']);
/** From `vi.mock(import('./queue.ts'))` Vitest takes the path, and so has the import never made. */
const TAKE_PATHS: ReadonlySet<unknown> = new Set(['mock', 'unmock', 'doMock', 'doUnmock']);

/** The import from which Vitest takes the path, with its `await` if it has one; undefined in other nodes. */
export function importForPath(node: SyntaxNode): SyntaxNode | undefined {
  if (!TAKE_PATHS.has(methodOf(node))) return undefined;
  const [first] = node['arguments'] as readonly SyntaxNode[];
  const awaited = first?.type === 'AwaitExpression' ? first['argument'] : first;
  return isNode(awaited) && awaited.type === 'ImportExpression' ? first : undefined;
}

/** True for `await vi.hoisted(…)`, which Vitest moves as a whole. */
export function isHoistedAwait(node: SyntaxNode): boolean {
  const { argument } = node;
  return node.type === 'AwaitExpression' && isNode(argument) && methodOf(argument) === 'hoisted';
}

/** The name of the method of Vitest that the node calls. */
function methodOf({ type, callee }: SyntaxNode): unknown {
  if (type !== 'CallExpression' || !isNode(callee) || callee.type !== 'MemberExpression') return undefined;
  const { object, property, computed } = callee;
  if (computed === true || !isNode(object) || !isNode(property)) return undefined;
  return OBJECTS.has(object['name']) ? property['name'] : undefined;
}
