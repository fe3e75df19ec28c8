/** How a fake runner performs a command: when the run starts, how long it lasts, and how it ends. */
import { checkObject, unreadable } from '../../kernel/argument-check.ts';
import { parseSimScript } from '../../execers/sim-script.ts';
import { failedText } from '../../model/end-text.ts';
import { EXIT_CODES, type ExitCode } from '../../model/exit-code.ts';
import type { Command } from '../../model/command.ts';

/** The terminal state of a fake run. */
export interface FakeEnd {
  readonly state: 'COMPLETE' | 'FAILED';
  readonly exitCode: ExitCode;
  readonly error?: string;
}

/** A fake run from its turn in the queue to its end. */
export interface FakeScript {
  /** Milliseconds from its turn to RUNNING. Default 0: at once. */
  readonly startAfterMs?: number;
  /** Milliseconds from RUNNING to the end. Default 0: at once; Infinity: until the test, an abort or the deadline ends it. */
  readonly runMs?: number;
  /** How it ends. Default: COMPLETE with exit code 0. */
  readonly end?: FakeEnd;
}

/** Returns the script of a command; undefined means that the test drives the run. */
export type FakeScripts = (command: Command) => FakeScript | undefined;

/**
 * Reads a command's argv as a sim script and keeps the steps that a fake can perform: `sleep`, `complete`, `fail`,
 * `pause` and `hang`; output and comments are skipped. So a fake and a simulated runner can run the same commands. See
 * {@link createFakeRunner}.
 *
 * @throws RunnerError `RUNNER_EXEC_FAILED` for an invalid step, which the fake runner reports as the run's failure.
 */
export function argvScript(command: Command): FakeScript {
  try {
    checkObject('command', 'an object with argv', command);
    const { argv } = command;
    let runMs = 0;
    for (const step of parseSimScript(argv)) {
      switch (step.op) {
        case 'sleep':
          runMs += step.ms;
          break;
        case 'pause':
        case 'hang':
          return { runMs: Infinity };
        case 'complete':
          return { runMs, end: { state: 'COMPLETE', exitCode: step.exitCode } };
        case 'fail':
          return {
            runMs,
            end: {
              state: 'FAILED',
              exitCode: step.exitCode || EXIT_CODES.POST_EXEC,
              error: failedText(step.text),
            },
          };
        case 'signal':
          return { runMs, end: { state: 'COMPLETE', exitCode: -1, error: `killed by ${step.signal}` } };
        case 'stdout':
        case 'stderr':
        case 'comment':
        case 'mem':
        case 'ignore-term':
        case 'orphan':
        case 'fork':
          break;
      }
    }
    return { runMs };
  } catch (error) {
    throw unreadable('command', command, error);
  }
}
