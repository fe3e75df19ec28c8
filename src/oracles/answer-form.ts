/**
 * Checks whether an answer of a service has the fields that the contract gives it (R10, R15). Invariant: an answer that
 * throws when it is read is a mismatch like any other.
 */
import * as is from '../kernel/shape.ts';
import { isInstance } from '../kernel/argument-check.ts';
import { describeValue, errorNameOf, messageOf } from '../kernel/errors.ts';
import type { ServiceMethod } from '../model/service.ts';
import type { QueryResult, StatusResult } from '../model/status-reader.ts';
import { RUN_STATUS_SHAPE, SERVICE_STATUS_SHAPE } from '../trace/model-shapes.ts';

/** A status may have more fields than the contract says. */
const RUN_STATUS: is.Shape = { ...RUN_STATUS_SHAPE, inherits: true, open: true, says: 'the status of a run' };
const SERVICE_STATUS: is.Shape = {
  ...SERVICE_STATUS_SHAPE,
  inherits: true,
  open: true,
  says: 'the status of the service',
};
const STATUS_RESULT = is.objectOf<StatusResult>(
  'an object with status and service',
  { status: RUN_STATUS, service: SERVICE_STATUS },
  {},
);
const QUERY_RESULT = is.objectOf<QueryResult>(
  'an object with statuses and service',
  { statuses: is.listOf(RUN_STATUS), service: SERVICE_STATUS },
  {},
);
const ANSWERS: Readonly<Record<ServiceMethod, is.Shape>> = {
  run: RUN_STATUS,
  abort: RUN_STATUS,
  query: QUERY_RESULT,
  queryNow: QUERY_RESULT,
  status: STATUS_RESULT,
  statusAll: QUERY_RESULT,
  release: is.ANY,
};

/** The difference between a value and what was expected, and the error that reading the value threw, if it did. */
export interface WrongForm {
  readonly text: string;
  readonly cause?: unknown;
}

/** How an answer deviates from the contract; undefined if it does not. */
export function wrongAnswer(method: ServiceMethod, answer: unknown): WrongForm | undefined {
  return mismatchText(`${method}()`, answer, ANSWERS[method]);
}

/**
 * How a value from outside deviates from a shape; undefined if it does not. A value that throws when it is read is a
 * mismatch too.
 */
export function mismatchText(name: string, value: unknown, shape: is.Shape): WrongForm | undefined {
  try {
    const found = is.findMismatch(shape, value);
    if (found === undefined) return undefined;
    return { text: `${is.joinPath(name, found.path)}: expected ${found.expected}, got ${found.got}` };
  } catch (cause) {
    const got = `${describeValue(value)} that throws ${thrownText(cause)}`;
    return { text: `${name}: expected a value whose fields can be read, got ${got}`, cause };
  }
}

/** Describes a thrown error, or any other thrown value, for "got …". */
export function thrownText(error: unknown): string {
  const kind = isInstance(error, Error) ? (errorNameOf(error) ?? 'error') : 'thrown value';
  return `the ${kind} ${JSON.stringify(messageOf(error))}`;
}
