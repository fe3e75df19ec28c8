/** Which instruments the rules about metrics look at (R208). */
import { METRIC_NAMES } from '../model/metric-names.ts';

/** The gauge that holds the number of active runs (R116). */
export const RUNNING_TASK: string = METRIC_NAMES.RUNNING_TASK;

/** The counters of R176–R183: their totals only grow. */
export const COUNTER_NAMES: ReadonlySet<string> = new Set([
  METRIC_NAMES.DOWNLOADS,
  METRIC_NAMES.UPLOADS,
  METRIC_NAMES.LOG_UPLOAD_FAILURES,
  METRIC_NAMES.TIMEOUTS,
  METRIC_NAMES.MEMORY_CAP_EXCEEDED,
  METRIC_NAMES.HIGH_INITIAL_MEMORY,
  METRIC_NAMES.INIT_FAILURE,
  METRIC_NAMES.RUNS,
  METRIC_NAMES.ABORTS,
  METRIC_NAMES.QUERIES,
]);
