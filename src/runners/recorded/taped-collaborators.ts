/**
 * The processors and the directory monitor of a recorded runner, each with its calls and answers written down. Invariant: nothing that either
 * side sees is changed, neither what is asked and answered nor whether an answer is there at once.
 */
import type { Cancellable } from '../../model/cancellation.ts';
import type { DirMonitor, Processor } from '../../model/collaborators.ts';
import type { Command } from '../../model/command.ts';
import type { RunnerTape } from './runner-tape.ts';

/** Pre- or postprocessors. */
export function tapedProcessors(
  tape: RunnerTape,
  what: 'preprocess' | 'postprocess',
  processors: readonly Processor[] = [],
): readonly Processor[] {
  return processors.map((processor) => ({
    name: processor.name,
    get cancelBoundMs() {
      return processor.cancelBoundMs;
    },
    process: (command: Command, cancel: Cancellable) =>
      tape.ask(what, processor.name, cancel, () => processor.process(command, cancel)),
  }));
}

/** Measures directories. */
export function tapedMonitor(tape: RunnerTape, monitor: DirMonitor): DirMonitor {
  return {
    sizesKb: () =>
      tape.ask(
        'measure',
        '',
        undefined,
        () => monitor.sizesKb(),
        (sizes) => ({ sizesKb: Object.fromEntries(sizes) }),
      ),
  };
}
