/** The numbers in labels, by which a label says which of many alike things it is about. Invariant: pure functions of the text. */

const NUMBER = /\d+/g;

/** The label with one number for another, wherever it stands. */
export function withNumber(label: string, from: number, to: number): string {
  return label.replace(NUMBER, (text) => (Number(text) === from ? String(to) : text));
}

/** What a number counts, and the number: `client 1 job of round 2` has client 1 and round 2. */
export interface NumberedThing {
  /** The word before the number, with what stands between them. */
  readonly word: string;
  readonly number: number;
}

const NUMBERED = /([^\s\d]*\s?)(\d+)/g;

/** The numbered things in a label, in order. */
export function numberedThingsIn(label: string): NumberedThing[] {
  return [...label.matchAll(NUMBERED)].map(([, word = '', number]) => ({ word, number: Number(number) }));
}

/** The label with two things of one word in each other's place. */
export function withSwappedThings(label: string, word: string, one: number, other: number): string {
  return label.replace(NUMBERED, (text, before: string, number: string) => {
    if (before !== word) return text;
    if (Number(number) === one) return `${word}${other}`;
    return Number(number) === other ? `${word}${one}` : text;
  });
}
