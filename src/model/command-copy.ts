/** A runner's own copy of a command: what the caller changes afterwards, or a runner changes, is nobody else's business (D94). */
import type { Command } from './command.ts';

/** A frozen copy; what is frozen already is shared. The request data of the Bazel path is passed on as it is. */
export function copyCommand(command: Command): Command {
  if (Object.isFrozen(command) && Object.isFrozen(command.argv) && isFrozenEnv(command)) return command;
  const argv = Object.isFrozen(command.argv) ? command.argv : Object.freeze([...command.argv]);
  if (command.envVars === undefined) return Object.freeze({ ...command, argv });
  return Object.freeze({ ...command, argv, envVars: Object.freeze({ ...command.envVars }) });
}

function isFrozenEnv({ envVars }: Command): boolean {
  return envVars === undefined || Object.isFrozen(envVars);
}
