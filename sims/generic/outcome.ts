/** What something comes to, as data: shared by all generic scenarios. */
import { isRunnerError } from 'dryrunner';

/** The code of the error that it throws; `none` if it throws nothing, and the text of an error without a code, which nothing expects. */
export function codeOf(act: () => unknown): string {
  try {
    act();
    return 'none';
  } catch (error) {
    return isRunnerError(error) ? error.code : String(error);
  }
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
