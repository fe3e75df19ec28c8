/**
 * Turns a sim script into a command for a POSIX shell. Invariant: if the machine cannot do what a step says, `end` says
 * what it does instead.
 */
import { parseSimScript } from '../execers/sim-script.ts';
import type { SimStep } from '../execers/sim-step.ts';
import { checkCommand, type Command } from '../model/command.ts';
import { EXIT_CODES } from '../model/exit-code.ts';
import type { TranslatedCommand } from './runner-command.ts';
import { naturalEnd } from './runner-model.ts';

/** Longer than the run, which has to kill it. */
const LEFT_BEHIND = 'sleep 60 >/dev/null 2>&1 &';
const FOREVER = 'while :; do sleep 0.05; done';

/**
 * The shell command that does what a sim script does: sleeps, writes, ignores SIGTERM, leaves processes behind, ends,
 * dies or hangs. Of an exit code the machine keeps eight bits: 300 becomes 44. The step `fail`, in which the machinery
 * loses the process, is impossible on a machine: the command is then one that cannot be started.
 *
 * @throws RunnerError `RUNNER_EXEC_FAILED` for anything but a sim script.
 * @example
 * ```ts
 * import { shellCommand } from 'dryrunner/check';
 * const { command, end } = shellCommand({ argv: ['sleep 20', 'complete 3'] });
 * if (command.argv[2] !== 'sleep 0.02\nexit 3' || end?.exitCode !== 3) throw new Error('expected a script for sh');
 * ```
 */
export function shellCommand(script: Command): TranslatedCommand {
  checkCommand(script);
  const steps = parseSimScript(script.argv);
  const end = naturalEnd(script);
  if (end?.state === 'FAILED') {
    return {
      command: { ...script, argv: ['/nonexistent/program'] },
      end: {
        state: 'FAILED',
        exitCode: EXIT_CODES.COULD_NOT_EXEC,
        error: 'could not exec: ',
        ...{ stdout: '', stderr: '' },
      },
    };
  }
  const texts: string[] = [];
  const lines = steps.map((step) => lineOf(step, texts));
  const command = { ...script, argv: ['sh', '-c', lines.join('\n'), 'sh', ...texts] };
  if (end === undefined || end.signal !== undefined) return { command, end };
  return { command, end: { ...end, exitCode: keptOf(end.exitCode) } };
}

/** What a machine keeps of an exit code: its last eight bits. */
function keptOf(exitCode: number): number {
  return exitCode & 0xff;
}

/** Appends its text to `texts`, which become arguments of the shell, so that nothing has to be quoted. */
function lineOf(step: SimStep, texts: string[]): string {
  switch (step.op) {
    case 'sleep':
      return `sleep ${step.ms / 1000}`;
    case 'stdout':
      return `printf %s "\${${texts.push(step.text)}}"`;
    case 'stderr':
      return `printf %s "\${${texts.push(step.text)}}" >&2`;
    case 'complete':
      return `exit ${keptOf(step.exitCode)}`;
    case 'signal':
      return `kill -${step.signal.replace(/^SIG/, '')} $$`;
    case 'ignore-term':
      return "trap '' TERM";
    case 'fork':
      return LEFT_BEHIND;
    case 'orphan':
      return `setsid ${LEFT_BEHIND}`;
    case 'hang':
    case 'pause':
      return FOREVER;
    case 'comment':
    case 'mem':
    case 'fail':
      return ':';
  }
}
