/** The suite: every case, by part of the contract. */
import { abortCases } from './cases/abort-cases.ts';
import { agreementCases } from './cases/agreement-cases.ts';
import { bazelCases } from './cases/bazel-cases.ts';
import { collaboratorCases } from './cases/collaborator-cases.ts';
import { healthCases } from './cases/health-cases.ts';
import { initCases } from './cases/init-cases.ts';
import { orderCases } from './cases/order-cases.ts';
import { runOutputCases } from './cases/run-output-cases.ts';
import { processCases } from './cases/process-cases.ts';
import { queryCases } from './cases/query-cases.ts';
import { queueCases } from './cases/queue-cases.ts';
import { releaseCases } from './cases/release-cases.ts';
import { statusCases } from './cases/status-cases.ts';
import { timeoutCases } from './cases/timeout-cases.ts';
import { updateCases } from './cases/update-cases.ts';
import { waitCases } from './cases/wait-cases.ts';
import { ConformanceCase, type CaseSpec } from './conformance-case.ts';

const GROUPS: readonly (readonly [group: string, specs: readonly CaseSpec[]])[] = [
  ['status', statusCases],
  ['query', queryCases],
  ['wait', waitCases],
  ['queue', queueCases],
  ['order', orderCases],
  ['agreement', agreementCases],
  ['abort', abortCases],
  ['release', releaseCases],
  ['timeout', timeoutCases],
  ['process', processCases],
  ['output', runOutputCases],
  ['init', initCases],
  ['health', healthCases],
  ['update', updateCases],
  ['collaborator', collaboratorCases],
  ['bazel', bazelCases],
];

/**
 * All cases, in a fixed order. Every runner must pass those whose capabilities it has.
 *
 * @example
 * ```ts
 * import { conformanceCases } from 'dryrunner/conformance';
 * const groups = new Set(conformanceCases.map(({ group }) => group));
 * if (!groups.has('abort')) throw new Error('expected cases about aborts');
 * ```
 */
export const conformanceCases: readonly ConformanceCase[] = Object.freeze(
  GROUPS.flatMap(([group, specs]) => specs.map((spec) => new ConformanceCase(group, spec))),
);
