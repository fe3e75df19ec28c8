/**
 * `dryrunner serve --reapi`: serves this machine as a build cluster of the Remote Execution API until Ctrl-C.
 * Invariant: when the process ends by a signal, no action is left running.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RemoteFaults } from '../remote/remote-faults.ts';
import type { AddressInfo } from 'node:net';
import { isRunnerError, messageOf } from '../kernel/errors.ts';
import { onOneLine } from '../kernel/one-line.ts';
import { type BuildCluster, serveBuildCluster, type WorkerKind } from '../host/remote/build-cluster.ts';
import type { RemoteTls, RpcAccess } from '../host/remote/grpc-server.ts';
import { createPrometheusMetrics } from '../host/metrics/prometheus-metrics.ts';
import { loadPeer } from '../kernel/package-files.ts';
import type { Metrics } from '../model/metrics.ts';
import { type Digest, digestKey, shortHash } from '../model/digest.ts';
import type { RemoteFaultKind } from '../model/faults.ts';
import { counted } from '../model/plural.ts';
import { shellWord } from '../model/shell-word.ts';
import { endProcess, EXIT_STATUS, UsageError } from './exit-status.ts';
import { Interruption } from './interruption.ts';
import { formatSize, formatSpan } from './quantity-text.ts';
import { hushGrpc, readFileOf, readToken } from './remote-access.ts';
import { ownLine } from './rerun-line.ts';
import type { Terminal } from './terminal.ts';

/** Options as typed. */
export interface ServeCommandOptions {
  readonly reapi?: boolean;
  readonly port: number;
  readonly host: string;
  readonly jobs?: number;
  readonly cas?: string;
  /** Size limit in MiB. */
  readonly casSize?: number;
  /** Size limit in MiB, of each stream of an action. */
  readonly logSize?: number;
  readonly runners: WorkerKind;
  readonly chaos?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tokenFile?: string;
  readonly metricsPort?: number;
  readonly accessLog?: boolean;
  readonly json?: boolean;
}

const MIB = 1024 * 1024;
const PROGRESS_MS = 200;
/** How long the last lines of the log may take to be read once the cluster has ended. */
const LAST_LINES_MS = 5_000;
/** How much of the log waits for a reader that stands still: some ten thousand lines. */
const UNREAD_BYTES_MAX = 4 * MIB;
/** Digits of a hash in a line. */
const SHORT_HASH = 8;
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost']);

/** Serves until a signal comes; returns the exit code of that signal. */
export async function serveCommand(terminal: Terminal, options: ServeCommandOptions): Promise<number> {
  if (options.casSize !== undefined && options.cas === undefined) {
    throw new UsageError('--cas-size: only with --cas, the folder whose size it bounds');
  }
  if (options.reapi !== true) throw new UsageError('expected --reapi, the protocol to serve');
  if (options.port !== 0 && options.port === options.metricsPort) {
    throw new UsageError(`--metrics-port: expected another port than ${options.port}, that of --port`);
  }
  const interruption = new Interruption({ hasProcesses: true });
  const log = new AccessLog(terminal, options);
  try {
    await serveUntilRequested(terminal, options, log, interruption);
  } finally {
    interruption.dispose();
  }
  log.end();
  terminal.note(log.summary());
  const status = interruption.status ?? EXIT_STATUS.HELD;
  // A reader of the log that stands still would keep the process for ever.
  setTimeout(() => endProcess(status), LAST_LINES_MS).unref();
  return status;
}

async function serveUntilRequested(
  terminal: Terminal,
  options: ServeCommandOptions,
  log: AccessLog,
  interruption: Interruption,
): Promise<void> {
  const page = await openMetricsPage(options.metricsPort);
  let cluster: BuildCluster | undefined;
  try {
    cluster = await openCluster(options, { terminal, log, page, interruption });
    const { service, jobs } = cluster;
    announce(terminal, cluster, options, page.port);
    const progress = setInterval(() => terminal.progress(log.progress({ service, jobs })), PROGRESS_MS);
    await untilRequested(interruption);
    clearInterval(progress);
    terminal.progress('');
    terminal.note('stopping: actions that run are aborted');
  } finally {
    await closeCluster(terminal, cluster);
    page.close();
  }
}

/** Closes the cluster. What it could not remove or end is one line: the signal has been obeyed all the same. */
async function closeCluster(terminal: Terminal, cluster: BuildCluster | undefined): Promise<void> {
  try {
    await cluster?.close();
  } catch (error) {
    if (!isOfSurroundings(error)) throw error;
    terminal.note(onOneLine(`error: not all is removed that actions have left: ${messageOf(error)}`));
  }
}

/** An error of the system, or one of a runner; any other is a mistake of ours. */
function isOfSurroundings(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(isOfSurroundings);
  return isRunnerError(error) || (error as NodeJS.ErrnoException).syscall !== undefined;
}

/** Where calls are logged and measured, and what interrupts waiting for files. */
interface ServeSurroundings {
  readonly terminal: Terminal;
  readonly log: AccessLog;
  readonly page: Pick<MetricsPage, 'metrics' | 'countCall'>;
  readonly interruption: Interruption;
}

async function openCluster(
  options: ServeCommandOptions,
  { terminal, log, page, interruption }: ServeSurroundings,
): Promise<BuildCluster> {
  const { host, port, jobs, cas, casSize, logSize, runners, chaos } = options;
  const tls = await readTls(options, interruption);
  const token = await readToken(options.tokenFile, interruption);
  const onFault: RemoteFaults['onFault'] = (kind, method, about) => log.fault(kind, method, about);
  try {
    await hushGrpc('serve --reapi');
    return await serveBuildCluster({
      host,
      port,
      ...(jobs === undefined ? {} : { jobs }),
      cas,
      ...(casSize === undefined ? {} : { casBytesMax: casSize * MIB }),
      ...(logSize === undefined ? {} : { logBytesMax: logSize * MIB }),
      workers: runners,
      ...(chaos === undefined ? {} : { chaosSeed: chaos, faults: { onFault } }),
      metrics: page.metrics,
      onTrouble: (text) => {
        terminal.progress('');
        terminal.note(onOneLine(`warning: ${text}`));
      },
      tls,
      token,
      onAbandoned: (action, instance) => log.abandoned(action, instance),
      onCall: (access) => {
        log.add(access);
        page.countCall(shortName(access.method), access.code);
      },
    });
  } catch (error) {
    const isUsage =
      isRunnerError(error, 'RUNNER_INVALID_ARGUMENT') ||
      isRunnerError(error, 'RUNNER_RPC_FAILED') ||
      isRunnerError(error, 'RUNNER_MISSING_PACKAGE');
    throw isUsage ? new UsageError(asOption(messageOf(error))) : error;
  }
}

/** Rewords an invalid argument of the cluster in terms of the options that were typed. */
function asOption(text: string): string {
  return onOneLine(
    text
      .replace(/^(cas|host):/, '--$1:')
      .replace(/^tls\.(cert|key):/, '--tls-$1:')
      .replace(/^tls:/, '--tls-cert and --tls-key:')
      .replace(/another program listens there$/, '$&; --port 0 takes any port that is free'),
  );
}

function announce(
  terminal: Terminal,
  cluster: BuildCluster,
  options: ServeCommandOptions,
  metricsPort: number | undefined,
): void {
  const { host, runners, chaos, tokenFile, tlsCert, json = false } = options;
  const { endpoint, jobs } = cluster;
  if (json) {
    terminal.json({
      type: 'serving',
      endpoint,
      jobs,
      runners,
      ...(chaos === undefined ? {} : { chaos }),
      metricsPort,
    });
    return;
  }
  const lies = chaos === undefined ? '' : `, with faults of seed ${chaos}`;
  terminal.line(
    `serving the Remote Execution API at ${endpoint}: ${counted(jobs, 'job')} at a time, ${runners}${lies}`,
  );
  terminal.line(`  ${bazelLine(endpoint, options)}`);
  terminal.line(`  ${execLine(endpoint, options)}`);
  if (metricsPort !== undefined) {
    terminal.line(`metrics for Prometheus at http://127.0.0.1:${metricsPort}/metrics`);
  }
  if (!LOOPBACK.has(host) && (tokenFile === undefined || tlsCert === undefined) && runners === 'exec') {
    terminal.note(
      `anybody who reaches ${host} can run commands here, unless --tls-cert and --token-file are given`,
    );
  }
}

/** The URL of the cluster on this machine: clients cannot connect to the wildcard address. */
function urlHere(endpoint: string): string {
  return endpoint.replace(/(?<=:\/\/)(0\.0\.0\.0|\[::\])(?=:\d+$)/, 'localhost');
}

/** A command line with which a Bazel on this machine uses the cluster. */
export function bazelLine(
  endpoint: string,
  { tokenFile, tlsCert }: Pick<ServeCommandOptions, 'tokenFile' | 'tlsCert'>,
): string {
  return [
    'bazel build',
    `--remote_executor=${shellWord(urlHere(endpoint))}`,
    ...(tlsCert === undefined ? [] : [shellWord(`--tls_certificate=${tlsCert}`)]),
    // The token itself is not shown.
    ...(tokenFile === undefined
      ? []
      : [`"--remote_header=authorization=Bearer $(cat ${shellWord(tokenFile)})"`]),
    '//...',
  ].join(' ');
}

/** A command line that tries the cluster from this machine. */
function execLine(endpoint: string, { runners, tokenFile, tlsCert }: ServeCommandOptions): string {
  return ownLine([
    'exec',
    '--remote',
    urlHere(endpoint),
    ...(tlsCert === undefined ? [] : ['--tls-ca', tlsCert]),
    ...(tokenFile === undefined ? [] : ['--token-file', tokenFile]),
    '--',
    ...(runners === 'exec' ? ['uname', '-a'] : ['sleep 100', 'complete 0']),
  ]);
}

function untilRequested({ signal }: Interruption): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => resolve();
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}

async function readTls(
  { tlsCert, tlsKey }: ServeCommandOptions,
  interruption: Interruption,
): Promise<RemoteTls | undefined> {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new UsageError('expected both --tls-cert and --tls-key');
  }
  const cert = await readFileOf('--tls-cert', tlsCert, interruption);
  return { cert, key: await readFileOf('--tls-key', tlsKey, interruption) };
}

function shortName(method: string): string {
  return method.slice(method.lastIndexOf('/') + 1);
}

/** Shows calls as they end, and counts them. */
export class AccessLog {
  readonly #terminal: Terminal;
  readonly #shows: boolean;
  readonly #json: boolean;
  readonly #isChaotic: boolean;
  #calls = 0;
  #actions = 0;
  #faults = 0;
  #bytesIn = 0;
  #bytesOut = 0;
  /** Lines left out since the last that was printed. */
  #leftOut = 0;

  constructor(terminal: Terminal, { accessLog = false, json = false, chaos }: ServeCommandOptions) {
    this.#terminal = terminal;
    this.#shows = accessLog;
    this.#json = json;
    this.#isChaotic = chaos !== undefined;
  }

  add(access: RpcAccess): void {
    const { method, code, message, durationMs, bytesIn, bytesOut, peer, outcome } = access;
    this.#calls += 1;
    // A client that asks for a result again is answered twice.
    if (code === 'OK' && outcome !== undefined) this.#actions += 1;
    this.#bytesIn += bytesIn;
    this.#bytesOut += bytesOut;
    const bytes = `${bytesIn} B in, ${bytesOut} B out`;
    const columns = [peer, shortName(method), code, formatSpan(durationMs), bytes];
    this.#print({ type: 'call', ...access }, [...columns, ...subjectsOf(access), message]);
  }

  fault(kind: RemoteFaultKind, method: string, about: string): void {
    this.#faults += 1;
    this.#print({ type: 'fault', kind, method, about }, [`fault: ${kind} of ${shortName(method)}`, about]);
  }

  abandoned(action: Digest, instance: string): void {
    const named = instance === '' ? {} : { instance };
    const text = `action ${shortHash(action)} is stopped: all its clients have gone`;
    this.#print({ type: 'abandoned', action: digestKey(action), ...named }, [placeText(instance), text]);
  }

  /** Prints what has happened now, if anything is to be shown, and nobody has left too much unread. */
  #print(fields: Readonly<Record<string, unknown>>, columns: readonly string[]): void {
    if (!this.#shows) return;
    // Once lines are left out, so are the next: a gap is one, and not many.
    const unreadMax = this.#leftOut === 0 ? UNREAD_BYTES_MAX : UNREAD_BYTES_MAX / 2;
    if (this.#terminal.unreadBytes > unreadMax) {
      this.#leftOut += 1;
      return;
    }
    this.#sayLeftOut();
    this.#write(fields, columns);
  }

  #sayLeftOut(): void {
    if (this.#leftOut === 0) return;
    const lines = this.#leftOut;
    this.#leftOut = 0;
    this.#write({ type: 'leftOut', lines }, [
      `${counted(lines, 'line')} left out: they were not read in time`,
    ]);
  }

  #write({ type, ...fields }: Readonly<Record<string, unknown>>, columns: readonly string[]): void {
    this.#terminal.progress('');
    const time = timeText();
    if (this.#json) this.#terminal.json({ type, time, ...fields });
    else this.#terminal.line([time, ...columns.filter((text) => text !== '').map(onOneLine)].join('  '));
  }

  /** The last line: how many were left out since the one before. */
  end(): void {
    this.#sayLeftOut();
  }

  progress({ service, jobs }: Pick<BuildCluster, 'service' | 'jobs'>): string {
    const { runningActions, queuedOperations } = service;
    const running = `${runningActions} of ${jobs} jobs, ${queuedOperations} waiting`;
    return `${running}; ${this.summary()}`;
  }

  summary(): string {
    const faults = !this.#isChaotic ? '' : `, ${counted(this.#faults, 'fault')}`;
    return `${counted(this.#actions, 'action')} answered, ${counted(this.#calls, 'call')}${faults}, ${formatSize(this.#bytesIn)} in, ${formatSize(this.#bytesOut)} out`;
  }
}

function placeText(instance = ''): string {
  return instance === '' ? '' : `instance ${instance}`;
}

/** What a call was about, for which instance, which action that is, and what that came to. */
function subjectsOf({ about, instance, action, outcome = '' }: RpcAccess): readonly string[] {
  const isNamed = action === undefined || about.startsWith('action ');
  return [placeText(instance), about, isNamed ? '' : `action ${action.slice(0, SHORT_HASH)}`, outcome];
}

/** When a line of the log is written, in UTC. */
function timeText(): string {
  return new Date().toISOString();
}

interface MetricsPage {
  readonly metrics: Metrics | undefined;
  countCall(method: string, code: string): void;
  readonly port: number | undefined;
  close(): void;
}

/** A Prometheus page, reachable only from this machine. */
export async function openMetricsPage(port: number | undefined): Promise<MetricsPage> {
  if (port === undefined) {
    return { metrics: undefined, port: undefined, countCall: () => undefined, close: () => undefined };
  }
  const { Counter, Registry } = await loadPeer(
    'prom-client',
    '--metrics-port',
    () => import('prom-client'),
  ).catch((error: unknown) => {
    throw new UsageError(messageOf(error));
  });
  const registry = new Registry();
  const metrics = await createPrometheusMetrics({ registry });
  const calls = new Counter({
    name: 'rpc_calls_total',
    help: 'calls that have ended, by method and status',
    labelNames: ['method', 'code'],
    registers: [registry],
  });
  const server = createServer((request, response) => {
    const fail = (status: number, text: string): void =>
      void response.writeHead(status, { 'Content-Type': 'text/plain' }).end(`${text}\n`);
    // Prometheus adds the `params` of a job.
    if (request.url?.replace(/\?.*/s, '') !== '/metrics') {
      fail(404, 'the metrics are at /metrics');
      return;
    }
    registry.metrics().then(
      (text) => void response.writeHead(200, { 'Content-Type': registry.contentType }).end(text),
      (error: unknown) => fail(500, messageOf(error)),
    );
  });
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const why = isTaken ? `another program listens on 127.0.0.1:${port}` : messageOf(error);
    throw new UsageError(`--metrics-port: ${why}`);
  }
  // A connection that the system refuses, for example because too many files are open.
  server.on('error', (error) => process.emitWarning(`--metrics-port: ${messageOf(error)}`));
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  const countCall = (method: string, code: string): void => calls.inc({ method, code });
  return { metrics, countCall, port: (server.address() as AddressInfo).port, close };
}
