// Carries out edits on sources. Invariant: an edit whose text is not found exactly once is refused, so that a bug that the code has
// grown away from cannot silently become no bug.
import type { Edit } from './bug.ts';

/** How often `part` occurs in `text`. */
function occurrences(text: string, part: string): number {
  return text.split(part).length - 1;
}

/** The text of a file after the edits that concern it, in their order. */
export function editedSource(file: string, text: string, edits: readonly Edit[]): string {
  let edited = text;
  for (const { find, replace } of edits.filter((edit) => edit.file === file)) {
    const count = occurrences(edited, find);
    if (count !== 1) throw new Error(`${file}: expected the text once, found it ${count} times:\n${find}`);
    if (find === replace) throw new Error(`${file}: the edit changes nothing:\n${find}`);
    edited = edited.replace(find, () => replace);
  }
  return edited;
}
