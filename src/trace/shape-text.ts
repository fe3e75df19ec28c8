/**
 * Writes values as JSON with their fields in the order of their shape and the keys of maps sorted, so that equal data is written as
 * equal bytes whatever built it (R209).
 */
import { canonicalJson, sortedKeys } from './canonical-json.ts';
import type { MapShape, RecordShape, Shape } from './shape.ts';

/** The JSON text of `value`, which fits `shape`. */
export function shapeText(shape: Shape, value: unknown): string {
  switch (shape.is) {
    case 'text':
    case 'choice':
    case 'number':
    case 'boolean':
      return JSON.stringify(value);
    case 'opaque':
      return canonicalJson(value);
    case 'list':
      return `[${(value as readonly unknown[]).map((held) => shapeText(shape.of, held)).join(',')}]`;
    case 'map':
      return mapText(shape, value as JsonObject);
    case 'record':
      return recordText(shape, value as JsonObject);
  }
}

type JsonObject = Readonly<Record<string, unknown>>;

function mapText({ of }: MapShape, map: JsonObject): string {
  return `{${sortedKeys(map)
    .map((key) => `${JSON.stringify(key)}:${shapeText(of, map[key])}`)
    .join(',')}}`;
}

/** By hand, because it is done for every line of a file. */
function recordText({ fields }: RecordShape, record: JsonObject): string {
  let text = '{';
  for (const [key, shape] of fields) {
    const held = record[key];
    if (held === undefined) continue;
    if (text.length > 1) text += ',';
    text += `"${key}":${shapeText(shape, held)}`;
  }
  return `${text}}`;
}
