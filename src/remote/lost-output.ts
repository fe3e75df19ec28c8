/** How client and server record that what a run printed is not all there although the run has ended. */

/** What a `recorded` event of it says, whether the standard output or error could not be stored, fetched or written. */
export const LOST_OUTPUT = 'output lost';
