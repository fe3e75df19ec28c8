/**
 * The arguments and environment variables of this process as bytes. Node gives them as text, in which invalid UTF-8
 * becomes U+FFFD: another value than was meant. Invariant: a U+FFFD that was really typed is accepted wherever the
 * system can distinguish it from invalid bytes.
 */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { REPLACEMENT } from '../cas/protocol-types.ts';
import { shownBytes } from '../host/shown-bytes.ts';
import { UsageError } from './exit-status.ts';

/** @throws UsageError if an argument of this process is not UTF-8, or cannot be distinguished from one that is not. */
export function requireTextArguments(): void {
  const typed = process.argv.slice(2);
  if (!typed.some((argument) => argument.includes(REPLACEMENT))) return;
  // The arguments of Node itself come first.
  const bytes = entriesOf('cmdline').slice(-typed.length);
  const isKnown = typed.every((argument, index) => isOf(bytes[index], argument));
  typed.forEach((argument, index) =>
    requireText('expected arguments in UTF-8', argument, isKnown ? bytes[index] : undefined),
  );
}

/** @throws UsageError if the value of that variable is not UTF-8, or cannot be distinguished from one that is not. */
export function requireTextVariable(option: string, name: string, value: string): void {
  const prefix = Buffer.from(`${name}=`);
  const entry = entriesOf('environ').find((bytes) => bytes.subarray(0, prefix.length).equals(prefix));
  const bytes = entry?.subarray(prefix.length);
  requireText(`${option}: expected ${name} to be UTF-8`, value, isOf(bytes, value) ? bytes : undefined);
}

function requireText(expected: string, text: string, bytes: Buffer | undefined): void {
  if (!text.includes(REPLACEMENT)) return;
  if (bytes === undefined) {
    throw new UsageError(`${expected}, got ${text}, in which U+FFFD may stand for other bytes`);
  }
  if (!isUtf8(bytes)) throw new UsageError(`${expected}, got ${shownBytes(bytes)}`);
}

/** True if these bytes are the UTF-8 encoding of the text. */
function isOf(bytes: Buffer | undefined, text: string): bytes is Buffer {
  return bytes !== undefined && (isUtf8(bytes) ? bytes.toString() === text : text.includes(REPLACEMENT));
}

/**
 * The arguments or the environment with which this process was started, as Linux keeps them; empty on other systems.
 */
function entriesOf(name: 'cmdline' | 'environ'): Buffer[] {
  let rest: Buffer;
  try {
    rest = readFileSync(`/proc/self/${name}`);
  } catch {
    return [];
  }
  const entries: Buffer[] = [];
  for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
    entries.push(rest.subarray(0, end));
    rest = rest.subarray(end + 1);
  }
  return entries;
}
