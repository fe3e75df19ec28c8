/**
 * Shared by commands that serve or call over gRPC: reads files with secrets and certificates, diagnoses encryption
 * problems of a connection, and silences the log of gRPC.
 */
import { connect } from 'node:tls';
import { loadGrpc } from '../host/remote/load-grpc.ts';
import { messageOf } from '../kernel/errors.ts';
import { readSmallFile } from './exec-files.ts';
import { InterruptedError, UsageError } from './exit-status.ts';
import type { Interruption } from './interruption.ts';

/** More bytes than any token or certificate chain has. */
const FILE_BYTES_MAX = 1_000_000;
const TOKEN = /^[\x21-\x7e]+$/;

/**
 * Reads the file named by an option, or what comes through a pipe.
 *
 * @throws UsageError (rejects) if it cannot be read or is too large, InterruptedError if a signal comes first.
 */
export async function readFileOf(option: string, path: string, interruption: Interruption): Promise<Buffer> {
  if (path === '') throw new UsageError(`${option}: expected the name of a file, got ""`);
  try {
    return await readSmallFile(path, FILE_BYTES_MAX, interruption);
  } catch (error) {
    if (error instanceof InterruptedError) throw error;
    throw new UsageError(`${option}: ${path} cannot be read: ${messageOf(error)}`);
  }
}

/**
 * The token in the file of `--token-file`; undefined without that option. An invalid file is not shown, because it may
 * hold another secret.
 */
export async function readToken(
  path: string | undefined,
  interruption: Interruption,
): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const token = (await readFileOf('--token-file', path, interruption)).toString().trim();
  if (TOKEN.test(token)) return token;
  const what = token === '' ? 'nothing' : `${token.length} characters with spaces or non-ASCII`;
  throw new UsageError(`--token-file: expected one word of ASCII characters in ${path}, got ${what}`);
}

/** True if the URL means an encrypted connection. */
export function isEncrypted(remote: string): boolean {
  return remote.startsWith('grpcs:');
}

/**
 * OpenSSL's errors for an answer that is not TLS. TLS alerts are not included, because only servers that speak TLS send
 * them.
 */
const NOT_TLS = /wrong version number|packet length too long/;
/** The errors of HTTP/2 and of TLS for a server of another protocol, such as HTTP/1. */
const NOT_GRPC = /^Protocol error$|alert no application protocol/;
const UNTRUSTED = /self[- ]signed certificate|unable to (get|verify)/;

/**
 * Explains a failed connection if one side encrypts and the other does not, if the server speaks another protocol, or if
 * its certificate is not trusted; empty otherwise.
 */
export async function connectionHint(remote: string, why: string): Promise<string> {
  const address = remote.replace(/^grpcs?:\/\/|\/$/g, '');
  if (!isEncrypted(remote) && (await speaksTls(address))) {
    return `${remote} is reached, but speaks TLS: try grpcs://${address}`;
  }
  if (NOT_GRPC.test(why)) {
    return `${remote} is reached, but speaks neither gRPC nor anything else over HTTP/2`;
  }
  if (!isEncrypted(remote)) return '';
  if (NOT_TLS.test(why)) return `${remote} is reached, but does not speak TLS: try grpc://${address}`;
  if (!UNTRUSTED.test(why)) return '';
  // Later versions of Node add an option of their own, which is not one of this command.
  const [reason] = why.split('; ');
  return `the certificate of ${remote} is not trusted (${reason}): name the authority that has signed it with --tls-ca`;
}

const HANDSHAKE_MS = 2_000;

function speaksTls(address: string): Promise<boolean> {
  const [, host = '', port = '443'] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(address) ?? [];
  return new Promise((resolve) => {
    // Only checks whether the server answers in TLS, not who it is: nothing is sent.
    const socket = connect({ host, port: Number(port), rejectUnauthorized: false, ALPNProtocols: ['h2'] });
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(HANDSHAKE_MS, () => settle(false));
    socket.on('secureConnect', () => settle(true));
    socket.on('error', () => settle(false));
    socket.on('close', () => settle(false));
  });
}

/** Node's deprecation warning for IP addresses as TLS server names, which users cannot avoid. */
const ADDRESS_AS_NAME = 'DEP0123';

/** Silences gRPC unless its verbosity is set in the environment: the command reports errors itself. */
export async function hushGrpc(neededBy: string): Promise<void> {
  if (process.env['GRPC_VERBOSITY'] !== undefined || process.env['GRPC_NODE_VERBOSITY'] !== undefined) return;
  const grpc = await loadGrpc(neededBy);
  grpc.setLogVerbosity(grpc.logVerbosity.NONE);
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = (...args: unknown[]) => {
    if (!args.includes(ADDRESS_AS_NAME)) Reflect.apply(emitWarning, undefined, args);
  };
}
