/**
 * Bounds what a message decodes to: an empty entry of a list takes two bytes in a message and a hundred times that in
 * memory, so a limit of bytes alone does not protect a server from the messages of clients.
 */
import type protobuf from 'protobufjs';

/**
 * Maximum number of entries in all lists of one message, those of inner messages included, and of an input root: more than
 * any build has, and few enough to hold and to write.
 */
export const MESSAGE_ENTRIES_MAX = 1_000_000;
/** Length of an empty entry: its tag and its length. */
const ENTRY_BYTES_MIN = 2;
/** Wire type of texts, bytes, inner messages and packed numbers. */
const DELIMITED = 2;

/**
 * True if a message of that type has more entries than allowed. Creates nothing per entry, and reads only messages that
 * are long enough to have that many. Throws an Error for bytes that are no message.
 */
export function hasTooManyEntries(
  type: protobuf.Type,
  reader: protobuf.Reader,
  entriesMax: number = MESSAGE_ENTRIES_MAX,
): boolean {
  if (reader.len - reader.pos <= entriesMax * ENTRY_BYTES_MIN) return false;
  return new EntryCount(reader, entriesMax).exceeds(type, reader.len);
}

class EntryCount {
  readonly #reader: protobuf.Reader;
  #left: number;

  constructor(reader: protobuf.Reader, entriesMax: number) {
    this.#reader = reader;
    this.#left = entriesMax;
  }

  /** Reads a message that ends at that position. */
  exceeds(type: protobuf.Type, end: number): boolean {
    const reader = this.#reader;
    while (reader.pos < end) {
      const tag = reader.uint32();
      const field = type.fieldsById[tag >>> 3];
      const wireType = tag & 7;
      if (field === undefined) reader.skipType(wireType);
      else if (this.#exceedsIn(field, wireType)) return true;
    }
    return false;
  }

  #exceedsIn(field: protobuf.Field, wireType: number): boolean {
    const reader = this.#reader;
    const isList = field.repeated || field.map;
    const own = wireTypeOf(field);
    // The decoder reads a field by its own type, whatever the bytes say: the count would take other bytes for entries.
    if (wireType !== own && !(isList && wireType === DELIMITED)) {
      throw new Error(`field ${field.name}: expected wire type ${own}, got ${wireType}`);
    }
    if (wireType !== DELIMITED) {
      if (isList) this.#left -= 1;
      reader.skipType(wireType);
      return this.#left < 0;
    }
    const length = reader.uint32();
    // Each number of a packed list takes a byte or more.
    if (isList) this.#left -= own === DELIMITED ? 1 : length;
    if (this.#left < 0) return true;
    const inner = field.map ? null : field.resolvedType;
    if (inner !== null && 'fieldsArray' in inner) return this.exceeds(inner, reader.pos + length);
    reader.skip(length);
    return false;
  }
}

const WIRE_TYPES: Readonly<Record<string, number>> = {
  string: DELIMITED,
  bytes: DELIMITED,
  double: 1,
  fixed64: 1,
  sfixed64: 1,
  float: 5,
  fixed32: 5,
  sfixed32: 5,
};

/** That of one value. */
function wireTypeOf({ type, resolvedType, map }: protobuf.Field): number {
  if (map || (resolvedType !== null && 'fieldsArray' in resolvedType)) return DELIMITED;
  return WIRE_TYPES[type] ?? 0;
}
