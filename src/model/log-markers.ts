/** The words of a run's log file by which a reader finds its parts. Invariant: who writes the file and who reads it back take them from here. */

/**
 * The last line of every header; process bytes begin after it.
 *
 * @example
 * ```ts
 * import { LOG_HEADER_END } from 'dryrunner/kit';
 * const log = `who ran it${'\n'}${LOG_HEADER_END}hello`;
 * console.log(log.split(LOG_HEADER_END)[1]); // hello
 * ```
 */
export const LOG_HEADER_END = 'SCOOT_CMD_LOG\n';

/** The first line after the marker of a trailer. */
export const LOG_TRAILER_BEGIN = 'FAILED\n';
