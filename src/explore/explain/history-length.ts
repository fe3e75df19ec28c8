/** How long every history is, explained or plain, unless its reader asks for another length. */

/** Lines, with that of the failure: they are to be read at one glance. */
export const LINES_MAX = 12;
