/** What `explore` and `replay` take where nothing is typed. Apart from the rest, because the help shows it and loads nothing else. */

/** How long a scenario is explored, if executions are not bounded either. */
export const TIME_MS = 60_000;

/** For how long one failure is made small. */
export const SHRINK_MS = 30_000;

/** MiB of heap that an execution may need. */
export const MEMORY_MB = 1_024;

/** For how long at least one failure is explained. */
export const EXPLAIN_MS = 10_000;

/** How long an execution may make no progress before it counts as hanging. */
export const HANG_MS = 10_000;
