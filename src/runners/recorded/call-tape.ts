/** The calls on a recorded runner, each passed on in the same synchronous call. */
import type { Command } from '../../model/command.ts';
import type { RunID, RunStatus } from '../../model/run-status.ts';
import type { RunnerTape } from './runner-tape.ts';

/** Writes the calls on a runner down. */
export class CallTape {
  readonly #tape: RunnerTape;

  constructor(tape: RunnerTape) {
    this.#tape = tape;
  }

  run(command: Command, make: () => Promise<RunStatus>): Promise<RunStatus> {
    return this.#tape.call('run', { command }, make);
  }

  abort(runId: RunID, make: () => Promise<RunStatus>): Promise<RunStatus> {
    return this.#tape.call('abort', { runId }, make);
  }

  release(make: () => Promise<void>): Promise<void> {
    return this.#tape.call('release', {}, make);
  }
}
