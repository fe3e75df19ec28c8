/** A failed verdict as an error, for tools that must throw: test frameworks and property-based tests. */
import * as is from '../kernel/shape.ts';
import { check, isInstance, unreadable } from '../kernel/argument-check.ts';
import { causeOf, shownText } from '../kernel/errors.ts';
import { framesOfThrown, withoutEngine } from './scenario-stack.ts';
import { kindText, type Verdict } from './verdict.ts';

const VERDICT = is.readable('the verdict of a simulation');

/** What failed, when, its details, and how to reproduce it. */
function describeFailure(verdict: Verdict): string {
  try {
    return failureText(verdict);
  } catch (error) {
    throw unreadable('verdict', verdict, error);
  }
}

function failureText({ failure, scenario, seed, virtualMs, traceHash }: Verdict): string {
  if (failure === undefined) return `${scenario} held (seed ${seed})`;
  const { message, atMs, details } = failure;
  return [
    `${kindText(failure)} at ${atMs} ms: ${message}`,
    ...details.map((detail) => `  ${withoutEngine(detail.split('\n')).join('\n')}`),
    `scenario ${scenario}, seed ${JSON.stringify(seed)}, ${virtualMs} ms of virtual time, trace ${traceHash}`,
  ].join('\n');
}

/** What an assertion compared; empty for any other error, and for one that cannot be read. */
function comparedBy(error: Error): { readonly expected?: unknown; readonly actual?: unknown } {
  try {
    if (!('expected' in error && 'actual' in error)) return {};
    const { expected, actual } = error;
    return { expected, actual };
  } catch {
    return {};
  }
}

/**
 * Carries the verdict of a failed simulation. The message says what failed, and which seed repeats it. The stack is
 * that of the error that the scenario threw, without engine lines, because test frameworks show the top line.
 * `expected` and `actual` are copied from that error, if it has any. The error itself is `verdict.failure.cause`. See
 * {@link simulate}.
 */
export class SimulationFailedError extends Error {
  override readonly name = 'SimulationFailedError';
  /** Not enumerable: printing it would dwarf everything else in a report. */
  declare readonly verdict: Verdict;

  /** `words` describe the failure; they default to the text of the verdict. */
  constructor(verdict: Verdict, hint = '', words?: string) {
    check('verdict', verdict, VERDICT);
    if (words !== undefined) check('words', words, is.TEXT);
    const described = words ?? describeFailure(verdict);
    const cause = verdict.failure?.cause;
    // The message already says what the thrown error says, but not what caused that error.
    const reason = isInstance(cause, Error) ? causeOf(cause) : undefined;
    const text = `${described}${hint === '' ? '' : `\n${shownText(hint)}`}`;
    super(text, reason === undefined ? undefined : { cause: reason });
    Object.defineProperty(this, 'verdict', { value: verdict });
    const frames = framesOfThrown(cause);
    if (frames.length > 0) this.stack = [`${this.name}: ${this.message}`, ...frames].join('\n');
    if (isInstance(cause, Error)) Object.assign(this, comparedBy(cause));
  }

  /**
   * What test frameworks show beside the message and the stack; without this, Vitest would print everything else as
   * well.
   */
  toJSON(): Record<string, unknown> {
    const { name, message, stack } = this;
    // Vitest adds the difference as text.
    const compared = ['expected', 'actual', 'diff'].filter((key) => key in this);
    const given = this as unknown as Readonly<Record<string, unknown>>;
    return { name, message, stack, ...Object.fromEntries(compared.map((key) => [key, given[key]])) };
  }
}
