/** Identity of a runner among others. */

/** Names a runner; used in traces, metrics and reports. */
export interface RunnerID {
  readonly id: string;
}
