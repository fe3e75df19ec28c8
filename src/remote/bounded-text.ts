/**
 * Texts of clients, which may have the length of a whole message. Invariant: a name that is kept, and a text that is shown,
 * have at most {@link TEXT_LENGTH_MAX} characters or little more.
 */
import { badField } from '../cas/action-messages.ts';

/** Longer than a name of an instance, an upload or an operation needs to be. */
const TEXT_LENGTH_MAX = 4_096;
/** How much is shown of a text that is longer. */
const SHOWN_LENGTH = 100;

/** The fields of requests that are names which the server keeps, looks up or shows. */
interface NamingRequest {
  readonly instanceName?: string;
  readonly resourceName?: string;
  readonly name?: string;
}

/** @throws RunnerError `RUNNER_BAD_MESSAGE` for a request with a name that is too long to be kept. */
export function requireShortNames(request: unknown): void {
  const { instanceName = '', resourceName = '', name = '' } = (request ?? {}) as NamingRequest;
  requireShort('instance_name', instanceName);
  requireShort('resource_name', resourceName);
  requireShort('name', name);
}

function requireShort(field: string, { length }: string): void {
  if (length > TEXT_LENGTH_MAX) throw badField(field, `at most ${TEXT_LENGTH_MAX} characters`, length);
}

/** The text; one that is too long to be shown is cut, and says how long it was. */
export function boundedText(text: string): string {
  if (text.length <= TEXT_LENGTH_MAX) return text;
  return `${text.slice(0, SHOWN_LENGTH)}... (${text.length} characters)`;
}
