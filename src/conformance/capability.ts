/** What a runner may be unable to do without breaking the contract. A case says what it needs; the rest of the cases are for everybody. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';

/**
 * - `capacity`: takes more than one run, as `capacity` says (R58).
 * - `history`: remembers as many runs as `history` says (R47).
 * - `idPrefix`: puts the prefix before its ids (R45).
 * - `exactStates`: its waits see every state; a poller may miss those between two polls (R154).
 * - `virtualTime`: runs on the clock of a simulation or of a held world, so that exact times and instants can be checked.
 * - `timeouts`: keeps `timeoutMs` of a command (R100).
 * - `failures`: has commands that the machinery loses (`lost` of the vocabulary).
 * - `signals`: has commands that die of a signal (`killedBy`).
 * - `stubborn`: has commands that survive a request to stop for a while (`stubborn`).
 * - `outputs`: what commands write can be read (`readOutput`).
 * - `filers`: takes `filers`, with their init signals (R60).
 * - `collaborators`: takes processors, an uploader and metrics.
 * - `actions`: takes `actions`, with a filer for type `bazel` (R185).
 */
export type Capability =
  | 'capacity'
  | 'history'
  | 'idPrefix'
  | 'exactStates'
  | 'virtualTime'
  | 'timeouts'
  | 'failures'
  | 'signals'
  | 'stubborn'
  | 'outputs'
  | 'filers'
  | 'collaborators'
  | 'actions';

/** For each capability true, or the reason why the runner lacks it; the reason is shown with every case that is skipped for it. */
export type Supports = Readonly<Record<Capability, true | string>>;

/**
 * Everything but what is given a reason.
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
  return { ...ALL, ...lacks };
}

const ALL: Supports = Object.freeze({
  capacity: true,
  history: true,
  idPrefix: true,
  exactStates: true,
  virtualTime: true,
  timeouts: true,
  failures: true,
  signals: true,
  stubborn: true,
  outputs: true,
  filers: true,
  collaborators: true,
  actions: true,
});
