/** What can be typed behind `dryrunner`: its subcommands and options. The code of a subcommand is loaded when it is used. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { EXHAUSTIVE, strategyNames } from '../explore/strategies/strategy-names.ts';
import { isRunnerError, messageOf, stackOf } from '../kernel/errors.ts';
import { packageFile } from '../kernel/package-files.ts';
import { isOfLostFolder } from './current-folder.ts';
import type { ExecutionFiles } from './execution-files.ts';
import type { ExploreCommandOptions } from './explore-options.ts';
import type { ExecCommandOptions } from './exec-command.ts';
import {
  endProcess,
  EXIT_STATUS,
  InterruptedError,
  noDescriptorText,
  ownFailure,
  UsageError,
} from './exit-status.ts';
import type { ExplainCommandOptions } from './explain-command.ts';
import type { ReplayCommandOptions } from './replay-command.ts';
import type { RunCommandOptions } from './run-command.ts';
import type { ServeCommandOptions } from './serve-command.ts';
import { EXPLAIN_MS, SHRINK_MS, TIME_MS } from './explore-defaults.ts';
import {
  EXEC_HELP,
  EXPLAIN_HELP,
  EXPLORE_HELP,
  PROGRAM_HELP,
  REPLAY_HELP,
  SERVE_HELP,
} from './help-texts.ts';
import { finishProcess, watchProcessEnd } from './process-end.ts';
import { Terminal } from './terminal.ts';
import {
  allowOption,
  debugOption,
  eachOne,
  hangOption,
  memoryOption,
  nonEmptyText,
  OTHER_FILES_KEPT,
  portNumber,
  positiveInteger,
  requireSeparator,
  seedText,
  shard,
  signalName,
  span,
  threadCount,
  timelineOption,
  traceOption,
  wholeNumber,
} from './typed-options.ts';

const terminal = new Terminal({ lostStatus: ownFailure() });
watchProcessEnd(terminal, ownFailure);
/** One of {@link EXIT_STATUS}, or any exit code for `exec`. */
let status: number = EXIT_STATUS.HELD;

/** Files that were asked for are written even if stdout is closed. */
function untilWritten(
  { trace, timeline, output }: ExecutionFiles & Pick<ExecCommandOptions, 'output'>,
  work: () => Promise<number>,
): Promise<number> {
  const isAsked = [trace, timeline, output].some((path) => path !== undefined);
  return isAsked ? terminal.endAfter(work) : work();
}

function version(): string {
  const text = readFileSync(packageFile('package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

const [PORTFOLIO = '', ...MEMBERS]: readonly string[] = strategyNames;

const program = new Command('dryrunner')
  .description(
    'Rehearse schedulers: fake, simulated, chaotic and real command runners, in virtual time, every choice in one replayable log.',
  )
  .version(version())
  .exitOverride()
  .showHelpAfterError('(--help shows what can be typed)')
  .enablePositionalOptions()
  .addHelpText('after', PROGRAM_HELP);

program.hook('preAction', (_, command) => {
  // Programs read stdout, where scenarios and modules may print too.
  if (command.opts<{ json?: boolean }>().json === true) terminal.reserveOutput();
});

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
  .option('--seed <s>', 'one seed, any text (default: 1)', seedText)
  .option('--seeds <n>', 'the seeds 1 to n', positiveInteger)
  .option('--json', 'one JSON object per line on stdout')
  .addOption(traceOption('the one run'))
  .addOption(timelineOption('the first run that fails, or else of the first run,'))
  .addOption(hangOption())
  .action(async (scenarios: string[], options: RunCommandOptions) => {
    const { runCommand } = await import('./run-command.ts');
    status = await untilWritten(options, () => runCommand(terminal, scenarios, options));
  });

program
  .command('list')
  .description(
    'list scenarios: the shipped ones, or those that files export; in the order in which run and explore take them',
  )
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
    `begin no execution after this long, such as 90s (a number alone is seconds); per scenario, not counting the time to load it and to shrink and explain a failure (default: ${TIME_MS / 1_000}s)`,
    span,
  )
  .option(
    '--executions <n>',
    'stop after this many executions, not counting logs of the corpus',
    positiveInteger,
  )
  .option(
    '--strategy <name>',
    `how to choose what to try next: ${PORTFOLIO} takes turns between ${MEMBERS.slice(0, -1).join(', ')} and ${MEMBERS.at(-1) ?? ''}; each of these can be named alone; ${EXHAUSTIVE} tries everything and ends with a certificate`,
    PORTFOLIO,
  )
  .option('--seed <s>', 'any text; the same seed tries the same', seedText, '1')
  .option('--shard <i/n>', 'do the i-th of n equal parts, such as 1/4, for n machines', shard)
  .option('--workers <n>', 'threads (default: one per core)', threadCount)
  .option(
    '--max-decisions <n>',
    'exhaustive: decisions per execution that are answered in every way',
    positiveInteger,
  )
  .option('--max-delays <n>', 'exhaustive: events per execution that are passed over', wholeNumber)
  .option(
    '--max-faults <n>',
    'exhaustive: answers per execution, except about order, that are not the plain one',
    wholeNumber,
  )
  .option('--corpus <dir>', 'where failures are kept; they are tried first next time', '.dryrunner/corpus')
  .option('--resume', 'go on where the last campaign with the same strategy, seed and shard ended')
  .option('--no-shrink', 'report a failure as it was found')
  .option(
    '--all',
    'go on after the first failure; those whose messages differ in numbers only are one failure',
  )
  .option('--strict', 'also list real timers, clocks, randomness and I/O that a scenario touches; slower')
  .addOption(hangOption())
  .addOption(memoryOption())
  .option('--json', 'one JSON object per line on stdout')
  .addHelpText('after', EXPLORE_HELP)
  .action(async (scenarios: string[], options: ExploreCommandOptions) => {
    const { exploreCommand } = await import('./explore-command.ts');
    status = await exploreCommand(terminal, scenarios, options);
  });

program
  .command('replay')
  .description('replay a failure, a trace, a decision log or a recording, and name the first difference')
  .argument('<what>', 'the token that explore printed (dr2:…), a file of its corpus, or what --trace wrote')
  .option('--continue-randomly', 'where the log of an exploration no longer fits, go on at random')
  .option('--edited', 'replay a recording that was edited on purpose, without comparing its checksums')
  .addOption(traceOption('what happens'))
  .addOption(timelineOption('what happens'))
  .addOption(debugOption())
  .addOption(allowOption())
  .addOption(hangOption())
  .addOption(memoryOption())
  .option('--json', 'one JSON object per line on stdout')
  .addHelpText('after', REPLAY_HELP)
  .action(async (file: string, options: ReplayCommandOptions) => {
    const { replayCommand } = await import('./replay-command.ts');
    status = await untilWritten(options, () => replayCommand(terminal, file, options));
  });

program
  .command('explain')
  .description('shrink one failing execution and explain it: that of a seed, a token or a log')
  .argument(
    '<what>',
    'a scenario, as for run; a token (dr2:…); a file of the corpus, or what run --trace wrote',
  )
  .option('--seed <s>', 'of a scenario: the seed that fails (default: 1)', seedText)
  .option('--no-shrink', 'explain it as it is, without shrinking it first')
  .option('--all-lines', 'leave out no line of what happened')
  .option(
    '--time <duration>',
    `shrink it for this long at most, such as 2m (default: ${SHRINK_MS / 1_000}s), and explain it for a third of that, but at least ${EXPLAIN_MS / 1_000}s`,
    span,
  )
  .addOption(traceOption('the failure as it is explained, or of an execution that holds,'))
  .addOption(timelineOption('the failure as it is explained, or of an execution that holds,'))
  .addOption(debugOption())
  .addOption(allowOption())
  .addOption(hangOption())
  .addOption(memoryOption())
  .option('--json', 'one JSON object on stdout')
  .addHelpText('after', EXPLAIN_HELP)
  .action(async (what: string, options: ExplainCommandOptions) => {
    const { explainCommand } = await import('./explain-command.ts');
    status = await untilWritten(options, () => explainCommand(terminal, what, options));
  });

program
  .command('exec')
  .description(
    'run a real command: show its output, and its statuses on stderr; exit with the code that timeout or env would give',
  )
  .argument('<command...>', 'program and arguments, after --')
  .passThroughOptions()
  .option(
    '--timeout <duration>',
    'stop the command after this long, such as 5s (a number alone is seconds)',
    span,
  )
  .option('--signal <name>', 'the signal that stops it, such as INT', signalName, 'SIGTERM')
  .option('--kill-after <duration>', 'send SIGKILL this long after that signal (default: 10s)', span)
  .option(
    '--memory <mb>',
    'kill the command when it and all that it started use this many MiB',
    positiveInteger,
  )
  .option('--cwd <dir>', 'run it in this directory (default: the current one)', nonEmptyText)
  .option('--fresh-dir', 'run it in a new empty directory, which is removed afterwards')
  .option(
    '--stdin <what>',
    'what it reads: inherit (what this command reads), null (nothing) or a file',
    nonEmptyText,
    'inherit',
  )
  .option('--trace <file>', `write a recording to this file; ${OTHER_FILES_KEPT}`)
  .option('--json', 'one JSON object per line on stdout')
  .optionsGroup('On a build cluster:')
  .option('--remote <url>', 'run it there: grpc://HOST:PORT, or grpcs://HOST:PORT with TLS')
  .option('--input <dir>', 'upload this folder; the command runs in a copy of it (default: an empty one)')
  .option(
    '--output <path>',
    'bring this file or folder back from there, to the same path below the current directory; may be given again',
    eachOne,
  )
  .option(
    '--env <name=value>',
    'a variable of its environment; NAME alone has the value that it has here; may be given again',
    eachOne,
  )
  .option('--platform <name=value>', 'a property that the machine must have; may be given again', eachOne)
  .option('--instance <name>', 'which one of several clusters behind that URL')
  .option('--token-file <file>', 'send the token in this file')
  .option('--tls-ca <file>', 'trust the certificates of this authority, PEM (default: those of the machine)')
  .option(
    '--retries <n>',
    'how many times the command may be executed again, or a call repeated, after a failure of the cluster or connection, also while no cluster listens yet (default: 5)',
    wholeNumber,
  )
  .addHelpText('after', EXEC_HELP)
  .action(async (command: string[], options: ExecCommandOptions, own: Command) => {
    requireSeparator(command, process.argv);
    const { execCommand } = await import('./exec-command.ts');
    const wasTyped = (option: string): boolean => own.getOptionValueSource(option) === 'cli';
    status = await untilWritten(options, () => execCommand(terminal, command, options, wasTyped));
  });

program
  .command('serve')
  .description('be a build cluster for Bazel and its like, on this machine, until Ctrl-C')
  .option('--reapi', 'the protocol to serve: the Remote Execution API v2 over gRPC')
  .option('--port <n>', 'listen on this port; 0 takes any that is free', portNumber, 8980)
  .option('--host <address>', 'listen on this address; any but loopback lets other machines in', '127.0.0.1')
  .option('--jobs <n>', 'actions that run at the same time (default: one per core)', threadCount)
  .option('--cas <dir>', 'keep blobs and results here (default: in a temporary folder, until the end)')
  .option('--cas-size <mb>', 'keep at most this many MiB of blobs in --cas (default: 10240)', positiveInteger)
  .option(
    '--log-size <mb>',
    'keep at most this many MiB of each of stdout and stderr of an action (default: 256)',
    positiveInteger,
  )
  .addOption(
    new Option(
      '--runners <kind>',
      'exec runs commands; simulated runs none, follows scripts such as "sleep 100", and makes placeholders',
    )
      .choices(['exec', 'simulated'])
      .default('exec'),
  )
  .option('--chaos <seed>', 'inject the faults of real clusters, as this seed decides (any text)', seedText)
  .option('--tls-cert <file>', 'encrypt with this certificate, PEM')
  .option('--tls-key <file>', 'the key of that certificate, PEM')
  .option('--token-file <file>', 'accept only clients that send the token in this file')
  .option('--metrics-port <n>', 'serve metrics for Prometheus on this port, to this machine only', portNumber)
  .option('--access-log', 'print one line per call')
  .option('--json', 'one JSON object per line on stdout')
  .addHelpText('after', SERVE_HELP)
  .action(async (options: ServeCommandOptions) => {
    const { serveCommand } = await import('./serve-command.ts');
    status = await serveCommand(terminal, options);
  });

/** Drops `--help` after an unknown subcommand, so that the error is shown instead of the program's help. */
function typed(): string[] {
  const [, , first = '-'] = process.argv;
  const isKnown =
    first.startsWith('-') || [...program.commands.map((one) => one.name()), 'help'].includes(first);
  return isKnown ? process.argv : process.argv.filter((text) => text !== '--help' && text !== '-h');
}

async function main(): Promise<number> {
  try {
    await program.parseAsync(typed());
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_STATUS.HELD : ownFailure();
    // Before errors of usage, which may quote it: a thread does not load there.
    if (isOfLostFolder(error)) {
      terminal.note('error: the current folder has been removed: go to one that is there');
      return ownFailure();
    }
    if (error instanceof UsageError) {
      terminal.note(`error: ${error.message}`);
      return ownFailure();
    }
    if (error instanceof InterruptedError) {
      terminal.note(error.message);
      // Work that was waited for could keep the process alive for any time.
      endProcess(error.status);
    }
    if (isRunnerError(error, 'RUNNER_OUTPUT_FAILED')) {
      terminal.note(`error: ${error.message}`);
      return ownFailure();
    }
    const exhausted = noDescriptorText(error);
    if (exhausted !== undefined) {
      terminal.note(exhausted);
      return ownFailure();
    }
    terminal.note(stackOf(error) ?? messageOf(error));
    return ownFailure(EXIT_STATUS.FAILED);
  }
}

void main().then((code) => finishProcess(terminal, code));
