/**
 * Parses a sim script: one step per element of argv (R135). The whole script is parsed before anything starts (R136);
 * the error for an invalid step gives its index, what was expected and what came.
 */
import { isArray } from '../kernel/argument-check.ts';
import { describeValue, RunnerError } from '../kernel/errors.ts';
import { isExitCode } from './process-status.ts';
import type { SimStep } from './sim-step.ts';
import { FATAL_SIGNALS, isSleepMs, MAX_SLEEP_MS, simStep } from './sim-step.ts';

const INTEGER = /^-?\d+$/;
const DECIMAL = /^\d+(\.\d+)?$/;
const FAIL_OPERANDS = /^(-?\d+)(?: ([^]*))?$/;

const OPCODES =
  'complete, pause, sleep, stdout, stderr, fail, signal, mem, ignore-term, hang, orphan, fork or a # comment';

/** Parses the text after an opcode: a step, or a description of what the opcode takes. */
type StepReader = (operand: string | undefined) => SimStep | string;

const bare =
  (op: string, step: SimStep): StepReader =>
  (operand) =>
    operand === undefined ? step : `"${op}" with nothing after it`;

const READERS: ReadonlyMap<string, StepReader> = new Map<string, StepReader>([
  ['complete', readComplete],
  ['sleep', readSleep],
  ['stdout', (operand = '') => simStep.stdout(operand)],
  ['stderr', (operand = '') => simStep.stderr(operand)],
  ['fail', readFail],
  ['signal', readSignal],
  ['mem', readMem],
  ['pause', bare('pause', simStep.pause())],
  ['ignore-term', bare('ignore-term', simStep.ignoreTerm())],
  ['hang', bare('hang', simStep.hang())],
  ['orphan', bare('orphan', simStep.orphan())],
  ['fork', bare('fork', simStep.fork())],
  // An execer of createWritingExecer carries these steps out and passes on the others.
  ['write', () => 'createWritingExecer (dryrunner/remote) around the execer, for "write PATH TEXT"'],
]);

function readComplete(operand = ''): SimStep | string {
  const code = Number(operand);
  if (!INTEGER.test(operand) || !isExitCode(code)) return '"complete N" with a 32-bit integer N';
  return simStep.complete(code);
}

function readSleep(operand = ''): SimStep | string {
  const ms = Number(operand);
  if (!DECIMAL.test(operand) || !isSleepMs(ms)) {
    return `"sleep MS" with a number MS from 0 to ${MAX_SLEEP_MS}`;
  }
  return simStep.sleep(ms);
}

function readFail(operand = ''): SimStep | string {
  const [, code, text = ''] = FAIL_OPERANDS.exec(operand) ?? [];
  if (code === undefined || !isExitCode(Number(code))) return '"fail CODE TEXT" with a 32-bit integer CODE';
  return simStep.fail(Number(code), text);
}

function readSignal(operand = ''): SimStep | string {
  if (!FATAL_SIGNALS.includes(operand)) {
    return '"signal NAME" with a signal that ends a process, such as SIGSEGV';
  }
  return simStep.signal(operand);
}

function readMem(operand = ''): SimStep | string {
  const bytes = Number(operand);
  if (!/^\d+$/.test(operand) || !Number.isSafeInteger(bytes)) {
    return '"mem BYTES" with an integer BYTES ≥ 0 below 2^53';
  }
  return simStep.mem(bytes);
}

function readStep(element: string): SimStep | string {
  if (element.startsWith('#')) return simStep.comment(element.slice(1));
  const space = element.indexOf(' ');
  const opcode = space === -1 ? element : element.slice(0, space);
  const operand = space === -1 ? undefined : element.slice(space + 1);
  return READERS.get(opcode)?.(operand) ?? OPCODES;
}

/** Cache of parsed steps. Steps are frozen and depend on their text alone, so sharing them is invisible. */
const known = new Map<string, SimStep>();
const KNOWN_MAX = 1024;
const KNOWN_LENGTH_MAX = 128;

/** The error for an invalid step: `RUNNER_EXEC_FAILED` (R136). */
export class BadStepError extends RunnerError {
  readonly #index: number;
  readonly #expected: string;

  constructor(index: number, expected: string, actual: unknown) {
    const message = `Bad sim script: argv[${index}]: expected ${expected}, got ${describeValue(actual)}`;
    super('RUNNER_EXEC_FAILED', message, { expected, actual });
    this.#index = index;
    this.#expected = expected;
  }

  /** The error for the argv of which the script had the elements at `places`, and which may also have steps of `opcode`. */
  inArgv(places: readonly number[], opcode: string): BadStepError {
    const expected = this.#expected === OPCODES ? `${opcode}, ${OPCODES}` : this.#expected;
    return new BadStepError(places[this.#index] ?? this.#index, expected, this.actual);
  }
}

function parseStep(element: unknown, index: number): SimStep {
  const found = known.get(element as string);
  if (found !== undefined) return found;
  if (typeof element !== 'string') throw new BadStepError(index, 'a string', element);
  const step = readStep(element);
  if (typeof step === 'string') throw new BadStepError(index, step, element);
  if (element.length <= KNOWN_LENGTH_MAX) {
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(element, step);
  }
  return step;
}

/**
 * Parses an argv as a script; an empty one is an empty script. The opcode of a step is the text up to the first space,
 * the rest is taken verbatim (R135). Integers and times are plain decimal digits.
 *
 * @throws RunnerError `RUNNER_EXEC_FAILED` with the index of the first invalid step, what was expected and what came
 * (R136).
 *
 * @example
 * ```ts
 * import { parseSimScript } from 'dryrunner';
 * const [first, second] = parseSimScript(['sleep 5', 'complete 3']);
 * if (first?.op !== 'sleep' || second?.op !== 'complete') throw new Error('expected two steps');
 * ```
 */
export function parseSimScript(argv: readonly string[]): SimStep[] {
  if (!isArray(argv)) {
    const message = `Bad sim script: argv: expected an array of steps, got ${describeValue(argv)}`;
    throw new RunnerError('RUNNER_EXEC_FAILED', message, { expected: 'an array of steps', actual: argv });
  }
  // Neither a literal nor an iterator, because each run has a script: see docs/internals.md#memory-of-a-run.
  const steps = new Array<SimStep>(argv.length);
  for (let index = 0; index < argv.length; index += 1) steps[index] = parseStep(argv[index], index);
  return steps;
}
