/** How a fake runner performs a command: when the run starts, how long it lasts, and how it ends. */
import * as is from '../../kernel/shape.ts';
import { check, checkObject, unreadable } from '../../kernel/argument-check.ts';
import { invalidArgument } from '../../kernel/errors.ts';
import { parseSimScript } from '../../execers/sim-script.ts';
import { failedText, killedText } from '../../model/end-text.ts';
import { EXIT_CODES, type ExitCode } from '../../model/exit-code.ts';
import type { Command } from '../../model/command.ts';
import { isPending } from '../../model/maybe-promise.ts';

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
  /**
   * Milliseconds from RUNNING to the end. Default 0: at once; Infinity: until the test, an abort or the deadline ends
   * it.
   */
  readonly runMs?: number;
  /** How it ends. Default: COMPLETE with exit code 0. */
  readonly end?: FakeEnd;
}

/**
 * Returns the script of a command; undefined means that the test drives the run. Anything else, or an error, makes it
 * FAILED.
 */
export type FakeScripts = (command: Command) => FakeScript | undefined;

const FAKE_END = is.closed(
  is.objectOf<FakeEnd>(
    'an object with state and exitCode',
    { state: is.oneOf('COMPLETE', 'FAILED'), exitCode: is.WHOLE },
    { error: is.TEXT },
  ),
);
const SAYS = 'a script, which is an object';
const FAKE_SCRIPT = is.closed(
  is.objectOf<FakeScript>(SAYS, {}, { startAfterMs: is.limit(), runMs: is.limit(), end: FAKE_END }),
);

/**
 * The script of a command, checked as a whole before the run begins: an end that the store refuses would come too late
 * to end the run in another way.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a script or undefined, such as a promise of one.
 */
export function scriptFor(command: Command, scripts: FakeScripts | undefined): FakeScript | undefined {
  const script = scripts?.(command);
  if (script === undefined) return undefined;
  if (isPending(script)) throw invalidArgument('script()', SAYS, script);
  check('script()', script, FAKE_SCRIPT);
  return script;
}

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
          return { runMs, end: { state: 'COMPLETE', exitCode: -1, error: killedText(step.signal) } };
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
