/** When a runner stops trusting its machine (R81). Only FAILED runs count, and an ABORTED one neither counts nor breaks a row. */
import { EXIT_CODES, type ExitCode } from '../../model/exit-code.ts';
import type { RunStatus } from '../../model/run-status.ts';

/** Watches terminal statuses for the signs of a broken machine. */
export class RunnerHealth {
  #lastCode: ExitCode = 0;

  /** Takes a terminal status; says why the runner is unhealthy from now on, or undefined. */
  note({ state, exitCode, error }: RunStatus): string | undefined {
    if (state === 'ABORTED') return undefined;
    const previous = this.#lastCode;
    this.#lastCode = state === 'FAILED' ? exitCode : 0;
    if (state !== 'FAILED') return undefined;
    if (exitCode === EXIT_CODES.HIGH_INITIAL_MEMORY) return `exit code ${exitCode}: ${error}`;
    const isCheckout = exitCode === EXIT_CODES.CLEAN || exitCode === EXIT_CODES.CHECKOUT;
    return isCheckout && previous === exitCode ? `exit code ${exitCode} twice in a row: ${error}` : undefined;
  }
}
