/** What the machine calls the resources by which code waits for real time, for I/O and for other threads. */
import type { EscapeKind } from '../explore/escape.ts';

const KINDS: Readonly<Record<EscapeKind, readonly string[]>> = {
  timer: ['Timeout', 'Immediate'],
  clock: [],
  entropy: [
    ...['RANDOMBYTESREQUEST', 'RANDOMPRIMEREQUEST', 'KEYPAIRGENREQUEST', 'KEYGENREQUEST'],
    ...['PBKDF2REQUEST', 'SCRYPTREQUEST', 'DERIVEBITSREQUEST', 'SIGNREQUEST', 'CIPHERREQUEST', 'HASHREQUEST'],
  ],
  io: [
    ...['FSREQCALLBACK', 'FSREQPROMISE', 'FILEHANDLE', 'FILEHANDLECLOSEREQ', 'FSEVENTWRAP', 'STATWATCHER'],
    ...[
      'GETADDRINFOREQWRAP',
      'GETNAMEINFOREQWRAP',
      'QUERYWRAP',
      'TCPWRAP',
      'TCPSERVERWRAP',
      'TCPCONNECTWRAP',
    ],
    ...['PIPEWRAP', 'PIPESERVERWRAP', 'PIPECONNECTWRAP', 'UDPWRAP', 'UDPSENDWRAP', 'TLSWRAP', 'SHUTDOWNWRAP'],
    ...['HTTPINCOMINGMESSAGE', 'HTTPCLIENTREQUEST', 'HTTP2SESSION', 'WRITEWRAP', 'STREAMPIPE', 'ZLIB'],
  ],
  process: ['PROCESSWRAP', 'SIGNALWRAP'],
  thread: ['WORKER', 'MESSAGEPORT'],
};

/** Kinds by the name of the resource; what is not here (promises, ticks, the user's own) stays inside. */
export const OUTSIDE_RESOURCES: ReadonlyMap<string, EscapeKind> = new Map(
  (Object.keys(KINDS) as EscapeKind[]).flatMap((kind) => KINDS[kind].map((name) => [name, kind] as const)),
);
