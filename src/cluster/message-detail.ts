/** Short human-readable descriptions of messages. */
import { isEndOfExecution } from '../kernel/decisions.ts';
import { describeValue, errorNameOf, isError, messageOf } from '../kernel/errors.ts';
import { messageText } from '../model/message-text.ts';
import type { Envelope } from './envelope.ts';
import type { SentError } from './sent-error.ts';

const TEXT_MAX = 80;
const ITEMS_MAX = 6;

/**
 * The result of the value's own `describe()`; undefined if it has none. Never throws: what reports show must not decide
 * about the call or message.
 */
export function ownWords(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  try {
    const { describe } = value as { describe?: unknown };
    if (typeof describe !== 'function') return undefined;
    const words: unknown = (describe as () => unknown).call(value);
    return typeof words === 'string' && words !== '' ? words : undefined;
  } catch (error) {
    if (isEndOfExecution(error)) throw error;
    return `describe() of ${describeValue(value)} has thrown: ${messageOf(error)}`;
  }
}

/** The arguments, result, error or message of an envelope: its own words, else its values. */
export function detailOf({
  kind,
  words,
  body,
}: Pick<Envelope, 'kind' | 'words' | 'body'>): string | undefined {
  if (words !== undefined) return words;
  switch (kind) {
    case 'call':
      return (body as readonly unknown[]).map(shortText).join(', ');
    case 'error':
      return (body as SentError).message;
    case 'reply':
      return body === undefined ? undefined : shortText(body);
    case 'message':
      return shortText(body);
  }
}

/** An envelope as a noun phrase with its content: `the call acquire(7) from a to locks`. */
export function envelopeText(envelope: Envelope): string {
  const { from: runner, to, kind, name, words } = envelope;
  if (words !== undefined && kind !== 'error') return `${words} (${runner} to ${to})`;
  const detail = detailOf(envelope);
  return messageText({ runner, to, kind, name, ...(detail === undefined ? {} : { detail }) });
}

/** A call without its destination: `acquire(7) of a`, or its own words. */
export function callWords({ from, name, words, kind, body }: Envelope): string {
  if (words !== undefined) return `"${words}" of ${from}`;
  const args = kind === 'call' ? (body as readonly unknown[]).map(shortText).join(', ') : '';
  return `${name}(${args}) of ${from}`;
}

/**
 * An envelope as its receiver sees it: `acquire(7) of a`, `the answer of locks to acquire`, `the message beat of a`.
 */
export function arrivalText(envelope: Envelope): string {
  const { kind, from, name, words, body } = envelope;
  switch (kind) {
    case 'call':
      return callWords(envelope);
    case 'reply':
    case 'error':
      return `the ${kind === 'reply' ? 'answer' : 'error'} of ${from} to ${name}`;
    case 'message':
      return words === undefined ? `the message ${shortText(body)} of ${from}` : `"${words}" of ${from}`;
  }
}

/** The value on one line, truncated if long. */
function shortText(value: unknown): string {
  const text = textOf(value, 3);
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
}

function textOf(value: unknown, depth: number): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > TEXT_MAX ? `${value.slice(0, TEXT_MAX)}…` : value);
  }
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (depth === 0) return '…';
  if (Array.isArray(value)) return `[${listText(value, (item) => textOf(item, depth - 1))}]`;
  if (isError(value)) return `${errorNameOf(value) ?? 'Error'}: ${messageOf(value)}`;
  if (value instanceof Map) return `Map(${value.size})`;
  if (value instanceof Set) return `Set(${value.size})`;
  // eslint-disable-next-line no-restricted-globals -- only formats a date that was sent; reads no clock
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? String(value) : value.toISOString();
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  return `{${listText(Object.entries(value), ([key, item]) => `${key}: ${textOf(item, depth - 1)}`)}}`;
}

function listText<T>(items: readonly T[], textOfItem: (item: T) => string): string {
  const shown = items.slice(0, ITEMS_MAX).map(textOfItem);
  if (items.length > ITEMS_MAX) shown.push(`${items.length - ITEMS_MAX} more`);
  return shown.join(', ');
}
