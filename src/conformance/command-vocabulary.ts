/**
 * The vocabulary of commands that cases use, so that the same case works with scripts of the simulation and with
 * programs of a machine.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { simScript, simStep } from '../execers/sim-step.ts';
import type { Command } from '../model/command.ts';
import type { Capability } from './capability.ts';

/** Makes commands. Commands of a capability that a runner lacks are never requested of it. */
export interface CommandVocabulary {
  /** Ends with that exit code after that many milliseconds; 0 means immediately. */
  exit(exitCode: number, afterMs?: number): Command;
  /** Runs until it is stopped. */
  hang(): Command;
  /** Writes to both streams, stdout first, then ends with 0 after that many milliseconds. */
  write(stdout: string, stderr: string, afterMs?: number): Command;
  /** Writes to stdout, then runs until it is stopped. */
  writeAndHang(stdout: string): Command;
  /** Cannot be started (R98). */
  unstartable(): Command;
  /** Is lost by the machinery: FAILED with that code, 0 for none of its own, and that text (R110). */
  lost(exitCode: number, text: string): Command;
  /** Dies of that signal (R124). */
  killedBy(signal: string): Command;
  /** Ignores the first request to stop; the second one ends it, after the execer's grace (R125). */
  stubborn(): Command;
}

/** The commands that each capability needs, beside `exit` and `hang`; those of missing capabilities may be absent. */
export const WORDS_OF: Readonly<Partial<Record<Capability, readonly (keyof CommandVocabulary)[]>>> = {
  unstartable: ['unstartable'],
  failures: ['lost'],
  signals: ['killedBy'],
  stubborn: ['stubborn'],
  outputs: ['write', 'writeAndHang'],
};

/**
 * Commands for the sim execer, and for the fake runner with `argvScript`.
 *
 * @example
 * ```ts
 * import { simCommands } from 'dryrunner/conformance';
 * if (simCommands.exit(3, 20).argv.join() !== 'sleep 20,complete 3') throw new Error('expected a script');
 * ```
 */
export const simCommands: CommandVocabulary = Object.freeze({
  exit: (exitCode: number, afterMs = 0): Command =>
    afterMs === 0
      ? { argv: simScript(simStep.complete(exitCode)) }
      : { argv: simScript(simStep.sleep(afterMs), simStep.complete(exitCode)) },
  hang: (): Command => ({ argv: simScript(simStep.hang()) }),
  write: (stdout: string, stderr: string, afterMs = 0): Command => ({
    argv: simScript(
      simStep.stdout(stdout),
      simStep.stderr(stderr),
      simStep.sleep(afterMs),
      simStep.complete(0),
    ),
  }),
  writeAndHang: (stdout: string): Command => ({ argv: simScript(simStep.stdout(stdout), simStep.hang()) }),
  unstartable: (): Command => ({ argv: ['no such step'] }),
  lost: (exitCode: number, text: string): Command => ({ argv: simScript(simStep.fail(exitCode, text)) }),
  killedBy: (signal: string): Command => ({ argv: simScript(simStep.signal(signal)) }),
  stubborn: (): Command => ({ argv: simScript(simStep.ignoreTerm(), simStep.hang()) }),
});

/**
 * Commands for POSIX shells. A real machinery loses no process on request, so `lost` is missing.
 *
 * @example
 * ```ts
 * import { shellCommands } from 'dryrunner/conformance';
 * if (shellCommands.exit(3).argv[2] !== 'exit 3') throw new Error('expected a shell command');
 * ```
 */
export const shellCommands: CommandVocabulary = Object.freeze({
  exit: (exitCode: number, afterMs = 0): Command => {
    checkNumbers(exitCode, afterMs);
    return sh(afterMs === 0 ? `exit ${exitCode}` : `sleep ${afterMs / 1000}; exit ${exitCode}`);
  },
  hang: (): Command => sh('while :; do sleep 0.05; done'),
  write: (stdout: string, stderr: string, afterMs = 0): Command => {
    checkNumbers(0, afterMs);
    return sh(`printf %s "$1"; printf %s "$2" >&2; sleep ${afterMs / 1000}`, stdout, stderr);
  },
  writeAndHang: (stdout: string): Command => sh('printf %s "$1"; while :; do sleep 0.05; done', stdout),
  unstartable: (): Command => ({ argv: ['/nonexistent/program'] }),
  lost: (): Command => sh('exit 1'),
  killedBy: (signal: string): Command => {
    check('signal', signal, is.text('the name of a signal'));
    return sh(`kill -${signal.replace(/^SIG/, '')} $$`);
  },
  stubborn: (): Command => sh(`trap '' TERM; while :; do sleep 0.05; done`),
});

function sh(script: string, ...args: readonly string[]): Command {
  return { argv: ['sh', '-c', script, ...(args.length === 0 ? [] : ['sh', ...args])] };
}

function checkNumbers(exitCode: unknown, afterMs: unknown): void {
  check('exitCode', exitCode, is.COUNT);
  check('afterMs', afterMs, is.limit());
}
