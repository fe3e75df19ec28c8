/** The default length of histories, explained or plain. */

/** Number of lines including the failure: few enough to take in at a glance. */
export const LINES_MAX = 12;
