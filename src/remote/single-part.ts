/** A stream of one part, for what is in memory as a whole. */
export async function* singlePart(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
