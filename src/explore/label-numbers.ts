/** The numbers in labels, by which a label says which of many alike things it is about. Invariant: pure functions of the text. */

const NUMBER = /\d+/g;

/** The numbers in a label, in order. */
export function numbersIn(label: string): number[] {
  return (label.match(NUMBER) ?? []).map(Number);
}

/** The label with two numbers in each other's place. */
export function withSwappedNumbers(label: string, one: number, other: number): string {
  return label.replace(NUMBER, (text) => {
    if (Number(text) === one) return String(other);
    return Number(text) === other ? String(one) : text;
  });
}

/** The label with one number for another, wherever it stands. */
export function withNumber(label: string, from: number, to: number): string {
  return label.replace(NUMBER, (text) => (Number(text) === from ? String(to) : text));
}
