/** How client and server record that the output of a run is incomplete although the run has ended. */

/** The `what` of that `recorded` event, whether standard output or error could not be stored, fetched or written. */
export const LOST_OUTPUT = 'output lost';
