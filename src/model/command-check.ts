/**
 * Refuses malformed commands before anything is done with them (R66). It is called once per run, so a well-formed command costs one
 * pass over its strings and no allocation but that of the environment's keys.
 */
import { unreadable } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { Command } from './command.ts';
import { TIME_MS_MAX } from './recording.ts';

const NUL = '\0';
/** A trace that holds more could not be read again. */
const TIMEOUT = `a number of milliseconds from ${-TIME_MS_MAX} to ${TIME_MS_MAX}, a hundred years`;
const TEXT_FIELDS = ['snapshotId', 'jobId', 'taskId', 'tag'] as const;

/**
 * Checks that `command` is one: `argv` an array of strings, environment keys non-empty and without `=`, no NUL in either, a
 * `timeoutMs` of at most a hundred years if any, ids strings. An empty `argv` passes here, because a simulated script may be empty; execers that need a
 * program refuse it (R66).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` that names the field, what was expected and what came.
 * @example
 * ```ts
 * import { checkCommand } from 'dryrunner';
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
    if (executeRequest !== undefined && (typeof executeRequest !== 'object' || executeRequest === null)) {
      throw invalidArgument('command.executeRequest', 'an object', executeRequest);
    }
  } catch (error) {
    throw unreadable('command', command, error);
  }
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
  for (const key of Object.keys(envVars)) {
    if (key === '' || key.includes('=') || key.includes(NUL)) {
      throw invalidArgument('command.envVars', 'non-empty keys without "=" and NUL bytes', key);
    }
    const value = (envVars as Readonly<Record<string, unknown>>)[key];
    if (typeof value !== 'string' || value.includes(NUL)) {
      throw invalidArgument(`command.envVars.${key}`, 'a string without NUL bytes', value);
    }
  }
}
