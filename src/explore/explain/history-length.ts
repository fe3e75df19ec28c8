/** The length of histories, explained or plain. */

/** Number of lines including the failure: few enough to take in at a glance. */
export const LINES_MAX = 12;

/** Name of the variable in the environment that, set to `all`, has a failing `simTest` show all lines. */
export const LINES_VARIABLE = 'DRYRUNNER_LINES';
