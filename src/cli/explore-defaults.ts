/**
 * Defaults of `run`, `explore`, `explain` and `replay`. In a file of their own, because the help shows them and loads
 * nothing else.
 */

/** Time for exploring one scenario, in milliseconds, unless the number of executions is bounded. */
export const TIME_MS = 60_000;

/** Time for shrinking one failure, in milliseconds. */
export const SHRINK_MS = 30_000;

/** Heap that an execution may use, in MiB. */
export const MEMORY_MB = 1_024;

/** Least time for explaining one failure, in milliseconds. */
export const EXPLAIN_MS = 10_000;

/** Time without progress after which an execution counts as hanging, in milliseconds. */
export const HANG_MS = 10_000;
