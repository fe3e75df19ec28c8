/**
 * The message types of the protocol as protobufjs objects. Invariant: protobufjs, an optional peer dependency, is not
 * loaded by an import, because every user loads doors that name messages, but by the first message or by what needs it.
 */
// eslint-disable-next-line @typescript-eslint/no-restricted-imports -- loads an optional package on first use, from synchronous code
import { createRequire } from 'node:module';
import type protobuf from 'protobufjs';
import { describeValue, RunnerError } from '../kernel/errors.ts';
import { packageFile } from '../kernel/package-files.ts';
import { REMOTE_EXECUTION_PROTO, USED_PROTOS } from './remote-execution-proto.ts';

let protobufjs: typeof protobuf | undefined;
let root: protobuf.Root | undefined;

/**
 * The type of a message by its full name.
 *
 * @throws RunnerError `RUNNER_MISSING_PACKAGE` if protobufjs is not installed.
 */
export function protocolType(name: string): protobuf.Type {
  root ??= readProtocol();
  return root.lookupType(name);
}

/** Stands for invalid UTF-8 in decoded text; may also be a character of the text. */
export const REPLACEMENT = '\uFFFD';

/**
 * A reader that accepts only texts in UTF-8. Otherwise invalid bytes would become another text, possibly the same for
 * different bytes. Its `string` throws an Error for an invalid text.
 */
export function strictReader(bytes: Uint8Array): protobuf.Reader {
  const reader = loadedProtobuf().Reader.create(bytes);
  const readText = reader.string.bind(reader);
  reader.string = () => {
    const start = reader.pos;
    const text = readText();
    if (!text.includes(REPLACEMENT)) return text;
    reader.pos = start;
    if (!isUtf8(reader.bytes())) throw new Error(`expected texts in UTF-8, got ${describeValue(text)}`);
    return text;
  };
  return reader;
}

function readProtocol(): protobuf.Root {
  const { Root, parse } = loadedProtobuf();
  const read = new Root();
  for (const text of [REMOTE_EXECUTION_PROTO, ...USED_PROTOS]) parse(text, read);
  read.resolveAll();
  return read;
}

/**
 * Loads protobufjs ahead of the first message, for `neededBy`, which would otherwise fail late.
 *
 * @throws RunnerError `RUNNER_MISSING_PACKAGE` if it is not installed.
 */
export function requireProtobuf(neededBy: string): void {
  loadedProtobuf(`${neededBy} needs`);
}

function loadedProtobuf(needs = 'messages of the Remote Execution API need'): typeof protobuf {
  try {
    return (protobufjs ??= createRequire(packageFile('package.json'))('protobufjs') as typeof protobuf);
  } catch (cause) {
    if ((cause as { code?: unknown } | undefined)?.code !== 'MODULE_NOT_FOUND') throw cause;
    const message = `${needs} the package protobufjs: npm install protobufjs`;
    throw new RunnerError('RUNNER_MISSING_PACKAGE', message, { expected: 'protobufjs', cause });
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function isUtf8(bytes: Uint8Array): boolean {
  try {
    utf8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
