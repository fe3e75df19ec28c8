/**
 * The entry point `dryrunner/host`: everything that touches the machine. Names only, no code.
 *
 * @module dryrunner/host
 */
export { createFolderDisk, type FolderDiskOptions } from './disks/folder-disk.ts';
export { type DirectoryFilerOptions, createDirectoryFiler } from './filers/directory-filer.ts';
export { dirSizeKb, createDirMonitor } from './filers/dir-size.ts';
export { type ExecRunnerOptions, createExecRunner, type ExecRunner } from './exec-runner.ts';
export { type GitFilerOptions, createGitFiler } from './filers/git-filer.ts';
export {
  type OutputRetention,
  type LocalOutputsOptions,
  type LocalOutputs,
  createLocalOutputs,
} from './outputs/local-output.ts';
export { type LocalOutput } from './outputs/local-output-file.ts';
export { createOsExecer } from './process/os-execer.ts';
export { type OsExecerOptions } from './process/os-execer-options.ts';
export { type OutputServerOptions, type OutputServer, createOutputServer } from './outputs/output-server.ts';
export {
  type PrometheusRegistry,
  type PrometheusMetricsOptions,
  createPrometheusMetrics,
} from './metrics/prometheus-metrics.ts';
export {
  type ProgramReference,
  type RealNetwork,
  type RealNetworkOptions,
  type RealNode,
  realNetwork,
} from './cluster/real-network.ts';
export { type CasFilerOptions, createCasFiler } from './remote/cas-filer.ts';
export { createDiskActionCache, type DiskActionCacheOptions } from './remote/disk-action-cache.ts';
export { createDiskActions, type DiskActionsOptions } from './remote/disk-actions.ts';
export {
  createDiskContentStore,
  type DiskContentStore,
  type DiskContentStoreOptions,
} from './remote/disk-content-store.ts';
export {
  type BuildCluster,
  type BuildClusterOptions,
  serveBuildCluster,
  type WorkerKind,
} from './remote/build-cluster.ts';
export { connectRemote, type ConnectRemoteOptions, type RemoteConnection } from './remote/grpc-transport.ts';
export {
  type RemoteEndpoint,
  type RemoteTls,
  type RpcAccess,
  type ServeRemoteOptions,
  serveRemote,
} from './remote/grpc-server.ts';
export { type RealWorldOptions, realWorld } from './real-world.ts';
export { type SystemClockOptions, createSystemClock } from './system-clock.ts';
export { createTempDirFiler } from './filers/temp-dir-filer.ts';
export { type TempDirsOptions, type DiskTempDirs, createTempDirs } from './filers/temp-dirs.ts';
export { readTraceFile, writeTraceFile } from './trace-file.ts';
export { type DiskFiler } from './filers/disk-filer.ts';
