/**
 * The entry point `dryrunner/ambient`: everything between code under test and the machine. Names only, no code.
 *
 * @module dryrunner/ambient
 */
export type { ReportFailure } from '../simulation/verdict.ts';
export type {
  Ambience,
  AmbientLeftover,
  AmbientParts,
  AmbientSession,
  AmbientTimerKind,
  ProcessLeftover,
} from '../simulation/ambience.ts';
export { type AmbientOptions, ambientTime } from './ambient-time.ts';
export {
  type DateBehindOptions,
  type StallOptions,
  type TimeFaults,
  type WallStepOptions,
} from './time-faults.ts';
export { awaitTransform, type AwaitTransformOptions } from './awaits/await-transform.ts';
export type { AwaitLevel, AwaitOptions } from './awaits/await-level.ts';
export { rewriteAwaits, type RewriteOptions } from './awaits/rewrite-awaits.ts';
export { freshModules, type FreshModulesOptions } from './fresh-modules.ts';
export { type Escape, type EscapeKind, type EscapeWatch } from '../explore/escape.ts';
export { watchEscapes } from './escapes/escape-watch.ts';
export { type RewrittenCode, type SourceMapV3 } from './module-code.ts';
