/**
 * `dryrunner exec --remote`: runs one command on a build cluster of the Remote Execution API. Invariants: the exit code
 * is what the command would have locally; a signal cancels the action on the cluster before this process ends; only
 * requested outputs are brought back, and they lie below the current directory.
 */
import { randomBytes } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { basename, dirname, join, posix, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { encodeAction, encodeCommand } from '../cas/action-messages.ts';
import { DIGEST_FUNCTION_SHA256, type ServerCapabilities } from '../cas/codec.ts';
import { isPathBelow } from '../model/confined-path.ts';
import { createCasFiler } from '../host/remote/cas-filer.ts';
import { connectRemote, endpointProblem, type RemoteConnection } from '../host/remote/grpc-transport.ts';
import { InputFolder } from '../host/remote/input-folder.ts';
import { realWorld } from '../host/real-world.ts';
import { FilerError } from '../filers/filer-error.ts';
import { isRunnerError, messageOf } from '../kernel/errors.ts';
import { onOneLine } from '../kernel/one-line.ts';
import { namedTopic } from '../kernel/question.ts';
import {
  RPC_CODES,
  type ActionOutcome,
  type OutputDirectory,
  type OutputFile,
  type OutputSymlink,
  type PlatformProperty,
} from '../model/action.ts';
import { backOffMs } from '../model/back-off.ts';
import type { Command } from '../model/command.ts';
import { type Digest, snapshotOfDigest } from '../model/digest.ts';
import type { RunStatus } from '../model/run-status.ts';
import type { OutputCreator } from '../model/output.ts';
import { isSystemError, meaningOf } from '../model/system-error.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import type { World } from '../model/world.ts';
import { callText, failureText } from '../remote/call-trace.ts';
import { FetchedTree } from '../remote/fetched-tree.ts';
import { checkLink } from '../remote/input-tree.ts';
import { REMOTE_METHODS as M } from '../remote/methods.ts';
import { CALL_MS_MAX, isPassing, RemoteClient, RETRIES_MAX } from '../remote/remote-client.ts';
import { incompleteLogsLoss } from '../model/end-text.ts';
import { LOST_OUTPUT } from '../remote/lost-output.ts';
import { createRemoteRunner } from '../remote/remote-runner.ts';
import { rpcFailure } from '../remote/rpc-failure.ts';
import { rpcCodeName } from '../remote/rpc.ts';
import { OutputDisplay, runToEnd, showEvent } from './exec-display.ts';
import { remoteExecStatus, waitingNote } from './exec-status.ts';
import { EXEC_FAILED, InterruptedError, UsageError } from './exit-status.ts';
import { Interruption } from './interruption.ts';
import { connectionHint, hushGrpc, isEncrypted, readFileOf, readToken } from './remote-access.ts';
import type { Terminal } from './terminal.ts';
import { requireTextVariable } from './typed-bytes.ts';

/** Options as typed. */
export interface RemoteExecOptions {
  /** URL of the cluster. */
  readonly remote: string;
  /** Time limit in milliseconds. */
  readonly timeout?: number;
  readonly json?: boolean;
  /** Folder to upload as the input root. */
  readonly input?: string;
  /** Paths of outputs to bring back. */
  readonly output?: readonly string[];
  /** `NAME=VALUE`, or `NAME` to pass on its local value. */
  readonly env?: readonly string[];
  /** `NAME=VALUE` that the machine must have. */
  readonly platform?: readonly string[];
  readonly instance?: string;
  readonly tokenFile?: string;
  readonly tlsCa?: string;
  /** How many times the action may be executed again, and a call repeated. */
  readonly retries?: number;
}

/** If the first answer takes longer, in milliseconds, the URL is assumed to be wrong. */
const GREETING_MS = 10_000;
/**
 * Longer than the ten seconds that a cluster such as this package's gives a command between SIGTERM and SIGKILL, in
 * milliseconds.
 */
const CANCEL_MS_MAX = 15_000;
/** Time after `--timeout` for the cluster to stop the action itself and return its output, in milliseconds. */
const TIMEOUT_SLACK_MS = 15_000;
const NAME = 'exec';
/** The form in which some tools name an instance. */
const WITH_PATH = /^grpcs?:\/\/[^/]+\/[^/]/;

/**
 * Runs a command on the cluster and shows its progress. Returns its exit code, or one of those of `timeout`, `env` and
 * the shell.
 */
export async function remoteExec(
  terminal: Terminal,
  argv: readonly string[],
  options: RemoteExecOptions,
): Promise<number> {
  const wanted = wantedOutputs(options.output ?? []);
  await checkAction(options);
  const interruption = new Interruption({ hasProcesses: true });
  try {
    const connection = await connected(options, interruption);
    try {
      const greeted = greet(terminal, connection, options, interruption);
      await interruption.unlessRequested(greeted, `${options.remote} did not answer`);
      return await execThere(terminal, argv, { options, wanted, connection, interruption });
    } finally {
      connection.close();
    }
  } catch (error) {
    const isUsage =
      isRunnerError(error, 'RUNNER_INVALID_ARGUMENT') || isRunnerError(error, 'RUNNER_MISSING_PACKAGE');
    throw isUsage ? new UsageError(error.message) : error;
  } finally {
    interruption.dispose();
  }
}

/** The text as typed; `""` if it is empty. */
function shown(text: string): string {
  return text === '' ? '""' : text;
}

/** Refuses what cannot become an action before there is a connection, whose errors would come first. */
async function checkAction({ input, env = [], platform = [] }: RemoteExecOptions): Promise<void> {
  env.map(variableOf);
  platform.map(propertyOf);
  if (input !== undefined) await requireFolder(input);
}

/** Paths as a cluster accepts them: relative, without `./` and without a slash at the end. */
function wantedOutputs(paths: readonly string[]): string[] {
  const wanted = paths.map((path) => {
    const normal = posix.normalize(path).replace(/\/$/, '');
    if (normal !== '.' && isPathBelow(normal)) return normal;
    throw new UsageError(
      `--output: expected a path below the current directory, such as out/app, got ${shown(path)}`,
    );
  });
  for (const path of wanted) {
    // The cluster makes the folder for the inner one, so that the outer one would always count as made.
    const outer = wanted.find((each) => path.startsWith(`${each}/`));
    if (outer !== undefined) {
      throw new UsageError(`--output: ${path} is in ${outer}, which brings it back too`);
    }
  }
  return wanted;
}

async function connected(
  { remote, tokenFile, tlsCa }: RemoteExecOptions,
  interruption: Interruption,
): Promise<RemoteConnection> {
  const problem = endpointProblem(remote);
  if (problem !== undefined) {
    const hint = WITH_PATH.test(remote) ? '; an instance of the cluster is named by --instance NAME' : '';
    throw new UsageError(`--remote: expected ${problem}, got "${remote}"${hint}`);
  }
  if (tlsCa !== undefined && !isEncrypted(remote)) {
    throw new UsageError(`--tls-ca: only with grpcs://, as nothing is encrypted with ${remote}`);
  }
  const token = await readToken(tokenFile, interruption);
  const ca = tlsCa === undefined ? undefined : await readFileOf('--tls-ca', tlsCa, interruption);
  await hushGrpc('exec --remote');
  if (ca?.includes('-----BEGIN CERTIFICATE-----') === false) {
    throw new UsageError(`--tls-ca: expected certificates in PEM, got a file without any: ${tlsCa}`);
  }
  try {
    return await connectRemote({ endpoint: remote, token, tlsCa: ca });
  } catch (error) {
    // The plain Error that gRPC throws for an invalid certificate becomes a usage error.
    throw isRunnerError(error) ? error : new UsageError(`--tls-ca: ${messageOf(error)}`);
  }
}

/** Checks that the URL leads to a cluster that executes actions, before anything is uploaded. */
async function greet(
  terminal: Terminal,
  connection: RemoteConnection,
  options: RemoteExecOptions,
  interruption: Interruption,
): Promise<void> {
  const { remote } = options;
  const answer = await capabilities(terminal, connection, options, interruption);
  const { cacheCapabilities, executionCapabilities } = answer;
  if (executionCapabilities?.execEnabled !== true) {
    throw new UsageError(`--remote: ${remote} keeps blobs, but runs no commands`);
  }
  const functions = cacheCapabilities?.digestFunction ?? [];
  if (functions.length > 0 && !functions.includes(DIGEST_FUNCTION_SHA256)) {
    throw new UsageError(
      `--remote: ${remote} does not know SHA-256, the one digest function of this package`,
    );
  }
}

/** Asks again while the cluster may be starting, or is busy. */
async function capabilities(
  terminal: Terminal,
  connection: RemoteConnection,
  { remote, instance = '', retries = RETRIES_MAX }: RemoteExecOptions,
  { signal }: Interruption,
): Promise<ServerCapabilities> {
  const request = { instanceName: instance };
  for (let failures = 1; ; failures += 1) {
    const begin = performance.now();
    try {
      return await connection.unary(M.getCapabilities, request, { signal, timeoutMs: GREETING_MS });
    } catch (error) {
      const { code, message } = rpcFailure(error).status;
      // A wrong server stays wrong, and one that has been silent for so long will be again.
      const isSilent = performance.now() - begin >= GREETING_MS;
      const hint = code === RPC_CODES.UNAVAILABLE ? await connectionHint(remote, message) : '';
      const isFinal = failures > retries || !isPassing(code) || isSilent || hint !== '';
      if (isFinal) {
        throw new UsageError(hint === '' ? unanswered(remote, code, message) : `--remote: ${hint}`);
      }
      await pause(backOffMs(failures), undefined, { signal });
      showRetry(terminal, callText(M.getCapabilities, request), failureText(error));
    }
  }
}

/** Explains why no cluster answers, for the person who typed the URL. */
function unanswered(remote: string, code: number, message: string): string {
  const why = onOneLine(message);
  switch (code) {
    case RPC_CODES.UNAVAILABLE:
      return `--remote: ${remote} cannot be reached: ${why}`;
    case RPC_CODES.DEADLINE_EXCEEDED:
      return `--remote: ${remote} did not answer within ${GREETING_MS / 1_000} s`;
    case RPC_CODES.UNAUTHENTICATED:
    case RPC_CODES.PERMISSION_DENIED:
      return `--token-file: ${remote} does not let you in: ${why}`;
    default:
      return `--remote: ${remote} is no cluster of the Remote Execution API: ${rpcCodeName(code)}: ${why}`;
  }
}

/** The parts that one command shares. */
interface Surroundings {
  readonly options: RemoteExecOptions;
  readonly wanted: readonly string[];
  readonly connection: RemoteConnection;
  readonly interruption: Interruption;
}

async function execThere(
  terminal: Terminal,
  argv: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  const { options, connection, interruption } = surroundings;
  const { json = false, instance = '', timeout, retries = RETRIES_MAX } = options;
  const display = new OutputDisplay(terminal, json, { isRemote: true });
  const content = new InputFolder();
  const command = await actionFor(argv, content, surroundings);
  const { world, recorded, span } = shownWorld(terminal, display, json);
  const runner = createRemoteRunner(world, {
    name: NAME,
    transport: connection,
    content,
    outputs: shownOutputs(display, surroundings),
    instanceName: instance,
    retriesMax: retries,
    callMsMax: CALL_MS_MAX,
    cancelBoundMs: CANCEL_MS_MAX,
    onRetry: ({ call, error }) => showRetry(terminal, call, error),
  });
  const reportCancelling = (): void =>
    terminal.note('cancelling the action; Ctrl-C again ends this command without waiting for that');
  interruption.signal.addEventListener('abort', reportCancelling);
  try {
    // The cluster should stop the action itself, and so return its output; after the slack it is asked to cancel.
    const timeoutMs = timeout === undefined ? {} : { timeoutMs: timeout + TIMEOUT_SLACK_MS };
    const status = await runToEnd(terminal, runner, { ...command, ...timeoutMs }, interruption);
    interruption.signal.removeEventListener('abort', reportCancelling);
    const code = remoteExecStatus(status);
    showWaiting(terminal, status, { ...span(), timeout });
    const isComplete = await bringBack(terminal, status, world, surroundings);
    const hasLost = recorded.has(LOST_OUTPUT) || incompleteLogsLoss(status.error) !== undefined;
    const hasAll = isComplete && !hasLost;
    if (code === 0 && hasLost) {
      terminal.note(
        'error: the command ended with 0, but not all that it printed has come back; run it again',
      );
    }
    return interruption.status ?? (code === 0 && !hasAll ? EXEC_FAILED : code);
  } finally {
    await runner.release();
  }
}

/** Brings back the outputs of a run that has a result; false if some are missing or cannot be written. */
async function bringBack(
  terminal: Terminal,
  { actionResult }: RunStatus,
  world: World,
  surroundings: Surroundings,
): Promise<boolean> {
  const outcome = actionResult?.result;
  const { options, connection, interruption } = surroundings;
  if (outcome === undefined || interruption.requested) return true;
  const { instance = '', retries = RETRIES_MAX } = options;
  const client = new RemoteClient(
    world,
    {
      transport: connection,
      instanceName: instance,
      retriesMax: retries,
      callMsMax: CALL_MS_MAX,
      onRetry: (call, why) => showRetry(terminal, call, why),
    },
    namedTopic(NAME, 'brings', 'outputs'),
    interruption.signal,
  );
  return downloadOutputs(terminal, outcome, client, surroundings);
}

function showRetry(terminal: Terminal, call: string, why: string): void {
  terminal.note(`${call} is tried again: ${onOneLine(why)}`);
}

function showWaiting(
  terminal: Terminal,
  status: RunStatus,
  { timeout = Infinity, ...span }: Span & { readonly timeout: number | undefined },
): void {
  const note = waitingNote(status, { ...span, limitMs: timeout + TIMEOUT_SLACK_MS });
  if (note !== '') terminal.note(note);
}

/** Whether a run has been RUNNING, and how long it has lasted up to its last status. */
interface Span {
  readonly isRunning: boolean;
  readonly waitedMs: number;
}

/** A world that shows the events of the run, and collects the kinds of errors and the statuses that were recorded. */
interface ShownWorld {
  readonly world: World;
  readonly recorded: ReadonlySet<string>;
  readonly span: () => Span;
}

function shownWorld(terminal: Terminal, display: OutputDisplay, json: boolean): ShownWorld {
  const recorded = new Set<string>();
  const shownAtMs: number[] = [];
  let isRunning = false;
  const record = (event: TraceEvent): void => {
    if (event.type === 'recorded') recorded.add(event.what);
    if (event.type === 'status') {
      shownAtMs.push(event.at);
      isRunning ||= event.status.state === 'RUNNING';
    }
    showEvent(terminal, display, event, json);
  };
  const span = () => ({ isRunning, waitedMs: (shownAtMs.at(-1) ?? 0) - (shownAtMs[0] ?? 0) });
  return { world: { ...realWorld(), tracer: { record } }, recorded, span };
}

/**
 * Creates the action and stores its blobs. A random salt makes each action unique, so that no cached result of an
 * earlier command is returned.
 */
async function actionFor(
  argv: readonly string[],
  content: InputFolder,
  { options, wanted, interruption }: Surroundings,
): Promise<Command> {
  const { input, timeout, env = [], platform = [] } = options;
  const inputRootDigest = await inputRoot(input, content, interruption);
  const properties = platform.map(propertyOf);
  const commandDigest = content.add(
    encodeCommand({
      arguments: argv,
      environmentVariables: Object.fromEntries(env.map(variableOf)),
      outputFiles: [],
      outputDirectories: [],
      outputPaths: wanted,
      workingDirectory: '',
      platform: properties,
    }),
  );
  const actionDigest = content.add(
    encodeAction({
      commandDigest,
      inputRootDigest,
      doNotCache: false,
      salt: randomBytes(16),
      platform: properties,
      ...(timeout === undefined ? {} : { timeoutMs: timeout }),
    }),
  );
  return {
    argv,
    snapshotId: snapshotOfDigest(actionDigest),
    executeRequest: { actionDigest },
  };
}

async function inputRoot(
  input: string | undefined,
  content: InputFolder,
  interruption: Interruption,
): Promise<Digest> {
  if (input === undefined) return content.add(new Uint8Array());
  try {
    // As typed: resolve() would remove a `..` behind a link, which leads to the folder above its target.
    return await content.addFolder(input, { signal: interruption.signal });
  } catch (error) {
    const { status } = interruption;
    if (status !== undefined) throw new InterruptedError(`interrupted while ${input} was read`, status);
    throw new UsageError(`--input: ${inputProblem(error)}`);
  }
}

/** Why a file or folder cannot be read, by the error of the system. */
const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'there is nothing',
  ENOTDIR: 'a part of the path is no folder',
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
  ELOOP: 'its links lead in a circle',
};

/** @throws UsageError if there is no folder. */
async function requireFolder(path: string): Promise<void> {
  if (path === '') throw new UsageError('--input: expected a folder, got ""');
  try {
    const stats = await stat(path);
    if (stats.isDirectory()) return;
    throw new UsageError(
      `--input: expected a folder, got ${stats.isFile() ? 'a file' : 'a pipe, socket or device'}: ${path}`,
    );
  } catch (error) {
    const why = UNREADABLE[(error as NodeJS.ErrnoException).code ?? ''];
    throw why === undefined ? error : new UsageError(`--input: expected a folder at ${path}: ${why}`);
  }
}

function inputProblem(error: unknown): string {
  const { code = '', path } = error as NodeJS.ErrnoException;
  const why = UNREADABLE[code];
  return why === undefined || path === undefined ? messageOf(error) : `${path} cannot be read: ${why}`;
}

function variableOf(text: string): [string, string] {
  const at = text.indexOf('=');
  const name = at < 0 ? text : text.slice(0, at);
  if (name === '') throw new UsageError(`--env: expected NAME=VALUE or NAME, got ${shown(text)}`);
  if (at >= 0) return [name, text.slice(at + 1)];
  const value = process.env[name];
  if (value === undefined) throw new UsageError(`--env: ${name} is not set here`);
  requireTextVariable('--env', name, value);
  return [name, value];
}

function propertyOf(text: string): PlatformProperty {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`--platform: expected NAME=VALUE, got ${shown(text)}`);
  return { name: text.slice(0, at), value: text.slice(at + 1) };
}

/**
 * Shows the output of the command when it arrives, which is held up while it is not read: not after `--timeout`, or the
 * result would come too late.
 */
function shownOutputs(
  display: OutputDisplay,
  { options: { timeout = Infinity }, interruption }: Surroundings,
): OutputCreator {
  const endMs = performance.now() + timeout;
  const isOver = (): boolean => interruption.requested || performance.now() >= endMs;
  return {
    create: (id) => ({
      uri: `terminal:${id}`,
      write: (chunk) => display.showHeldUp(id.endsWith('stderr') ? 'stderr' : 'stdout', chunk, isOver),
      close: () => undefined,
      asFile: () => '',
    }),
  };
}

/** Writes the requested outputs to the same paths here, and says with `--json` what has come; false if some are missing or cannot be written. */
async function downloadOutputs(
  terminal: Terminal,
  outcome: ActionOutcome,
  client: RemoteClient,
  { wanted, interruption, options }: Surroundings,
): Promise<boolean> {
  const { json = false } = options;
  let isComplete = true;
  for (const path of wanted) {
    const isRequested = (output: { readonly path: string }): boolean => output.path === path;
    const file = outcome.outputFiles.find(isRequested);
    const directory = outcome.outputDirectories.find(isRequested);
    const link = outcome.outputSymlinks.find(isRequested);
    try {
      if (file !== undefined) await downloadFile(file, client);
      else if (directory !== undefined) await downloadDirectory(directory, client, interruption);
      else if (link !== undefined) await createLink(link);
      else throw new Error('expected a file, directory or link, got nothing');
      if (json) terminal.json({ type: 'brought', path });
    } catch (error) {
      isComplete = false;
      const reason = reasonOf(error);
      if (json) terminal.json({ type: 'brought', path, error: reason });
      const remedy = isLost(error) ? '; run the command again' : '';
      terminal.note(onOneLine(`error: --output: ${path}: ${reason}${remedy}`));
    }
  }
  return isComplete;
}

/** An error of the system by what it means, and the path that it is about, if its text has one. */
function reasonOf(error: unknown): string {
  if (!isSystemError(error)) return messageOf(error);
  const { dest, path } = error as { readonly dest?: unknown; readonly path?: unknown };
  const about = dest ?? path;
  return typeof about === 'string' ? `${meaningOf(error)}: ${about}` : meaningOf(error);
}

/** True if the cluster no longer has an output, or has other bytes. */
function isLost(error: unknown): boolean {
  const { code } = rpcFailure(error).status;
  return code === RPC_CODES.NOT_FOUND || code === RPC_CODES.DATA_LOSS;
}

/** A new temporary folder beside the path, in which an output is completed before it is moved. */
async function scratchNextTo(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  return mkdtemp(join(dirname(path), '.dryrunner-'));
}

async function downloadFile({ path, digest, isExecutable }: OutputFile, client: RemoteClient): Promise<void> {
  // The umask of this process applies, as for all files created here.
  const mode = isExecutable ? 0o777 : 0o666;
  await placed(path, (scratch) => writeFile(scratch, client.readStream(digest), { mode }));
}

async function createLink({ path, target }: OutputSymlink): Promise<void> {
  checkLink(path, path, target);
  await placed(path, (scratch) => symlink(target, scratch));
}

/** Creates an output elsewhere, then replaces the path atomically. */
async function placed(path: string, make: (scratch: string) => Promise<void>): Promise<void> {
  const target = resolve(path);
  const scratch = await scratchNextTo(target);
  try {
    const made = join(scratch, basename(target));
    await make(made);
    await moveInto(made, target);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Existing files that did not come back are kept. */
async function downloadDirectory(
  { path, treeDigest }: OutputDirectory,
  client: RemoteClient,
  { signal }: Interruption,
): Promise<void> {
  const content = new FetchedTree(client);
  const root = content.addTree(await client.read(treeDigest), path);
  const target = resolve(path);
  const scratch = await scratchNextTo(target);
  try {
    const made = join(scratch, basename(target));
    await createCasFiler({ content, root: scratch }).checkoutAt(snapshotOfDigest(root), made, { signal });
    signal.throwIfAborted();
    await moveInto(join(made, path), target);
  } catch (error) {
    throw content.named(withoutCheckout(error));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** What is wrong here, such as a full disk, in place of a failed checkout, of which the user knows nothing. */
function withoutCheckout(error: unknown): unknown {
  if (!(error instanceof FilerError) || error.cause === undefined) return error;
  return isSystemError(error.cause)
    ? new Error(meaningOf(error.cause), { cause: error.cause })
    : withoutCheckout(error.cause);
}

/** Moves a tree to its place, merging with a folder that exists there. Nothing is written through a link. */
async function moveInto(made: string, target: string): Promise<void> {
  const [here, there] = [await lstat(made), await statsOf(target)];
  if (here.isDirectory() && there?.isDirectory() === true) {
    for (const name of await readdir(made)) await moveInto(join(made, name), join(target, name));
    return;
  }
  if (there?.isDirectory() === true) throw new Error(`expected no folder at ${target}, got one`);
  if (here.isDirectory() && there !== undefined) {
    if (!there.isSymbolicLink()) throw new Error(`expected a folder or nothing at ${target}, got a file`);
    await rm(target);
  }
  await rename(made, target);
}

async function statsOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
