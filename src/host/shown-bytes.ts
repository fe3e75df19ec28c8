/** Makes bytes that are not valid text readable. */

/** ASCII unchanged, and all other bytes as escapes of a shell. */
export function shownBytes(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[^\x20-\x7e]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
