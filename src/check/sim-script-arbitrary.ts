/** Arbitraries for sim scripts and commands. They shrink towards the empty script, which completes with 0 at once. */
import { NAT } from './nat.ts';
import * as is from '../kernel/shape.ts';
import fc from 'fast-check';
import { check } from '../kernel/argument-check.ts';
import { simScript, simStep, type SimStep } from '../execers/sim-step.ts';
import type { Command } from '../model/command.ts';

/** Constraints for generated scripts. */
export interface SimScriptConstraints {
  /** Longest single sleep in milliseconds. Default 100. */
  readonly maxSleepMs?: number;
  /** Maximum number of steps before the end. Default 4. */
  readonly maxSteps?: number;
  /** Whether a script may wait for ever (`hang`, `pause`). Default true. */
  readonly mayHang?: boolean;
  /** Whether a script may ignore SIGTERM, so that an abort takes the whole grace. Default true. */
  readonly mayIgnoreTerm?: boolean;
}

/** The shapes of these constraints. */
const SIM_SCRIPT_FIELDS: is.OptionalShapes<SimScriptConstraints> = {
  maxSleepMs: NAT,
  maxSteps: NAT,
  mayHang: is.BOOLEAN,
  mayIgnoreTerm: is.BOOLEAN,
};
const SIM_SCRIPT_CONSTRAINTS = is.optionsOf<SimScriptConstraints>({}, SIM_SCRIPT_FIELDS);

/**
 * Sim scripts (R135, R144), as argv.
 *
 * @example
 * ```ts
 * import fc from 'fast-check';
 * import { simScriptArbitrary } from 'dryrunner/check';
 * const [argv] = fc.sample(simScriptArbitrary({ mayHang: false }), 1);
 * if (argv?.some((step) => step === 'hang')) throw new Error('asked for none');
 * ```
 */
export function simScriptArbitrary(constraints: SimScriptConstraints = {}): fc.Arbitrary<string[]> {
  check('constraints', constraints, SIM_SCRIPT_CONSTRAINTS);
  return scripts(constraints);
}

function scripts(constraints: SimScriptConstraints): fc.Arbitrary<string[]> {
  const { maxSleepMs = 100, maxSteps = 4, mayHang = true, mayIgnoreTerm = true } = constraints;
  const text = fc.string({ maxLength: 8 }).map((value) => value.replaceAll('\0', ''));
  const steps: fc.Arbitrary<SimStep>[] = [
    fc.nat(maxSleepMs).map((ms) => simStep.sleep(ms)),
    text.map((value) => simStep.stdout(value)),
    text.map((value) => simStep.stderr(value)),
    fc.constant(simStep.fork()),
    fc.constant(simStep.orphan()),
  ];
  if (mayIgnoreTerm) steps.push(fc.constant(simStep.ignoreTerm()));
  const ends: fc.Arbitrary<SimStep>[] = [
    fc.nat(255).map((exitCode) => simStep.complete(exitCode)),
    fc.tuple(fc.integer({ min: 1, max: 99 }), text).map(([exitCode, value]) => simStep.fail(exitCode, value)),
    fc.constantFrom('SIGKILL', 'SIGSEGV').map((signal) => simStep.signal(signal)),
  ];
  if (mayHang) ends.push(fc.constant(simStep.hang()));
  const [sleep, ...others] = steps as [fc.Arbitrary<SimStep>, ...fc.Arbitrary<SimStep>[]];
  // As often as all others together, because a run that takes no time is rarely interrupted.
  const step = fc.oneof(fc.oneof(...others), sleep);
  return fc
    .tuple(fc.array(step, { maxLength: maxSteps }), fc.option(fc.oneof(...ends), { nil: undefined }))
    .map(([before, end]) => simScript(...before, ...(end === undefined ? [] : [end])));
}

/** Constraints for generated commands. */
export interface CommandConstraints extends SimScriptConstraints {
  /** Longest timeout in milliseconds. Default 200. 0 means that no command has one. */
  readonly maxTimeoutMs?: number;
}

/** The shapes of these constraints. */
export const COMMAND_FIELDS: is.OptionalShapes<CommandConstraints> = {
  ...SIM_SCRIPT_FIELDS,
  maxTimeoutMs: NAT,
};
const COMMAND_CONSTRAINTS = is.optionsOf<CommandConstraints>({}, COMMAND_FIELDS);

/** Commands whose argv is a sim script, with or without a timeout and tags. See {@link simScriptArbitrary}. */
export function commandArbitrary(constraints: CommandConstraints = {}): fc.Arbitrary<Command> {
  check('constraints', constraints, COMMAND_CONSTRAINTS);
  return commands(constraints);
}

/** {@link commandArbitrary} for constraints that were checked. */
export function commands(constraints: CommandConstraints): fc.Arbitrary<Command> {
  const { maxTimeoutMs = 200 } = constraints;
  const timeoutMs =
    maxTimeoutMs === 0
      ? fc.constant(undefined)
      : fc.option(fc.integer({ min: 1, max: maxTimeoutMs }), { nil: undefined });
  return fc
    .record({ argv: scripts(constraints), timeoutMs, tag: fc.constantFrom('', 'a', 'b') })
    .map(({ argv, timeoutMs: limit, tag }) => ({
      argv,
      tag,
      ...(limit === undefined ? {} : { timeoutMs: limit }),
    }));
}
