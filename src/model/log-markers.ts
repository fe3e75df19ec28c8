/**
 * Markers in the log file of a run. Invariant: the code that writes the file and the code that parses it both take them
 * from here.
 */

/**
 * Last line of every header; the output of the process begins after it.
 *
 * @example
 * ```ts
 * import { LOG_HEADER_END } from 'dryrunner/kit';
 * const log = `who ran it${'\n'}${LOG_HEADER_END}hello`;
 * console.log(log.split(LOG_HEADER_END)[1]); // hello
 * ```
 */
export const LOG_HEADER_END = 'SCOOT_CMD_LOG\n';

/** First line of the trailer, after the marker. */
export const LOG_TRAILER_BEGIN = 'FAILED\n';
