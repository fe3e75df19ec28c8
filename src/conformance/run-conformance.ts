/** Runs cases for programs: one after another, with a result for each; a case that fails throws nothing. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { REACH_KINDS, ServiceReach, type ReachCounts, type ReachKind } from '../oracles/reach-kinds.ts';
import type { Capability } from './capability.ts';
import { ConformanceError } from './check.ts';
import { ConformanceCase, PROVE_FIELDS, type ProveOptions } from './conformance-case.ts';
import { conformanceCases } from './conformance-cases.ts';
import { checkSubject, type ConformanceSubject } from './subject.ts';

/** The result of a case. */
export interface CaseResult {
  readonly subject: string;
  readonly group: string;
  readonly title: string;
  readonly rules: readonly string[];
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Why it was skipped. */
  readonly reason?: string;
  /** The error that it failed with, usually a `ConformanceError`. */
  readonly error?: unknown;
  /** How often the calls of the case led to each kind of end, abort, wait and release; all 0 for a skipped case. */
  readonly reached: ReachCounts;
}

/** Options of {@link runConformance}. */
export interface ConformanceOptions extends ProveOptions {
  /** The cases to run. Default: the whole suite. */
  readonly cases?: readonly ConformanceCase[];
  /** How many cases run concurrently on the machine's time. Default 1. Simulations always run one after another. */
  readonly concurrency?: number;
}

const CONFORMANCE_OPTIONS = is.optionsOf<ConformanceOptions>(
  {},
  {
    ...PROVE_FIELDS,
    cases: is.listOf(is.instanceOf('a ConformanceCase', ConformanceCase)),
    concurrency: is.limit(1),
  },
);

/**
 * Checks a runner against the contract and yields each result as it comes, in the order of the cases. After the whole
 * suite, an additional result of group `reach` sums up what was reached, and fails if a kind of end, abort, wait or
 * release never was.
 *
 * @example
 * ```ts
 * import { createSimulatedRunner } from 'dryrunner';
 * import { conformanceCases, runConformance, simCommands, supportsAllBut } from 'dryrunner/conformance';
 * const subject = {
 *   name: 'mine',
 *   supports: supportsAllBut({ outputs: 'its outputs are written elsewhere' }),
 *   commands: simCommands,
 *   create: (world: Parameters<typeof createSimulatedRunner>[0], options: object) => ({
 *     service: createSimulatedRunner(world, options),
 *   }),
 * };
 * const cases = conformanceCases.filter(({ group }) => group === 'release');
 * for await (const { outcome, title } of runConformance(subject, { cases })) {
 *   if (outcome === 'failed') throw new Error(title);
 * }
 * ```
 */
export async function* runConformance(
  subject: ConformanceSubject,
  options: ConformanceOptions = {},
): AsyncGenerator<CaseResult, void, undefined> {
  checkSubject(subject);
  check('options', options, CONFORMANCE_OPTIONS);
  const { cases = conformanceCases, concurrency = 1, ...proof } = options;
  const width = subject.wallWorld === undefined ? 1 : concurrency;
  const begun: Promise<CaseResult>[] = [];
  const all = new ServiceReach();
  for (const conformanceCase of cases) {
    begun.push(resultOf(conformanceCase, subject, all, proof));
    if (begun.length >= width) yield await (begun.shift() as Promise<CaseResult>);
  }
  for (const result of begun) yield await result;
  if (options.cases === undefined) yield reachResult(subject, all);
}

/** The result for what a whole suite must reach. Faults are not part of it. */
function reachResult(subject: ConformanceSubject, all: ServiceReach): CaseResult {
  const about = {
    subject: subject.name,
    group: 'reach',
    title: 'R3 R31 R70 R203 the suite has reached every kind of end, abort, wait and release',
    rules: ['R3', 'R31', 'R70', 'R203'],
    reached: all.counts,
  };
  const missed = all.missed(REACH_KINDS.filter((kind) => lackFor(kind, subject) === undefined));
  if (missed.length === 0) return { ...about, outcome: 'passed' };
  const text = `never reached: ${missed.join(', ')}`;
  return { ...about, outcome: 'failed', error: new ConformanceError(text, 'all kinds', missed) };
}

/** Why a kind cannot be reached with a subject; undefined if it can. */
function lackFor(kind: ReachKind, { supports }: ConformanceSubject): string | undefined {
  if (kind === 'injected fault') return 'the suite injects none';
  const reasons = (NEEDED[kind] ?? []).map((capability) => supports[capability]);
  if (reasons.includes(true)) return undefined;
  return reasons.find((reason) => reason !== true);
}

/** Capabilities of which one is needed to reach a kind. */
const NEEDED: Partial<Record<ReachKind, readonly Capability[]>> = {
  'end FAILED': ['unstartable', 'failures', 'filers'],
  'end TIMEDOUT': ['timeouts'],
  'run offered while another is active': ['capacity'],
};

async function resultOf(
  conformanceCase: ConformanceCase,
  subject: ConformanceSubject,
  all: ServiceReach,
  options: ProveOptions,
): Promise<CaseResult> {
  const { group, title, rules } = conformanceCase;
  const about = { subject: subject.name, group, title, rules };
  const reach = new ServiceReach();
  const reason = conformanceCase.skipReason(subject);
  if (reason !== undefined) return { ...about, outcome: 'skipped', reason, reached: reach.counts };
  let outcome: Pick<CaseResult, 'outcome' | 'error'> = { outcome: 'passed' };
  try {
    await conformanceCase.prove(subject, { ...options, reach });
  } catch (error) {
    outcome = { outcome: 'failed', error };
  }
  all.add(reach);
  options.reach?.add(reach);
  return { ...about, ...outcome, reached: reach.counts };
}
