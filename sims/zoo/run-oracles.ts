/** Two watchers that a user of the package adds to the default ones: nothing starts after a stop, and no failure is kept secret. */
import type { Oracle, OracleFactory, ReportViolation, TraceEvent } from 'dryrunner';
import { EXIT_CODES } from 'dryrunner/kit';
import { isTerminal } from 'dryrunner';
import { failureNote, isFailureNote } from './run-parts.ts';

/** R105: no process is started for a run that was asked to stop at an earlier instant. */
export const noLateStart: OracleFactory = (report) => {
  const stoppedAtMs = new Map<string, number>();
  return {
    watch(event) {
      if (event.type === 'abort' && !stoppedAtMs.has(event.runId)) stoppedAtMs.set(event.runId, event.at);
      if (event.type !== 'acquired' || event.resource !== 'process') return;
      const { runId, at: atMs } = event;
      const stopMs = stoppedAtMs.get(runId);
      if (stopMs === undefined || stopMs >= atMs) return;
      const message = `run ${runId} was asked to stop at ${stopMs} ms, and its process was started at ${atMs} ms`;
      report({ rule: 'R105', message, atMs });
    },
    end() {},
  };
};

/** R90, R94: a release that failed is recorded with its code, a processor that failed with its name, before their run ends. */
export const toldFailures: OracleFactory = (report) => new ToldFailures(report);

class ToldFailures implements Oracle {
  readonly #report: ReportViolation;
  #releases = 0;
  readonly #processors = new Set<string>();

  constructor(report: ReportViolation) {
    this.#report = report;
  }

  watch(event: TraceEvent): void {
    if (event.type === 'fault' && event.operation === 'release') this.#releases += 1;
    if (event.type === 'note' && isFailureNote(event.text)) this.#processors.add(event.text);
    if (event.type === 'recorded') {
      if (event.exitCode === EXIT_CODES.CHECKOUT_RELEASE) this.#releases -= 1;
      this.#processors.delete(failureNote(event.what));
    }
    if (event.type !== 'status' || !isTerminal(event.status.state)) return;
    const { state } = event.status;
    const title = `run ${event.status.runId} on ${event.runner}`;
    for (const note of this.#processors) {
      this.#complain(
        'R90',
        `${title} has ended without a record of this: ${note}\n\nExpected a recorded failure of the processor, and what it threw, before the run ends; got none until it was ${state}, and later is too late.`,
        event.at,
      );
    }
    if (this.#releases > 0) {
      this.#complain(
        'R94',
        `${title} has ended without a record that its release failed\n\nExpected a recorded failure with exit code ${EXIT_CODES.CHECKOUT_RELEASE} before the run ends; got none until it was ${state}, and later is too late.`,
        event.at,
      );
    }
  }

  end(): void {}

  #complain(rule: string, message: string, atMs: number): void {
    this.#report({ rule, message, atMs });
  }
}
