/** What something comes to, as data: shared by all generic scenarios. */
import { isRunnerError, type Simulation } from 'dryrunner';

/**
 * The code of the error that it throws; `none` if it throws nothing. The text of an error without a code, and of a refusal that does not say what
 * was expected and what came, which nothing expects.
 */
export function codeOf(act: () => unknown): string {
  try {
    act();
    return 'none';
  } catch (error) {
    if (!isRunnerError(error)) return String(error);
    return error.code === WRONG_USE && !isWhole(error) ? `${WRONG_USE} (${error.message})` : error.code;
  }
}

const WRONG_USE = 'RUNNER_INVALID_ARGUMENT';

/** A refusal of wrong use says where, what was expected and what came. */
export function isWhole({ message }: Error): boolean {
  return /^[^:]*[^: ]: expected \S.*, got .+/s.test(message) || /^"[^"]+" is \S.*, not \S/.test(message);
}

/** Wrong use must be refused. */
export function mustRefuse(sim: Simulation, what: string, act: () => unknown): void {
  const code = codeOf(act);
  sim.check(code === WRONG_USE, `${what} is not refused as wrong use: ${code}`);
}

/** What an act gave: its result, or the code and text of what it threw. */
export function outcomeText(act: () => unknown): string {
  try {
    return `gave ${shown(act())}`;
  } catch (error) {
    return isRunnerError(error) ? `${error.code} ${error.message}` : `threw ${String(error)}`;
  }
}

/** A value in words. */
export function shown(value: unknown): string {
  if (value instanceof Uint8Array) return `bytes ${[...value].join(' ')}`;
  return value === undefined ? 'nothing' : JSON.stringify(value);
}

/** Two values must be the same in words. */
export function mustBe(sim: Simulation, what: string, expected: unknown, got: unknown): void {
  sim.check(shown(expected) === shown(got), `${what}\n\nExpected ${shown(expected)}, got ${shown(got)}.`);
}

/** What a promise comes to. */
export async function settledAs(
  promise: Promise<unknown>,
): Promise<{ readonly value?: unknown; readonly error?: unknown }> {
  try {
    return { value: await promise };
  } catch (error) {
    return { error };
  }
}

/** Clocks count whole microseconds. */
export function rounded(ms: number): number {
  return usOf(ms) / 1_000;
}

/** Whole microseconds. */
export function usOf(ms: number): number {
  return Math.round(ms * 1_000);
}

/** Data as text, whatever the order of its fields. */
export function dataText(value: unknown): string {
  return String(
    JSON.stringify(value, (_, part: unknown) =>
      typeof part === 'object' && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
        : part,
    ),
  );
}
