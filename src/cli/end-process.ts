/** The exit code that the command itself has chosen, as opposed to one that code of the user's sets. */
let chosen: number | undefined;

/** Ends the process now, with this code: the way for all but code of the user's. */
export function endProcess(code: number): never {
  chosen = code;
  process.exit(code);
}

/** From now on the process ends with this code, whenever it ends. */
export function chooseExitCode(code: number): void {
  chosen = code;
  process.exitCode = code;
}

/** Undefined while the command is at work. */
export function chosenExitCode(): number | undefined {
  return chosen;
}
