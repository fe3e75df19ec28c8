/**
 * What was typed and set for this process as bytes. Node gives it as text, in which bytes that are not UTF-8 read as U+FFFD: another argument
 * or value than was meant. Invariant: a U+FFFD that was typed is let through wherever the system distinguishes it from such bytes.
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
  // What Node itself was started with comes first.
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

/** Whether these bytes may be those of a text. */
function isOf(bytes: Buffer | undefined, text: string): bytes is Buffer {
  return bytes !== undefined && (isUtf8(bytes) ? bytes.toString() === text : text.includes(REPLACEMENT));
}

/** What Linux keeps of the start of this process; nothing on other systems. */
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
