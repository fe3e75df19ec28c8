/**
 * Error texts of processes that did not start, failed or were killed. They are both written and parsed here, because
 * recordings and clusters pass on only the text. Invariant: parsing a text returns the reason or signal that it was
 * made from.
 */

const COULD_NOT_EXEC = 'could not exec: ';
const FAILED = 'error execing: ';
const LOGS_INCOMPLETE = 'the logs are incomplete: ';
const KILLED_BY = /^Killed by (SIG[A-Z0-9]+(?:[+-]\d+)?)$/;

/** The error of a run whose process did not start (R98). */
export function notStartedText(reason: string): string {
  return `${COULD_NOT_EXEC}${reason}`;
}

/** Why the process did not start; undefined if the error says something else. */
export function notStartedReason(error: string): string | undefined {
  return behind(COULD_NOT_EXEC, error);
}

/** The error of a COMPLETE run that has lost some of what it printed (R123). */
export function incompleteLogsText(loss: string): string {
  return `${LOGS_INCOMPLETE}${loss}`;
}

/** What is missing in the logs; undefined if the error says something else. */
export function incompleteLogsLoss(error: string): string | undefined {
  return behind(LOGS_INCOMPLETE, error);
}

/** The error of a run whose process FAILED (R110). */
export function failedText(reason: string): string {
  return `${FAILED}${reason}`;
}

/** How the process FAILED; undefined if the error says something else. */
export function failedReason(error: string): string | undefined {
  return behind(FAILED, error);
}

/** The error of a run whose process was killed by a signal that nobody here sent (R124). */
export function killedText(signal: string): string {
  return `Killed by ${signal}`;
}

/** The signal that killed the process; undefined if the error says something else. */
export function killingSignal(error: string): string | undefined {
  return KILLED_BY.exec(error)?.[1];
}

function behind(head: string, error: string): string | undefined {
  return error.startsWith(head) ? error.slice(head.length) : undefined;
}
