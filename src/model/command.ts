/** What a scheduler hands to a runner: argv, environment, a timeout, a snapshot and tags (R16). */
import * as is from '../kernel/shape.ts';
import { check, checkObject, unreadable } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { TIME_MS_MAX } from '../kernel/microseconds.ts';
import { EXECUTE_REQUEST, type ExecuteRequest } from './action.ts';
import { DIGEST, digestOfSnapshot } from './digest.ts';
import { formatGoDuration } from './go-duration.ts';

/** Ids that identify a task in every layer; empty strings if not given. */
export interface LogTags {
  readonly jobId: string;
  readonly taskId: string;
  readonly tag: string;
}

/** Tags that are all empty. See {@link checkCommand}. */
export const NO_TAGS: LogTags = Object.freeze({ jobId: '', taskId: '', tag: '' });

/** A command line with its environment and limits. Everything but `argv` may be left out. */
export interface Command {
  /** Program and arguments; for the simulated execer a script, one step per element (R135). */
  readonly argv: readonly string[];
  /** Merged over the execer's environment; the command's values win (R122). */
  readonly envVars?: Readonly<Record<string, string>>;
  /**
   * Limit in milliseconds from the start of the invocation, preparation included; ≤ 0 or absent means none (R16, R100).
   * At most a hundred years.
   */
  readonly timeoutMs?: number;
  /** What to check out; empty or absent means an empty temporary directory (R92). */
  readonly snapshotId?: string;
  readonly jobId?: string;
  readonly taskId?: string;
  readonly tag?: string;
  /** The action that a Bazel run carries out; needs a `snapshotId` that makes it one (R185). */
  readonly executeRequest?: ExecuteRequest;
}

/** For the words that refuse a field that commands do not have; all else is checked faster without a shape. */
const FIELDS_ONLY: is.RecordShape = {
  ...is.objectOf<Command>(
    'an object with argv',
    { argv: is.ANY },
    is.each(['envVars', 'timeoutMs', 'snapshotId', 'jobId', 'taskId', 'tag', 'executeRequest'], is.ANY),
  ),
  open: 'instances',
  elsewhere: new Map([
    ...['env', 'environment'].map((name) => [name, 'envVars'] as const),
    ...['args', 'arguments', 'command'].map((name) => [name, 'argv'] as const),
  ]),
};
const { fields: FIELDS } = FIELDS_ONLY;

/**
 * The tags of a command, with empty strings for those it leaves out. See {@link checkCommand}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but an object.
 */
export function tagsOf(command: Command): LogTags {
  try {
    checkObject('command', 'an object with argv', command);
    const { jobId = '', taskId = '', tag = '' } = command;
    return jobId === '' && taskId === '' && tag === '' ? NO_TAGS : { jobId, taskId, tag };
  } catch (error) {
    throw unreadable('command', command, error);
  }
}

const NUL = '\0';
/** A trace with a larger value could not be read back. */
const TIMEOUT = `a number of milliseconds from ${-TIME_MS_MAX} to ${TIME_MS_MAX}, a hundred years`;
const TEXT_FIELDS = ['snapshotId', 'jobId', 'taskId', 'tag'] as const;

/**
 * Rejects a malformed command before anything is done with it (R66). Runs once per run; for a well-formed command it
 * costs one pass over the strings and no allocation except for the environment's keys.
 *
 * Checks that `argv` is an array of strings, environment keys are non-empty and without `=`, neither contains NUL,
 * `timeoutMs` is at most a hundred years if given, and ids are strings; that an `executeRequest` is well-formed, and that
 * there is a snapshot that makes it a Bazel run (R185); that there are no other fields, unless the command is an object of
 * a class. An empty `argv` passes, because a simulated script may be empty;
 * execers that need a program reject it (R66).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` that names the field, what was expected and what came.
 * @example
 * ```ts
 * import { checkCommand } from 'dryrunner/kit';
 * checkCommand({ argv: ['true'], timeoutMs: 500 });
 * ```
 */
export function checkCommand(command: unknown): asserts command is Command {
  try {
    if (typeof command !== 'object' || command === null) {
      throw invalidArgument('command', 'an object with argv', command);
    }
    const fields = command as { readonly [field in keyof Command]: unknown };
    checkArgv(fields.argv);
    if (fields.envVars !== undefined) checkEnv(fields.envVars);
    const { timeoutMs, executeRequest } = fields;
    if (timeoutMs !== undefined && !isTimeout(timeoutMs)) {
      throw invalidArgument('command.timeoutMs', TIMEOUT, timeoutMs);
    }
    for (const name of TEXT_FIELDS) {
      const value = fields[name];
      if (value !== undefined && typeof value !== 'string') {
        throw invalidArgument(`command.${name}`, 'a string', value);
      }
    }
    if (executeRequest !== undefined) checkRequest(executeRequest, fields.snapshotId);
    if (isPlain(fields)) checkFields(fields);
  } catch (error) {
    throw unreadable('command', command, error);
  }
}

/** A misnamed field would have no effect. What a plain object has is its own. */
function checkFields(command: object): void {
  // eslint-disable-next-line no-restricted-syntax -- a plain object inherits no fields, and Object.keys would allocate a list for each run
  for (const field in command) {
    if (!FIELDS.has(field)) check('command', command, FIELDS_ONLY);
  }
}

/** The result of a run that is no Bazel run would have no place in its status (R11). */
function checkRequest(executeRequest: unknown, snapshotId: unknown): void {
  check('command.executeRequest', executeRequest, EXECUTE_REQUEST);
  if (typeof snapshotId === 'string' && digestOfSnapshot(snapshotId) !== undefined) return;
  throw invalidArgument(
    'command.snapshotId',
    'bz-HASH-SIZE beside an executeRequest, as snapshotOfDigest(actionDigest) makes it',
    snapshotId,
  );
}

function isTimeout(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value) <= TIME_MS_MAX;
}

function checkArgv(argv: unknown): void {
  if (!Array.isArray(argv)) throw invalidArgument('command.argv', 'an array of strings', argv);
  for (let index = 0; index < argv.length; index += 1) {
    const argument: unknown = argv[index];
    if (typeof argument !== 'string' || argument.includes(NUL)) {
      throw invalidArgument(`command.argv[${index}]`, 'a string without NUL bytes', argument);
    }
  }
}

function checkEnv(envVars: unknown): void {
  if (typeof envVars !== 'object' || envVars === null || Array.isArray(envVars)) {
    throw invalidArgument('command.envVars', 'an object of strings', envVars);
  }
  const keys = Object.keys(envVars);
  if (keys.length === 0 && !is.isRecord(envVars)) {
    throw invalidArgument('command.envVars', 'an object of strings', envVars);
  }
  for (const key of keys) {
    if (key === '' || key.includes('=') || key.includes(NUL)) {
      throw invalidArgument('command.envVars', 'non-empty keys without "=" and NUL bytes', key);
    }
    const value = (envVars as Readonly<Record<string, unknown>>)[key];
    if (typeof value !== 'string' || value.includes(NUL)) {
      throw invalidArgument(`command.envVars.${key}`, 'a string without NUL bytes', value);
    }
  }
}

/**
 * A runner's own copy of a command, so that later changes by the caller or by the runner do not affect each other
 * (D94). The copy is frozen; parts that are frozen already are shared, as is the request data of the Bazel path.
 *
 * Of an instance of a class, the copy has only the fields of a command.
 *
 * The literal must not begin with a spread: once frozen it would have a hidden class of its own, and every access to it
 * would be slow.
 */
export function copyCommand(command: Command): Command {
  if (isShared(command) && Object.isFrozen(command.argv) && isFrozenWithin(command)) return command;
  const argv = Object.isFrozen(command.argv) ? command.argv : Object.freeze(command.argv.slice());
  const copy: { -readonly [field in keyof Command]: Command[field] } = {
    argv,
    ...(isPlain(command) ? command : NO_FIELDS),
  };
  takeInherited(copy, command, FIELDS.keys());
  copy.argv = argv;
  if (command.envVars !== undefined) copy.envVars = Object.freeze({ ...command.envVars });
  if (command.executeRequest !== undefined) copy.executeRequest = copyRequest(command.executeRequest);
  return Object.freeze(copy);
}

const NO_FIELDS: Partial<Command> = Object.freeze({});

function copyRequest(request: ExecuteRequest): ExecuteRequest {
  const actionDigest = { ...request.actionDigest };
  takeInherited(actionDigest, request.actionDigest, DIGEST.fields.keys());
  const copy = { ...request };
  takeInherited(copy, request, EXECUTE_REQUEST.fields.keys());
  return Object.freeze({ ...copy, actionDigest: Object.freeze(actionDigest) });
}

function isFrozenWithin({ envVars, executeRequest }: Command): boolean {
  if (executeRequest !== undefined) {
    if (!isShared(executeRequest) || !isShared(executeRequest.actionDigest)) return false;
  }
  return envVars === undefined || Object.isFrozen(envVars);
}

/** True for an object that never changes. What it inherits could, such as a getter of its class. */
function isShared(value: object): boolean {
  return Object.isFrozen(value) && isPlain(value);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Gives a copy the fields that its original inherits, such as those of a class: a spread takes only its own. */
function takeInherited<T extends object>(copy: T, original: T, fields: Iterable<string>): void {
  if (isPlain(original)) return;
  for (const field of fields) {
    const held: unknown = Reflect.get(original, field);
    if (held !== undefined) Reflect.set(copy, field, held);
  }
}

/** Stands for a value that is not shown. */
const REDACTED = '<redacted>';

/** How {@link formatCommand} shows a command. */
export interface CommandTextOptions {
  /**
   * True hides the values of all environment variables, a function those of the keys for which it returns true.
   * Default: all are shown.
   */
  readonly redactEnv?: boolean | ((key: string) => boolean);
}

const TEXT_OPTIONS = is.optionsOf<CommandTextOptions>(
  {},
  { redactEnv: is.anyOf('true, false or a function', is.BOOLEAN, is.FUNCTION) },
);

/**
 * Formats a command for people. Use `redactEnv: true` in logs, which must not contain secrets (R17).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a command without argv, or for invalid options.
 * @example
 * ```ts
 * import { formatCommand } from 'dryrunner';
 * const command = { argv: ['make', 'all'], envVars: { TOKEN: 'secret' } };
 * console.log(formatCommand(command, { redactEnv: true }));
 * ```
 */
export function formatCommand(command: Command, options: CommandTextOptions = {}): string {
  try {
    check('command', command, is.anObject('an object with argv'));
    check('options', options, TEXT_OPTIONS);
    const { redactEnv = false } = options;
    const { argv, envVars, timeoutMs = 0, snapshotId = '', jobId = '', taskId = '', tag = '' } = command;
    check('command.argv', argv, is.listOf(is.ANY, 'an array of strings'));
    const head =
      `runner.Command -- SnapshotID: ${snapshotId} # Argv: [${quoted(argv)}] # Timeout: ${formatGoDuration(timeoutMs)}` +
      ` # JobID: ${jobId} # TaskID: ${taskId} # Tag: ${tag}`;
    const request = command.executeRequest;
    if (envVars === undefined && request === undefined) return head;
    const isHidden = typeof redactEnv === 'function' ? redactEnv : () => redactEnv;
    const env = Object.keys(envVars ?? {})
      .sort()
      .map((key) => `  ${key}=${isHidden(key) ? REDACTED : envVars?.[key]}`);
    return (
      head +
      (env.length === 0 ? '' : ` # Env:${env.join('')}`) +
      (request === undefined ? '' : `  ExecuteRequest=${JSON.stringify(request)}`)
    );
  } catch (error) {
    throw unreadable('command', command, error);
  }
}

/** Printable ASCII except quote and backslash, which JSON shows unescaped. */
const PLAIN = /^[ !#-[\]-~]*$/;

function quoted(argv: readonly string[]): string {
  let text = '';
  for (const argument of argv) {
    const shown = PLAIN.test(argument) ? `"${argument}"` : JSON.stringify(argument);
    text += text === '' ? shown : ` ${shown}`;
  }
  return text;
}
