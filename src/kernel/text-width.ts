/**
 * How many columns of a terminal a text takes. Invariant: characters that are shown as one take the columns of one, and
 * are cut off as one. The ranges of wide characters are those that Unicode 16 calls wide or full-width, including the
 * unassigned characters between them; emoji come from the tables of the JavaScript engine. The text has no control
 * characters.
 */

/** Takes a column for each character. */
const NARROW = /^[\x20-\x7e]*$/;
const EMOJI = /\p{Emoji_Presentation}|\ufe0f|\p{Extended_Pictographic}\u200d/u;
/**
 * Marks, and the vowels and last consonants of a Korean syllable, are part of the character before them. The soft
 * hyphen is visible.
 */
const WITHOUT_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff\ud7b0-\ud7fb]$/u;
const SOFT_HYPHEN = '\u00ad';
const WIDE =
  /^[\u1100-\u115f\u2329\u232a\u2630-\u2637\u268a-\u268f\u2e80-\u303e\u3041-\u3247\u3250-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18df2}\u{1aff0}-\u{1b2fb}\u{1d300}-\u{1d376}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]$/u;

/**
 * What a reader takes for one character: a letter with its marks, a Korean syllable, or a whole emoji. `Intl.Segmenter`
 * knows more languages, but differs between hosts.
 */
const CHARACTER =
  /\p{RI}\p{RI}|.(?:[\p{M}\p{Cf}\p{EMod}\u1160-\u11ff\ud7b0-\ud7fb]|(?<=\u200d)\p{Extended_Pictographic})*/gsu;

function charactersOf(text: string): readonly string[] {
  return text.match(CHARACTER) ?? [];
}

function widthOfCharacter(character: string): number {
  if (EMOJI.test(character)) return 2;
  let width = 0;
  for (const part of character) {
    if (part !== SOFT_HYPHEN && WITHOUT_WIDTH.test(part)) continue;
    width += WIDE.test(part) ? 2 : 1;
  }
  return width;
}

/** How many columns the text takes. */
export function widthOf(text: string): number {
  if (NARROW.test(text)) return text.length;
  return charactersOf(text).reduce((sum, character) => sum + widthOfCharacter(character), 0);
}

/** The text with `fill` behind it, as wide as asked for. */
export function padded(text: string, columns: number, fill: ' ' | '-' = ' '): string {
  return text + fill.repeat(Math.max(0, columns - widthOf(text)));
}

/** The beginning of the text that takes at most that many columns. */
export function cutToWidth(text: string, columns: number): string {
  if (NARROW.test(text)) return text.slice(0, Math.max(0, columns));
  let kept = '';
  let width = 0;
  for (const character of charactersOf(text)) {
    width += widthOfCharacter(character);
    if (width > columns) break;
    kept += character;
  }
  return kept;
}
