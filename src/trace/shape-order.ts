/**
 * Puts the fields of a value into the order of its shape, and the keys of maps into sorted order, so that equal data is
 * written as equal bytes whatever built it (R209).
 */
import { canonicalJson, sortedKeys } from './canonical-json.ts';
import type { Shape } from './shape.ts';

/** A copy of `value`, which fits `shape`, with every object's keys in the order in which they are written. */
export function inOrder(shape: Shape, value: unknown): unknown {
  switch (shape.is) {
    case 'text':
    case 'number':
    case 'choice':
    case 'boolean':
      return value;
    case 'opaque':
      return JSON.parse(canonicalJson(value)) as unknown;
    case 'list':
      return (value as readonly unknown[]).map((held) => inOrder(shape.of, held));
    case 'map':
      return pick(value as object, sortedKeys(value as object), () => shape.of);
    case 'record':
      return pick(value as object, [...shape.fields.keys()], (key) => shape.fields.get(key));
  }
}

function pick(value: object, keys: readonly string[], shapeOf: (key: string) => Shape | undefined): unknown {
  const held = value as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    keys.flatMap((key) => {
      const shape = shapeOf(key);
      const present = Object.hasOwn(held, key) && held[key] !== undefined;
      return present && shape !== undefined ? [[key, inOrder(shape, held[key])] as const] : [];
    }),
  );
}
