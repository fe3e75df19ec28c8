#!/usr/bin/env node
/** The `dryrunner` command: what can be typed, and which file does it. Commands are loaded when they are used. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import type { ExploreCommandOptions } from './explore-options.ts';
import type { ExecCommandOptions } from './exec-command.ts';
import { endProcess } from './end-process.ts';
import { EXEC_FAILED } from './exec-status.ts';
import { EXIT_STATUS, InterruptedError, UsageError } from './exit-status.ts';
import type { ExplainCommandOptions } from './explain-command.ts';
import type { ReplayCommandOptions } from './replay-command.ts';
import type { RunCommandOptions } from './run-command.ts';
import { SHRINK_MS, TIME_MS } from './explore-defaults.ts';
import { finishProcess, watchProcessEnd } from './process-end.ts';
import { allowOption, debugOption, hangOption, memoryOption, timelineOption } from './shared-options.ts';
import { Terminal } from './terminal.ts';
import { positiveInteger, shard, signalName, span, threadCount, wholeNumber } from './typed-values.ts';

const terminal = new Terminal({ lostStatus: ownFailure() });
watchProcessEnd(terminal);
/** One of {@link EXIT_STATUS}, or for `exec` any. */
let status: number = EXIT_STATUS.HELD;

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

const EXPLORE_EXAMPLES = `
Examples:
  dryrunner explore ./my-scheduler.js                  a minute, on all cores
  dryrunner explore timeout-race --executions 5000     so many executions, however long they take
  dryrunner explore ./my-scheduler.js --all --json     every different failure, for programs

A failure is made small, explained, and repeated by the line that is printed with it. Failures are kept and tried first next time.`;

const EXPLAIN_EXAMPLES = `
Examples:
  dryrunner explain ./my-scheduler.js --seed 8  a seed that \`run\` found to fail
  dryrunner explain failure.jsonl --no-shrink   a log, as it is
  dryrunner explain dr1:… --time 2m             a token, with more time

Exit codes: 1 it fails and is explained, 0 it holds, 3 a token or a log no
longer fits, and what happens now is shown.`;

const REPLAY_NOTE = `
A token or a file names the module of its scenario, and to replay it is to run that module. So only modules under the folder in which the
command runs are loaded, links followed, and those under the folders of --allow.`;

const program = new Command('dryrunner')
  .description(
    'Rehearse schedulers: fake, simulated, chaotic and real command runners, in virtual time, every choice in one replayable log.',
  )
  .version(version())
  .exitOverride()
  .showHelpAfterError('(--help shows what can be typed)')
  .addHelpText(
    'after',
    '\nExit codes: 0 held, 1 a property failed, 2 wrong usage, 3 a replay diverged, 128 + the number of the signal that ended it (130 after Ctrl-C), 141 nobody reads the output.\nStart here: dryrunner start',
  );

program
  .command('start')
  .description('run every shipped scenario over many seeds, then compare the simulated with the real runner')
  .option('--seeds <n>', 'how many seeds each scenario is run with', positiveInteger, 200)
  .option('--json', 'one JSON object per line on stdout')
  .action(async (options: { seeds: number; json?: boolean }) => {
    const { startCommand } = await import('./start-command.ts');
    status = await startCommand(terminal, options);
  });

program
  .command('run')
  .description('run scenarios, by name or file, in virtual time')
  .argument(
    '[scenario...]',
    'names of shipped scenarios or files that export scenarios; all shipped ones if left out',
  )
  .option('--seed <s>', 'one seed, any text (default: 1)')
  .option('--seeds <n>', 'the seeds 1 to n', positiveInteger)
  .option('--json', 'one JSON object per line on stdout')
  .option('--trace <file>', 'write the trace of the one run to this file')
  .addOption(timelineOption('the first run that fails, or else of the first run,'))
  .action(async (scenarios: string[], options: RunCommandOptions) => {
    const { runCommand } = await import('./run-command.ts');
    status = await runCommand(terminal, scenarios, options);
  });

program
  .command('list')
  .description('list scenarios: the shipped ones, or those that files export')
  .argument('[file...]', 'files that export scenarios; the shipped ones if left out')
  .option('--json', 'one JSON object per line on stdout')
  .action(async (files: string[], options: { json?: boolean }) => {
    const { listCommand } = await import('./list-command.ts');
    status = await listCommand(terminal, files, options);
  });

program
  .command('explore')
  .description('look for an execution that fails: try other orders, delays, faults and inputs, on all cores')
  .argument(
    '[scenario...]',
    'names of shipped scenarios or files that export scenarios; all shipped ones if left out',
  )
  .option(
    '--time <duration>',
    `stop after this long, such as 90s (a number alone is seconds); per scenario (default: ${TIME_MS / 1_000}s)`,
    span,
  )
  .option('--executions <n>', 'stop after this many executions, beside those of kept logs', positiveInteger)
  .option(
    '--strategy <name>',
    'how to choose what to try next: portfolio takes turns with stratified, pct, pos, walk, swarm, sweep and mutation; each of them alone; plain; random; exhaustive tries all there is and vouches for it',
    'portfolio',
  )
  .option('--seed <s>', 'any text; the same seed tries the same', '1')
  .option('--shard <i/n>', 'do the i-th of n equal parts, such as 1/4, for n machines', shard)
  .option('--workers <n>', 'threads (default: one per core)', threadCount)
  .option(
    '--max-decisions <n>',
    'exhaustive: decisions per execution that are answered in every way',
    positiveInteger,
  )
  .option('--max-delays <n>', 'exhaustive: events per execution that are passed over', wholeNumber)
  .option('--max-faults <n>', 'exhaustive: answers per execution that are not the plain one', wholeNumber)
  .option('--corpus <dir>', 'where failures are kept; they are tried first next time', '.dryrunner/corpus')
  .option('--resume', 'go on where the last campaign with the same strategy, seed and shard ended')
  .option('--no-shrink', 'tell a failure as it was found, without making it small')
  .option('--all', 'go on after the first failure and tell each different one')
  .option('--strict', 'also list real timers, clocks, randomness and I/O that a scenario touches; slower')
  .addOption(hangOption())
  .addOption(memoryOption())
  .option('--json', 'one JSON object per line on stdout')
  .addHelpText('after', EXPLORE_EXAMPLES)
  .action(async (scenarios: string[], options: ExploreCommandOptions) => {
    const { exploreCommand } = await import('./explore-command.ts');
    status = await exploreCommand(terminal, scenarios, options);
  });

program
  .command('replay')
  .description('play a failure, a trace, a decision log or a recording again, and name the first difference')
  .argument('<what>', 'the token that explore printed (dr1:…), a file of its corpus, or what --trace wrote')
  .option('--continue-randomly', 'where the log of an exploration no longer fits, go on by chance')
  .addOption(timelineOption('what happens'))
  .addOption(debugOption())
  .addOption(allowOption())
  .addOption(hangOption())
  .addOption(memoryOption())
  .option('--json', 'one JSON object per line on stdout')
  .addHelpText('after', REPLAY_NOTE)
  .action(async (file: string, options: ReplayCommandOptions) => {
    const { replayCommand } = await import('./replay-command.ts');
    status = await replayCommand(terminal, file, options);
  });

const EXEC_EXAMPLES = `
Examples:
  dryrunner exec -- make test                               here, with this input, as if typed alone
  dryrunner exec --timeout 5m --kill-after 10s -- make test stopped after five minutes, killed ten seconds later
  dryrunner exec --trace make.jsonl -- make test            recorded; dryrunner replay make.jsonl plays it again

The command's own options belong behind --. What it starts is stopped with it: nothing is left behind.

Exit codes: the command's own; 124 stopped by --timeout, 125 dryrunner itself failed, wrong options included, 126 the program
cannot be executed, 127 there is no such program, 128 + N ended by signal N (137 also if it passed --memory; 130 after Ctrl-C).`;

program
  .command('explain')
  .description('make one failing execution small and explain it: that of a seed, a token or a log')
  .argument(
    '<what>',
    'a scenario, as for run; a token (dr1:…); a file of the corpus, or what run --trace wrote',
  )
  .option('--seed <s>', 'of a scenario: the seed that fails (default: 1)')
  .option('--no-shrink', 'explain it as it is, without making it small first')
  .option(
    '--time <duration>',
    `make it small for this long at most, such as 2m (default: ${SHRINK_MS / 1_000}s)`,
    span,
  )
  .addOption(timelineOption('the failure as it is explained, or of an execution that holds,'))
  .addOption(debugOption())
  .addOption(allowOption())
  .addOption(hangOption())
  .addOption(memoryOption())
  .option('--json', 'one JSON object on stdout')
  .addHelpText('after', EXPLAIN_EXAMPLES)
  .action(async (what: string, options: ExplainCommandOptions) => {
    const { explainCommand } = await import('./explain-command.ts');
    status = await explainCommand(terminal, what, options);
  });

program
  .command('exec')
  .description(
    'run a real command: statuses as they happen on stderr, its output shown, exit code as from timeout or env',
  )
  .argument('<command...>', 'program and arguments, after --')
  .option(
    '--timeout <duration>',
    'stop the command after this long, such as 5s (a number alone is seconds)',
    span,
  )
  .option('--signal <name>', 'what stopping it sends first, such as INT', signalName, 'SIGTERM')
  .option('--kill-after <duration>', 'send SIGKILL this long after that signal (default: 10s)', span)
  .option(
    '--memory <mb>',
    'kill the command when it uses this many MiB with all that it started',
    positiveInteger,
  )
  .option('--cwd <dir>', 'run it in this directory (default: the current one)')
  .option('--fresh-dir', 'run it in a new empty directory, which is removed afterwards')
  .option(
    '--stdin <what>',
    'what it reads: inherit (what this command reads), null (nothing) or a file',
    'inherit',
  )
  .option('--trace <file>', 'write a recording to this file')
  .option('--json', 'one JSON object per line on stdout')
  .addHelpText('after', EXEC_EXAMPLES)
  .action(async (command: string[], options: ExecCommandOptions) => {
    const { execCommand } = await import('./exec-command.ts');
    status = await execCommand(terminal, command, options);
  });

/** `exec` keeps the low codes for the command that it runs. */
function ownFailure(): number {
  return process.argv[2] === 'exec' ? EXEC_FAILED : EXIT_STATUS.USAGE;
}

async function main(): Promise<number> {
  try {
    await program.parseAsync();
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_STATUS.HELD : ownFailure();
    if (error instanceof UsageError) {
      terminal.note(`error: ${error.message}`);
      return ownFailure();
    }
    if (error instanceof InterruptedError) {
      terminal.note(error.message);
      // What was waited for may keep the process alive as long as it likes.
      endProcess(error.status);
    }
    terminal.note(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return process.argv[2] === 'exec' ? EXEC_FAILED : EXIT_STATUS.FAILED;
  }
}

void main().then((code) => finishProcess(terminal, code));
