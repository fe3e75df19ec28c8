/** Steps of sim scripts for properties: any step at all, and short scripts whose times often fall on the same instant. */
import fc from 'fast-check';
import type { SimStep } from '../../src/execers/sim-step.ts';
import { FATAL_SIGNALS, MAX_SLEEP_MS, simStep } from '../../src/execers/sim-step.ts';

const exitCode = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const bare: SimStep[] = [
  simStep.pause(),
  simStep.ignoreTerm(),
  simStep.hang(),
  simStep.orphan(),
  simStep.fork(),
];

export const anyStep: fc.Arbitrary<SimStep> = fc.oneof(
  exitCode.map((code) => simStep.complete(code)),
  fc.double({ min: 0, max: MAX_SLEEP_MS, noNaN: true }).map((ms) => simStep.sleep(ms)),
  fc.double({ min: 0, max: 1, noNaN: true }).map((ms) => simStep.sleep(ms)),
  fc.string({ unit: 'binary' }).map((text) => simStep.stdout(text)),
  fc.string({ unit: 'binary' }).map((text) => simStep.stderr(text)),
  fc.string({ unit: 'binary' }).map((text) => simStep.comment(text)),
  fc.tuple(exitCode, fc.string({ unit: 'binary' })).map(([code, text]) => simStep.fail(code, text)),
  fc.constantFrom(...FATAL_SIGNALS).map((signal) => simStep.signal(signal)),
  fc.maxSafeNat().map((bytes) => simStep.mem(bytes)),
  fc.constantFrom(...bare),
);

const shortStep: fc.Arbitrary<SimStep> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(0, 1, 2, 5, 10).map((ms) => simStep.sleep(ms)) },
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', '').map((text) => simStep.stdout(text)) },
  { weight: 2, arbitrary: fc.constantFrom('x', 'y').map((text) => simStep.stderr(text)) },
  { weight: 2, arbitrary: fc.constantFrom(0, 50, 100, 200).map((bytes) => simStep.mem(bytes)) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 7, 241).map((code) => simStep.complete(code)) },
  { weight: 1, arbitrary: fc.constant(simStep.fail(3, 'lost')) },
  { weight: 1, arbitrary: fc.constantFrom('SIGSEGV', 'SIGKILL').map((signal) => simStep.signal(signal)) },
  { weight: 1, arbitrary: fc.constant(simStep.comment('!')) },
  { weight: 5, arbitrary: fc.constantFrom(...bare) },
);

export const shortScript: fc.Arbitrary<SimStep[]> = fc.array(shortStep, { maxLength: 10 });
