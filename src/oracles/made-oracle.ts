/** Makes an oracle with a function of the user's, and rejects what is none. */
import { refuseGenerator } from '../kernel/argument-check.ts';
import { isPending } from '../model/maybe-promise.ts';
import { describeValue, invalidArgument, isGeneratorFunction, RunnerError } from '../kernel/errors.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import type { Oracle, OracleFactory, ReportViolation } from './oracle.ts';

const EXPECTED = 'a function that returns an object with the methods watch and end';

/** The oracle that the function at `index` of the option `oracles` makes. */
export function madeOracle(make: OracleFactory, index: number, report: ReportViolation): Oracle {
  const name = `oracles[${index}]`;
  let made: unknown;
  try {
    made = make(report);
    if (isOracle(made)) return made;
  } catch (error) {
    const message = `${name}: expected ${EXPECTED}, got one that threw ${describeValue(error)}`;
    throw new RunnerError('RUNNER_INVALID_ARGUMENT', message, {
      expected: EXPECTED,
      actual: make,
      cause: error,
    });
  }
  throw invalidArgument(name, EXPECTED, made);
}

function isOracle(made: unknown): made is Oracle {
  const { watch, end } = (made ?? {}) as Partial<Oracle>;
  return isMethod(watch) && isMethod(end);
}

/** Nobody would run the body of a generator. */
function isMethod(method: unknown): boolean {
  return typeof method === 'function' && !isGeneratorFunction(method);
}

/** An oracle as it may really be: TypeScript takes a method that returns anything for one that returns nothing. */
export interface UncheckedOracle {
  watch(event: TraceEvent): unknown;
  end(atMs: number): unknown;
}

/**
 * Throws if a method of a user's oracle has returned something that judges later or never: nobody waits for a promise,
 * and nobody runs the body of a generator.
 */
export function mustHaveJudged(method: string, returned: unknown): void {
  if (returned === undefined) return;
  refuseGenerator(method, returned);
  if (!isPending(returned)) return;
  // Its failure would be reported a second time, by the process.
  returned.then(undefined, () => undefined);
  throw invalidArgument(method, 'a method that has judged when it returns', returned);
}
