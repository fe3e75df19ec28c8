/** Exit codes of `dryrunner exec`: the command's own, or else those of `timeout`, `env` and the shell. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { killingSignal, notStartedReason } from '../model/end-text.ts';
import type { ProcessStatus } from '../model/execer.ts';
import type { RunStatus } from '../model/run-status.ts';
import { EXEC_FAILED } from './exit-status.ts';

/** The command was stopped at its deadline. */
const TIMED_OUT = 124;
/** The program was found but could not be started. */
const NOT_EXECUTABLE = 126;
/** The program does not exist. */
export const NOT_FOUND = 127;
/** Added to the number of the signal that ended the command. */
const SIGNALLED = 128;

/** Facts about the command's process beyond its run status. */
export interface ProcessEnd {
  /** The error that kept it from starting. */
  readonly startError: unknown;
  /** How it ended; undefined if it has not started or not ended. */
  readonly end: ProcessStatus | undefined;
  /** True if it was killed for exceeding its memory cap. */
  readonly passedMemoryCap: boolean;
}

/** The exit code for a run that has ended. */
export function execStatus({ state, exitCode }: RunStatus, process: ProcessEnd): number {
  if (state !== 'TIMEDOUT' && process.passedMemoryCap) return signalCode('SIGKILL');
  switch (state) {
    case 'TIMEDOUT':
      return TIMED_OUT;
    case 'COMPLETE':
      return process.end?.signal === undefined ? exitCode : signalCode(process.end.signal);
    case 'FAILED':
      return process.startError === undefined ? EXEC_FAILED : startCode(process.startError);
    case 'ABORTED':
    case 'UNKNOWN':
    case 'PENDING':
    case 'RUNNING':
      return EXEC_FAILED;
  }
}

/** Node's message for a program that did not start. */
const SPAWN_FAILED = /^spawn (?:(?<program>[^]*) )?(?<code>E[A-Z0-9]+)$/;
const BYTE = 255;

/** The exit code for a run that has ended on a cluster, where only the status is known. */
export function remoteExecStatus({ state, exitCode, error }: RunStatus): number {
  switch (state) {
    case 'TIMEDOUT':
      return TIMED_OUT;
    case 'COMPLETE': {
      // This package's cluster names the signal in words; others use the shell's code.
      const signal = killingSignal(error);
      if (exitCode < 0 && signal !== undefined) return signalCode(signal);
      // An exit code that no process can have must not look like success.
      return exitCode < 0 || exitCode > BYTE ? BYTE : exitCode;
    }
    case 'FAILED': {
      const { code } = spawnFailure(error);
      if (code === undefined) return EXEC_FAILED;
      return codeOfSpawn(code);
    }
    case 'ABORTED':
    case 'UNKNOWN':
    case 'PENDING':
    case 'RUNNING':
      return EXEC_FAILED;
  }
}

/** The field of an action, as clusters such as this package's name it when they refuse one. */
const REFUSED_TIMEOUT = /\baction\.timeout: /;

interface SpawnFailure {
  readonly program?: string;
  readonly code?: string;
}

function spawnFailure(error: string): SpawnFailure {
  return SPAWN_FAILED.exec(notStartedReason(error) ?? '')?.groups ?? {};
}

/**
 * What to do about a command that could not be started, here in `directory` or on a cluster, and the exit code that
 * follows, which is not that of the run; as the end of a line. `''` if nothing is known.
 */
export function startHint({ error }: RunStatus, place: CommandPlace): string {
  if (place.isRemote && REFUSED_TIMEOUT.test(error)) {
    return ' (the cluster takes no --timeout of that length)';
  }
  const failure = spawnFailure(error);
  const { code } = failure;
  return code === undefined ? '' : `${reasonText(failure, place)}; exec exits with ${codeOfSpawn(code)}`;
}

/** Where a command is executed. */
interface CommandPlace {
  readonly isRemote: boolean;
  readonly directory: string | undefined;
}

function reasonText({ program, code }: SpawnFailure, { isRemote, directory }: CommandPlace): string {
  if (code === 'ENOENT') {
    const file = isRemote || program === undefined ? undefined : programFile(program, directory);
    if (file !== undefined) return missingInterpreterText(file);
    const ofPath = isRemote ? ', a path such as ./run has to be among the files of --input' : '';
    return ` (there is no such program; a name without a slash is looked up in PATH${ofPath})`;
  }
  return code === 'EACCES' ? ' (it is not a file that may be executed)' : '';
}

/**
 * Says that `--timeout` cancelled a command while it still waited, which clusters do not report; `''` if the command has
 * started, or may have. `waitedMs` is the time until its end; after `limitMs` it is cancelled from here.
 */
export function waitingNote(
  { state, stdoutRef }: RunStatus,
  { isRunning, waitedMs, limitMs }: { isRunning: boolean; waitedMs: number; limitMs: number },
): string {
  if (state !== 'TIMEDOUT' || isRunning || stdoutRef !== '' || waitedMs < limitMs) return '';
  return 'the cluster has reported no start of the command: it waited, perhaps behind others, until it was cancelled';
}

/** The program as the system looks it up; undefined if there is none. Nothing is in a directory that is new. */
function programFile(program: string, directory: string | undefined): string | undefined {
  const folders = program.includes('/') ? [''] : (process.env['PATH'] ?? '').split(delimiter);
  const paths = folders.map((folder) => join(folder, program));
  const files =
    directory === undefined ? paths.filter(isAbsolute) : paths.map((path) => resolve(directory, path));
  return files.find(isFile);
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    // It is missing, or its folder is a file or may not be entered: the system passes over all of these.
    return false;
  }
}

const SHEBANG_BYTES_MAX = 256;

/** Of a program that is there, the system says that there is no such file if what has to run it is missing. */
function missingInterpreterText(file: string): string {
  const [, interpreter] = /^#![ \t]*([^ \t\n]+)/.exec(firstBytes(file)) ?? [];
  return interpreter === undefined
    ? ' (the file is there; what has to load it is not)'
    : ` (the file is there; the interpreter of its first line, ${JSON.stringify(interpreter)}, is not)`;
}

/** Empty if the file cannot be read, as one that may be executed only. */
function firstBytes(file: string): string {
  try {
    const opened = openSync(file, 'r');
    try {
      const bytes = Buffer.alloc(SHEBANG_BYTES_MAX);
      return bytes.toString('utf8', 0, readSync(opened, bytes));
    } finally {
      closeSync(opened);
    }
  } catch {
    return '';
  }
}

/** A signal of unknown name has no number, so its end is like one with an impossible exit code. */
function signalCode(name: string): number {
  const numbers: Readonly<Partial<Record<string, number>>> = constants.signals;
  const number = numbers[name] ?? realTimeNumber(name);
  return number === undefined ? BYTE : SIGNALLED + number;
}

/** The real-time signals of Linux, for which Node has no names. */
const REAL_TIME_FIRST = 34;
const REAL_TIME_LAST = 64;
const REAL_TIME = /^SIGRT(?<end>MIN|MAX)(?<offset>[+-]\d+)?$/;

function realTimeNumber(name: string): number | undefined {
  const { end, offset = '0' } = REAL_TIME.exec(name)?.groups ?? {};
  if (end === undefined) return undefined;
  const number = (end === 'MIN' ? REAL_TIME_FIRST : REAL_TIME_LAST) + Number(offset);
  return number >= REAL_TIME_FIRST && number <= REAL_TIME_LAST ? number : undefined;
}

/** The directory has been checked before, so a missing file is the program. */
function startCode(error: unknown): number {
  const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  return codeOfSpawn(cause?.code);
}

/** No process, open file or memory was left to start a program with: it was not looked at. */
const EXHAUSTED: ReadonlySet<string | undefined> = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);

function codeOfSpawn(code: string | undefined): number {
  if (EXHAUSTED.has(code)) return EXEC_FAILED;
  return code === 'ENOENT' ? NOT_FOUND : NOT_EXECUTABLE;
}
