/** The door `dryrunner/host`: everything that touches the machine. Names only, no code. */
export { type DirectoryFilerOptions, createDirectoryFiler } from './directory-filer.ts';
export { dirSizeKb, createDirMonitor } from './dir-size.ts';
export { type ExecRunnerOptions, createExecRunner, type ExecRunner } from './exec-runner.ts';
export { type GitFilerOptions, createGitFiler } from './git-filer.ts';
export {
  type OutputRetention,
  type LocalOutputsOptions,
  type LocalOutputs,
  createLocalOutputs,
} from './local-output.ts';
export { type LocalOutput } from './local-output-file.ts';
export { createOsExecer } from './os-execer.ts';
export { type OsExecerOptions } from './os-execer-options.ts';
export { type OutputServerOptions, type OutputServer, createOutputServer } from './output-server.ts';
export {
  type PrometheusRegistry,
  type PrometheusMetricsOptions,
  createPrometheusMetrics,
} from './prometheus-metrics.ts';
export { type RealWorldOptions, realWorld } from './real-world.ts';
export { type SystemClockOptions, createSystemClock } from './system-clock.ts';
export { createTempDirFiler } from './temp-dir-filer.ts';
export { type TempDirsOptions, type DiskTempDirs, createTempDirs } from './temp-dirs.ts';
export { readTraceFile, writeTraceFile } from './trace-file.ts';
