/** Shows what processes write while it goes into their logs. */
import type { ExecCommand, Execer, Process, Sink } from '../model/execer.ts';
import type { MaybePromise } from '../model/maybe-promise.ts';
import type { Chunk } from '../model/output.ts';

/** Who is shown the output. */
export type ShowChunk = (stream: 'stdout' | 'stderr', chunk: Chunk) => void;

/** An execer whose processes' output is shown as it comes. */
export function showOutput(execer: Execer, show: ShowChunk): Execer {
  const shown = (stream: 'stdout' | 'stderr', sink: Sink | undefined): Sink => ({
    write(chunk) {
      show(stream, chunk);
      return sink?.write(chunk);
    },
  });
  return {
    cancelBoundMs: execer.cancelBoundMs,
    check: (command) => execer.check?.(command),
    exec: (command: ExecCommand): MaybePromise<Process> =>
      execer.exec({
        ...command,
        stdout: shown('stdout', command.stdout),
        stderr: shown('stderr', command.stderr),
      }),
  };
}
