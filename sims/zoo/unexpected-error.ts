/** What a scenario says of a call that throws where it should not, or another error than it should. */
import { isRunnerError, type Simulation } from 'dryrunner';

/**
 * Fails, and says what was expected instead of this error; the report shows where it was thrown. A check that has failed
 * on the way goes on to the simulation as it is.
 */
export function failUnexpected(sim: Simulation, said: string, expected: string, error: unknown): never {
  if (error instanceof Error && error.name === 'CheckFailedError') throw error;
  const wanted = expected.replace(/^(?=RUNNER_)/, 'an error with code ');
  sim.check(false, `${said}\n\nExpected ${wanted}, got ${errorText(error)}.`, error);
  throw error;
}

/** An error by its code, or else its name, and its message. What looks like a code in a message is none. */
export function errorText(error: unknown): string {
  const text = isRunnerError(error)
    ? `${error.code}: ${error.message}`
    : error instanceof Error
      ? `${withArticle(error.name)} without any code, whose message is "${error.message}"`
      : String(error);
  return text.replace(/\.$/, '');
}

function withArticle(name: string): string {
  return `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}`;
}
