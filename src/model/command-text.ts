/** A command as one line of text, in the model's form (R17). Environment keys come sorted; values can be left out for logs. */
import { checkArray, checkObject, checkOptions, unreadable } from '../kernel/argument-check.ts';
import type { Command } from './command.ts';
import { formatGoDuration } from './go-duration.ts';

/** What stands in the place of a value that is not shown. */
export const REDACTED = '<redacted>';

/** How a command is shown. */
export interface CommandTextOptions {
  /** Hides the values of environment variables: of all of them, or of those whose key it says yes to. Default: shows them. */
  readonly redactEnv?: boolean | ((key: string) => boolean);
}

/**
 * Shows a command; `redactEnv: true` is the form for logs, where secrets must not end up (R17).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for what has no argv, or options that are none.
 * @example
 * ```ts
 * import { formatCommand } from 'dryrunner';
 * const command = { argv: ['make', 'all'], envVars: { TOKEN: 'secret' } };
 * console.log(formatCommand(command, { redactEnv: true }));
 * ```
 */
export function formatCommand(command: Command, options: CommandTextOptions = {}): string {
  try {
    checkObject('command', 'an object with argv', command);
    checkOptions(options);
    const { redactEnv = false } = options;
    const { argv, envVars, timeoutMs = 0, snapshotId = '', jobId = '', taskId = '', tag = '' } = command;
    checkArray('command.argv', 'an array of strings', argv);
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

/** Printable ASCII but for the quote and the backslash: JSON shows it as it is. */
const PLAIN = /^[ !#-[\]-~]*$/;

function quoted(argv: readonly string[]): string {
  let text = '';
  for (const argument of argv) {
    const shown = PLAIN.test(argument) ? `"${argument}"` : JSON.stringify(argument);
    text += text === '' ? shown : ` ${shown}`;
  }
  return text;
}
