// A status as an instance of a class, whose fields are getters: a runner may show such ones.
import type { RunStatus } from '../../src/model/run-status.ts';

class StatusInstance implements RunStatus {
  readonly #status: RunStatus;

  constructor(status: RunStatus) {
    this.#status = status;
  }

  get runId() {
    return this.#status.runId;
  }

  get state() {
    return this.#status.state;
  }

  get jobId() {
    return this.#status.jobId;
  }

  get taskId() {
    return this.#status.taskId;
  }

  get tag() {
    return this.#status.tag;
  }

  get stdoutRef() {
    return this.#status.stdoutRef;
  }

  get stderrRef() {
    return this.#status.stderrRef;
  }

  get snapshotId() {
    return this.#status.snapshotId;
  }

  get exitCode() {
    return this.#status.exitCode;
  }

  get error() {
    return this.#status.error;
  }
}

export function asInstance(status: RunStatus): RunStatus {
  return new StatusInstance(status);
}
