/**
 * The entry point `dryrunner/kernel`: virtual clock, decisions, keyed randomness and the drain, for building a
 * simulation of your own. Names only, no code.
 *
 * @module dryrunner/kernel
 */
export { type NextTurn } from './drain-run.ts';
export { type DecisionLogOptions, type DecisionLog, createDecisions } from './decision-log.ts';
export { type Choices, type DueEvents } from './decisions.ts';
export { type EventInfo } from './event-queue.ts';
export { bindContext } from './drain-host.ts';
export { type DrainChoice, chooseDrain } from './drain.ts';
export { fifoDecisions } from './fifo-decisions.ts';
export { invariant } from './invariant.ts';
export { question, questionFrom, thing, topicOf } from './question.ts';
export { randomDecisions } from './random-decisions.ts';
export {
  type ReplayMismatch,
  type ReplaySource,
  replayDecisions,
  keyedReplayDecisions,
} from './replay-decisions.ts';
export { type RollingHash, createRollingHash } from './rolling-hash.ts';
export { createRandomStream } from './seeded-random.ts';
export {
  type EventOrigin,
  type VirtualClockOptions,
  type VirtualClock,
  createVirtualClock,
} from './virtual-clock.ts';
export { type Drain, type DrainHooks, type StepResult } from './drain-run.ts';
