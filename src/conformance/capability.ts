/**
 * Capabilities that a runner may lack without breaking the contract. A case names those that it needs; all other cases
 * apply to every runner.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';

/** All capabilities. */
export const CAPABILITIES = [
  'capacity',
  'history',
  'idPrefix',
  'exactStates',
  'virtualTime',
  'timeouts',
  'unstartable',
  'failures',
  'signals',
  'stubborn',
  'outputs',
  'filers',
  'collaborators',
  'actions',
] as const;

/**
 * - `capacity`: takes more than one run, as `capacity` says (R58).
 * - `history`: remembers as many runs as `history` says (R47).
 * - `idPrefix`: puts the prefix before its ids (R45).
 * - `exactStates`: its waits see every state; a poller may miss those between two polls (R154).
 * - `virtualTime`: runs on the clock of a simulation or of a held world, so that exact times and instants can be
 *   checked.
 * - `timeouts`: enforces `timeoutMs` of a command (R100).
 * - `unstartable`: has commands that cannot be started (`unstartable` of the vocabulary).
 * - `failures`: has commands that the machinery loses (`lost`).
 * - `signals`: has commands that die of a signal (`killedBy`).
 * - `stubborn`: has commands that survive a request to stop for a while (`stubborn`).
 * - `outputs`: the output of commands can be read (`readOutput`).
 * - `filers`: takes `filers`, with their init signals (R60).
 * - `collaborators`: takes processors, an uploader and metrics.
 * - `actions`: takes `actions`, with a filer for type `bazel` (R185).
 */
export type Capability = (typeof CAPABILITIES)[number];

/** The shape of a capability. */
export const CAPABILITY: is.Shape = is.oneOf(...CAPABILITIES);

const PART_CAPABILITIES = [
  'words',
  'eviction',
  'memory',
  'extremes',
  'order',
  'unstartable',
  'signal',
  'ignore-term',
  'hang',
  'fork',
  'orphan',
] as const;

/**
 * Capabilities that a part other than a runner may lack, for `lacks` of its subject.
 *
 * - `words`: uses the messages of this package (all lists).
 * - `eviction`: evicts what is not held to make room (`contentStoreCases`, `actionCacheCases`).
 * - `memory`: keeps samples and writes a trace, made by `createInMemory` (`metricsCases`).
 * - `extremes`: histograms know their minimum and maximum (`metricsCases`).
 * - `order`: a snapshot lists names in alphabetical order (`metricsCases`).
 * - `unstartable`: there are commands that it cannot start (`execerCases`).
 * - `signal`, `ignore-term`, `hang`, `fork`, `orphan`: carries out these steps of a script (`execerCases`).
 */
export type PartCapability = (typeof PART_CAPABILITIES)[number];

/** The shape of a part's capability. */
export const PART_CAPABILITY: is.Shape = is.oneOf(...PART_CAPABILITIES);

/**
 * For each capability `true`, or the reason why the runner lacks it, which is shown with every case that is skipped for
 * it.
 */
export type Supports = Readonly<Record<Capability, true | string>>;

/** The shape of such a reason. */
export const REASON: is.Shape = is.text('the reason why not, such as "it polls"', /\S/);

/**
 * All capabilities except those for which a reason is given.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for an unknown capability, or a reason that is not a text.
 *
 * @example
 * ```ts
 * import { supportsAllBut } from 'dryrunner/conformance';
 * const supports = supportsAllBut({ exactStates: 'it polls' });
 * if (supports.capacity !== true) throw new Error('expected all the rest');
 * ```
 */
export function supportsAllBut(lacks: Partial<Record<Capability, string>>): Supports {
  check('lacks', lacks, is.readable('an object of capabilities with reasons'));
  for (const [word, reason] of Object.entries(lacks)) {
    check('a capability in lacks', word, CAPABILITY);
    check(`lacks.${word}`, reason, REASON);
  }
  return { ...ALL, ...lacks };
}

const ALL: Supports = Object.freeze(
  Object.fromEntries(CAPABILITIES.map((capability) => [capability, true])) as Record<Capability, true>,
);

const SUPPORTED = is.anyOf(
  'true or the reason why not',
  is.satisfying('true', (value) => value === true),
  REASON,
);
const SUPPORTS = is.objectOf<Supports>(
  'capabilities such as supportsAllBut({})',
  is.each(CAPABILITIES, SUPPORTED),
  {},
);

/**
 * Refuses a value unless it says for each capability whether the runner has it.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` with the name of the field, or of the unknown capability.
 */
export function checkSupports(supports: unknown): asserts supports is Supports {
  check('subject.supports', supports, SUPPORTS);
  for (const word of Object.keys(supports as object)) {
    check('a capability in subject.supports', word, CAPABILITY);
  }
}
