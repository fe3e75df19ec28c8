/**
 * One row of the Standard Workload Format: 18 numbers, −1 where the log does not know. The names are ours; the order is the
 * format's (https://www.cs.huji.ac.il/labs/parallel/workload/swf.html).
 */

/** A job of a recorded workload. Times are whole seconds but the average CPU time; −1 means unknown. */
export interface SwfJob {
  readonly jobNumber: number;
  /** When it was submitted, from the log's beginning or from the Unix epoch. */
  readonly submitS: number;
  readonly waitS: number;
  readonly runS: number;
  readonly allocatedProcessors: number;
  /** Average over the processors; the one field with a fraction. */
  readonly cpuS: number;
  /** Per processor. */
  readonly memoryKb: number;
  readonly requestedProcessors: number;
  readonly requestedS: number;
  readonly requestedMemoryKb: number;
  /** 0 failed, 1 completed, 2 part that continues, 3 last part completed, 4 last part failed, 5 cancelled. */
  readonly status: number;
  readonly userId: number;
  readonly groupId: number;
  readonly executableId: number;
  readonly queueId: number;
  readonly partitionId: number;
  /** The job that had to end before this one was submitted. */
  readonly precedingJob: number;
  /** From the end of the preceding job to this one's submission. */
  readonly thinkS: number;
}

/** The fields in the order of the format, with what the format calls them. */
export const SWF_FIELDS: readonly (readonly [field: keyof SwfJob, name: string])[] = Object.freeze([
  ['jobNumber', 'job number'],
  ['submitS', 'submit time'],
  ['waitS', 'wait time'],
  ['runS', 'run time'],
  ['allocatedProcessors', 'number of allocated processors'],
  ['cpuS', 'average CPU time used'],
  ['memoryKb', 'used memory'],
  ['requestedProcessors', 'requested number of processors'],
  ['requestedS', 'requested time'],
  ['requestedMemoryKb', 'requested memory'],
  ['status', 'status'],
  ['userId', 'user id'],
  ['groupId', 'group id'],
  ['executableId', 'executable number'],
  ['queueId', 'queue number'],
  ['partitionId', 'partition number'],
  ['precedingJob', 'preceding job number'],
  ['thinkS', 'think time from preceding job'],
] as const);
