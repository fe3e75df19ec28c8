/**
 * What of a failure's message is its name, and what is a picture of it, such as the time lines of a contradiction or the difference that an
 * assertion shows. Invariant: the headline is one line, and with the rest nothing of the message is lost but blank space.
 */

/** A message in two parts. */
export interface FailureHeadline {
  /** The first paragraph, in one line; with the next one if it announces that. */
  readonly headline: string;
  /** The lines after it, as they are; none of the first and the last is blank. */
  readonly rest: readonly string[];
}

const PARAGRAPHS = /\n[ \t]*\n/;

/** Splits a message. */
export function headlineOf(message: string): FailureHeadline {
  const [first = '', second, ...others] = message.trim().split(PARAGRAPHS);
  const isAnnouncing = first.trimEnd().endsWith(':') && second !== undefined;
  const head = isAnnouncing ? `${first}\n${second}` : first;
  const rest = [...(isAnnouncing || second === undefined ? [] : [second]), ...others].join('\n\n');
  return {
    headline: head.replace(/\s*\n\s*/g, ' ').trim(),
    rest: rest === '' ? [] : rest.split('\n').map((line) => line.trimEnd()),
  };
}
