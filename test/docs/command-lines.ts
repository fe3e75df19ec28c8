// The command lines that documents may show: the subcommands of `dryrunner` with their flags, and the programs
// besides npm that a reader is asked to start. A new flag or subcommand gets its line here.

/** The flags of each subcommand; `true` if the flag takes a value. Arguments after `--` are free. */
export const SUBCOMMANDS: Readonly<Record<string, Readonly<Record<string, boolean>>>> = {
  start: { '--seeds': true, '--json': false },
  run: {
    '--hang': true,
    '--seed': true,
    '--seeds': true,
    '--json': false,
    '--trace': true,
    '--timeline': true,
  },
  explore: {
    '--time': true,
    '--executions': true,
    '--strategy': true,
    '--seed': true,
    '--shard': true,
    '--workers': true,
    '--max-decisions': true,
    '--max-delays': true,
    '--max-faults': true,
    '--corpus': true,
    '--resume': false,
    '--no-shrink': false,
    '--all': false,
    '--strict': false,
    '--hang': true,
    '--memory': true,
    '--json': false,
  },
  list: { '--json': false },
  replay: {
    '--timeline': true,
    '--trace': true,
    '--continue-randomly': false,
    '--edited': false,
    '--debug': false,
    '--allow': true,
    '--hang': true,
    '--memory': true,
    '--json': false,
  },
  explain: {
    '--seed': true,
    '--all-lines': false,
    '--no-shrink': false,
    '--time': true,
    '--timeline': true,
    '--trace': true,
    '--debug': false,
    '--allow': true,
    '--hang': true,
    '--memory': true,
    '--json': false,
  },
  serve: {
    '--reapi': false,
    '--port': true,
    '--host': true,
    '--jobs': true,
    '--cas': true,
    '--cas-size': true,
    '--log-size': true,
    '--runners': true,
    '--chaos': true,
    '--tls-cert': true,
    '--tls-key': true,
    '--token-file': true,
    '--metrics-port': true,
    '--access-log': false,
    '--json': false,
  },
  exec: {
    '--timeout': true,
    '--signal': true,
    '--kill-after': true,
    '--memory': true,
    '--cwd': true,
    '--fresh-dir': false,
    '--stdin': true,
    '--trace': true,
    '--json': false,
    '--remote': true,
    '--input': true,
    '--output': true,
    '--env': true,
    '--platform': true,
    '--instance': true,
    '--retries': true,
    '--token-file': true,
    '--tls-ca': true,
  },
};

/** Flags that every subcommand takes. */
const GENERAL_FLAGS: readonly string[] = ['--help', '--version'];

/** Programs that documents may start besides npm and dryrunner. */
const OTHER_PROGRAMS: readonly string[] = ['git', 'cd', 'node', 'bazel'];

/** What is wrong with one command line, or `undefined`. */
export function commandLineProblem(
  line: string,
  scripts: Readonly<Record<string, string>>,
): string | undefined {
  const words = line.trim().split(/\s+/);
  const [program = '', ...rest] = words;
  if (program === 'npm') return npmProblem(rest, scripts);
  if (program === 'npx') return rest[0] === 'dryrunner' ? dryrunnerProblem(rest.slice(1)) : undefined;
  if (program === 'dryrunner') return dryrunnerProblem(rest);
  const main = program === 'node' ? rest.findIndex((word) => word.endsWith('/dryrunner')) : -1;
  if (main !== -1) return dryrunnerProblem(rest.slice(main + 1));
  return OTHER_PROGRAMS.includes(program) ? undefined : `unknown program ${program}`;
}

function npmProblem(
  [verb = '', ...rest]: readonly string[],
  scripts: Readonly<Record<string, string>>,
): string | undefined {
  if (['ci', 'install', 'i', 'exec'].includes(verb)) return undefined;
  const named = verb === 'run' ? rest.find((word) => !word.startsWith('-')) : verb;
  if (named === undefined || scripts[named] === undefined) return `package.json has no script ${named ?? ''}`;
  const divider = rest.indexOf('--');
  const passed = divider === -1 ? [] : rest.slice(divider + 1);
  if (named === 'dryrunner') return dryrunnerProblem(passed);
  return named === 'start' ? dryrunnerProblem(['start', ...passed]) : undefined;
}

function dryrunnerProblem(args: readonly string[]): string | undefined {
  const divider = args.indexOf('--');
  const own = divider === -1 ? args : args.slice(0, divider);
  const [subcommand = ''] = own;
  if (GENERAL_FLAGS.includes(subcommand)) return undefined;
  const flags = SUBCOMMANDS[subcommand];
  if (flags === undefined) return `dryrunner has no subcommand ${subcommand}`;
  const wrong = own
    .filter((word) => word.startsWith('-'))
    .map((word) => word.replace(/=.*$/, ''))
    .find((flag) => !GENERAL_FLAGS.includes(flag) && flags[flag] === undefined);
  return wrong === undefined ? undefined : `dryrunner ${subcommand} has no flag ${wrong}`;
}
