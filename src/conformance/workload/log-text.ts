/**
 * The form of a log, as the contract has it: a header, what the process wrote, perhaps a trailer (R96, R97, R101, R107,
 * R111). Invariant: only what the contract says of them is demanded, and no words of a particular runner.
 */
import { formatUtc } from '../../kernel/utc-time.ts';
import type { Command } from '../../model/command.ts';
import { formatGoDuration } from '../../model/go-duration.ts';

/** What is wrong with a log: the rules, and the rest of a sentence that begins with its name. */
export type LogFault = readonly [rules: string, text: string];

/** What the header of a log must say. */
export interface HeaderFacts {
  readonly command: Command;
  readonly uris: readonly string[];
  /** When it was written, in milliseconds since the Unix epoch; undefined if unknown. */
  readonly written: { readonly fromMs: number; readonly toMs: number } | undefined;
}

/** What a trailer may say. */
export interface Trailer {
  readonly rule: 'R101' | 'R107' | 'R111';
  readonly text: string;
}

/** What must follow the header. */
export interface BodyFacts {
  /** What its process writes to it. */
  readonly written: string;
  /** How much of that is there. */
  readonly amount: 'all' | 'a part' | 'nothing';
  /** The possible trailers; none if there must be none. */
  readonly trailers: readonly Trailer[];
  readonly mustHaveTrailer: boolean;
}

/** Logs of this many of the latest runs are read; those of older ones may be gone. */
export const LOGS_READ_MAX = 6;

const HEADER_END = '\nSCOOT_CMD_LOG\n';

/** What follows the header. */
export function bodyOf(log: string): string {
  return log.slice(log.indexOf(HEADER_END) + HEADER_END.length);
}

/** The first line of the marker with which a log begins. */
export function markerOf(log: string): string {
  return log.slice(0, log.indexOf('\n'));
}

/** R96, R17. */
export function headerFault(log: string, { command, uris, written }: HeaderFacts): LogFault | undefined {
  const header = log.slice(0, log.indexOf(HEADER_END) + 1);
  const line = markerOf(log);
  const marker = `${line}\n${line}\n`;
  if (line === '' || !header.startsWith(marker)) return ['R96', 'has no header'];
  const date = /^Date: .*\d.*$/m.exec(header);
  if (date === null) return ['R96', 'has a header without the date'];
  const isClosed = header.includes(marker, marker.length);
  if (!isClosed) return ['R96', 'has a header without the marker at its end'];
  const missing = uris.find((uri) => !header.includes(uri));
  if (missing !== undefined) return ['R96', `has a header without the URI ${missing}`];
  const word = wordsOf(command).find((each) => !header.includes(each));
  if (word !== undefined) return ['R96 R17', `has a header without ${JSON.stringify(word)} of the command`];
  return written === undefined ? undefined : dateFault(date[0], written.fromMs, written.toMs);
}

/** A date in another form than that of ISO 8601 in UTC is not looked at. */
function dateFault(line: string, fromMs: number, toMs: number): LogFault | undefined {
  const [date] = /\d{4}-\d\d-\d\dT[\d:.]+(?=Z)/.exec(line) ?? [];
  if (date === undefined) return undefined;
  const [from, to] = [formatUtc(fromMs), formatUtc(toMs)];
  if (from.slice(0, date.length) <= date && date <= to.slice(0, date.length)) return undefined;
  const expected = `expected a date of the clock that the runner was given, from ${from} to ${to}`;
  return ['R96 R209', `has a header of another time: ${expected}, got ${date}Z`];
}

/** What the text of a command has (R17). */
function wordsOf({ argv, jobId = '', taskId = '', tag = '' }: Command): readonly string[] {
  return [taskId, jobId, tag, ...argv.map((word) => JSON.stringify(word).slice(1, -1))];
}

/** R97, R101, R107, R111. */
export function bodyFault(log: string, facts: BodyFacts): LogFault | undefined {
  const { written, amount, trailers, mustHaveTrailer } = facts;
  const body = bodyOf(log);
  const at = body.indexOf(markerOf(log));
  const hasTrailer = at !== -1;
  if (!isOutput(hasTrailer ? body.slice(0, at) : body, hasTrailer, facts)) {
    const expected = amount === 'nothing' ? 'nothing' : `${amount} of ${JSON.stringify(written)}`;
    return ['R97', `is ${JSON.stringify(body)}, expected ${expected} from its process`];
  }
  if (!hasTrailer && !mustHaveTrailer) return undefined;
  const trailer = body.slice(at).trimEnd();
  if (hasTrailer && trailers.some(({ text }) => trailer.endsWith(text))) return undefined;
  const rules = trailers.length === 0 ? 'R97' : trailers.map(({ rule }) => rule).join(' ');
  const texts = trailers.map(({ text }) => JSON.stringify(text)).join(' or ');
  const expected = trailers.length === 0 ? 'no trailer' : `the marker and ${texts} at its end`;
  return [rules, `is ${JSON.stringify(body)}, expected ${expected}`];
}

/** Whether that is what the process wrote; empty lines may stand between it and a trailer. */
function isOutput(text: string, hasTrailer: boolean, { written, amount }: BodyFacts): boolean {
  const whole = amount === 'nothing' ? '' : written;
  if (text.startsWith(whole)) {
    const rest = text.slice(whole.length);
    return rest === '' || (hasTrailer && rest.trim() === '');
  }
  return amount === 'a part' && whole.startsWith(hasTrailer ? text.trimEnd() : text);
}

/** The trailer of a run that was stopped by its deadline. */
export function timeoutTrailer(timeoutMs: number): Trailer {
  return { rule: 'R101', text: `Task exceeded timeout ${formatGoDuration(timeoutMs)}` };
}

/** The trailer of a run that was aborted. */
export const ABORT_TRAILER: Trailer = Object.freeze({ rule: 'R107', text: 'Task aborted' });
