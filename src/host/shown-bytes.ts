/** Bytes that are no text, for people to read. */

/** ASCII as it is, and all else as the escapes of a shell. */
export function shownBytes(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[^\x20-\x7e]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
