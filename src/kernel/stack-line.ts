/**
 * A line of a stack, as the engine writes it below the message: `    at async Lock.take (/work/lock.ts:3:5)`. Test
 * frameworks name files by path, Node by URL.
 */
import { pathOfLocation } from './package-files.ts';

/** A quick test, as most lines of a long message have no place. */
const POSITION = /:\d+:\d+\)?$/;
const PLACED = /^\s*at .*:\d+:\d+\)?$/;
/** Lines of the engine itself have no place: `at new Promise (<anonymous>)`, `at Promise.all (index 0)`. */
const UNPLACED = /^\s*at .*\((?:<anonymous>|native|index \d+)\)$/;
const WHERE = /(?:.*\((.*)\)|(?:at )?(?:async )?(.*))$/;
const LOCATION = /^(.+):\d+:\d+$/;
const CALLED = /^\s*at (?:async )?(.*\S) \(.*\)$/;
const OF_NODE = /^\s*at (?:async )?(?:new )?(?:(.+?) )?\(?node:(?:internal\/)?([\w/]+):\d+:\d+\)?$/;
/** Longer lines are part of a message; searching one for a place could take minutes. */
const LENGTH_MAX = 4_096;

/** The line that shows a frame, which is `function (file:line:column)` or `file:line:column`. */
export function stackLine(frame: string): string {
  return `    at ${frame}`;
}

/** True for a line of a stack, false for one of a message. */
export function isStackLine(line: string): boolean {
  return isPlaced(line) || UNPLACED.test(line);
}

/** True for a line of a stack that names a file, and the line and column there. */
export function isPlaced(line: string): boolean {
  return PLACED.test(line);
}

/** The path of the file; empty if the line names none. */
export function fileOfLine(line: string): string {
  if (line.length > LENGTH_MAX || !POSITION.test(line)) return '';
  const [, inBrackets, bare = ''] = WHERE.exec(line.trim()) ?? [];
  return pathOfLocation(LOCATION.exec(inBrackets ?? bare)?.[1] ?? '');
}

/** The function as the engine names it; undefined if the line names none. */
export function functionOfLine(line: string): string | undefined {
  return CALLED.exec(line)?.[1];
}

/** The function and the module of Node, such as `timers`, if the line is of one. */
export function callOfNode(line: string): { readonly name: string; readonly module: string } | undefined {
  const [, name = '', module] = OF_NODE.exec(line) ?? [];
  return module === undefined ? undefined : { name, module };
}
