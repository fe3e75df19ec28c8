/** Stacks as the author of a scenario reads them: what turns events into calls is at the bottom of each, and explains nothing. */

const ENGINE: readonly string[] = ['../kernel/', './'].map((folder) => new URL(folder, import.meta.url).href);
const FRAME = /^\s+at .*:\d+:\d+\)?$/;

/** The lines of what was thrown, below its message; none if it has none. */
export function framesOfThrown(thrown: unknown): string[] {
  const stack = thrown instanceof Error ? (thrown.stack ?? '') : '';
  return withoutEngine(stack.split('\n').filter(isFrame));
}

function isFrame(line: string): boolean {
  return FRAME.test(line);
}

/** The lines but those of the engine. Test frameworks name files by path, Node by URL. */
export function withoutEngine(lines: readonly string[]): string[] {
  const folders = ENGINE.flatMap((folder) => [folder, decodeURIComponent(new URL(folder).pathname)]);
  return lines.filter(
    (line) => !isFrame(line) || !(line.includes('node:') || folders.some((folder) => line.includes(folder))),
  );
}
