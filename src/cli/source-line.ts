/**
 * Source lines with paths relative to the folder in which the command was typed, so that they can be opened from there.
 */
import { formatDetails } from '../explore/explain/failing-text.ts';
import { frameFrom } from '../explore/explain/source-place.ts';
import { currentFolder } from './current-folder.ts';

/** A stack frame, its path relative to `folder` if it lies below that; default: the current folder. */
export function shownFrame(frame: string, folder: string | undefined = currentFolder()): string {
  return frameFrom(folder, frame);
}

/** The details of a failure, indented; of a stack, only the user's own lines. */
export function detailLines(details: readonly string[]): string[] {
  return formatDetails(details).map(({ role, text }) =>
    role === 'place' ? text.replace(/\S.*/, (frame) => shownFrame(frame)) : text,
  );
}
