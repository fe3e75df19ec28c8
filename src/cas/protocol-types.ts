/**
 * The types of the protocol as protobufjs has them. Invariant: that package, an optional peer, is loaded when a message is first written or read
 * and not before, because doors that name messages are loaded by everybody.
 */
// eslint-disable-next-line @typescript-eslint/no-restricted-imports -- loads an optional package on first use, from synchronous code
import { createRequire } from 'node:module';
import type protobuf from 'protobufjs';
import { RunnerError } from '../kernel/errors.ts';
import { packageFile } from '../kernel/package-files.ts';
import { REMOTE_EXECUTION_PROTO, USED_PROTOS } from './remote-execution-proto.ts';

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

function readProtocol(): protobuf.Root {
  const { Root, parse } = loadProtobuf();
  const read = new Root();
  for (const text of [REMOTE_EXECUTION_PROTO, ...USED_PROTOS]) parse(text, read);
  read.resolveAll();
  return read;
}

function loadProtobuf(): typeof protobuf {
  try {
    return createRequire(packageFile('package.json'))('protobufjs') as typeof protobuf;
  } catch (cause) {
    if ((cause as { code?: unknown } | undefined)?.code !== 'MODULE_NOT_FOUND') throw cause;
    const message =
      'messages of the Remote Execution API need the package protobufjs: npm install protobufjs';
    throw new RunnerError('RUNNER_MISSING_PACKAGE', message, { expected: 'protobufjs', cause });
  }
}
