/** A line of a file of JSON lines; undefined for one that a process has not written to its end. */
export function parsedLine<T>(line: string): T | undefined {
  try {
    return JSON.parse(line) as T;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
