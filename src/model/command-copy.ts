/** A runner's own copy of a command: what the caller changes afterwards, or a runner changes, is nobody else's business (D94). */
import type { Command } from './command.ts';

/**
 * A frozen copy; what is frozen already is shared. The request data of the Bazel path is passed on as it is.
 *
 * A literal that begins with a spread would, once frozen, have a hidden class of its own, and every look at it would be a slow one.
 */
export function copyCommand(command: Command): Command {
  if (Object.isFrozen(command) && Object.isFrozen(command.argv) && isFrozenEnv(command)) return command;
  const argv = Object.isFrozen(command.argv) ? command.argv : Object.freeze(command.argv.slice());
  const copy: { -readonly [field in keyof Command]: Command[field] } = {
    argv,
    ...(command as Partial<Command>),
  };
  copy.argv = argv;
  if (command.envVars !== undefined) copy.envVars = Object.freeze({ ...command.envVars });
  return Object.freeze(copy);
}

function isFrozenEnv({ envVars }: Command): boolean {
  return envVars === undefined || Object.isFrozen(envVars);
}
