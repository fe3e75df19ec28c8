/** Source lines as they are read and opened where the command was typed: their paths start there. */
import { sep } from 'node:path';
import { framesOf, hasUserFrame } from '../explore/explain/source-place.ts';
import { currentFolder } from './current-folder.ts';

/** A line of a stack, its path relative to `folder` if it lies below that; default: the current folder. */
export function shownFrame(frame: string, folder: string | undefined = currentFolder()): string {
  if (folder === undefined) return frame;
  const start = folder.endsWith(sep) ? folder : `${folder}${sep}`;
  const bracket = frame.lastIndexOf(`(${start}`);
  if (bracket >= 0) return `${frame.slice(0, bracket + 1)}${frame.slice(bracket + 1 + start.length)}`;
  return frame.startsWith(start) ? frame.slice(start.length) : frame;
}

const STACK_LINE = /^\s*at .*:\d+:\d+\)?$/;

/** The details of a failure, indented; of a stack below one, the user's own lines. */
export function detailLines(details: readonly string[]): string[] {
  return details.flatMap((detail) => {
    const lines = detail.split('\n');
    const stack = lines.filter((line) => STACK_LINE.test(line)).join('\n');
    const frames = hasUserFrame(stack) ? framesOf(stack) : [];
    return [
      ...lines.filter((line) => !STACK_LINE.test(line)).map((line) => `    ${line}`),
      ...frames.map((frame) => `      ${shownFrame(frame)}`),
    ];
  });
}
