/** What may become of a program, and what its logs say then. */
import { LOG_HEADER_END } from 'dryrunner/kit';
import type { RunStatus, Simulation } from 'dryrunner';

/** A script, with what it writes and how it ends when nobody stops it. */
export interface Program {
  readonly argv: readonly string[];
  readonly output: string;
  readonly state: 'COMPLETE' | 'FAILED';
  readonly exitCode: number;
}

/** The last two take more memory than they may, at once and later. */
export const PROGRAMS: readonly Program[] = [
  { argv: ['stdout hello', 'complete 0'], output: 'hello', state: 'COMPLETE', exitCode: 0 },
  {
    argv: ['stdout a', 'sleep 20', 'stdout b', 'complete 3'],
    output: 'ab',
    state: 'COMPLETE',
    exitCode: 3,
  },
  {
    argv: ['ignore-term', 'stdout a', 'sleep 20', 'stdout b', 'sleep 20', 'stdout c', 'complete 4'],
    output: 'abc',
    state: 'COMPLETE',
    exitCode: 4,
  },
  { argv: ['sleep 10', 'fail 7 lost'], output: '', state: 'FAILED', exitCode: 7 },
  { argv: ['fork', 'orphan', 'sleep 40', 'complete 6'], output: '', state: 'COMPLETE', exitCode: 6 },
  { argv: ['mem 200', 'sleep 30'], output: '', state: 'FAILED', exitCode: 241 },
  { argv: ['stdout m', 'sleep 10', 'mem 200', 'sleep 60'], output: 'm', state: 'COMPLETE', exitCode: 1 },
];

/** Reads a log: its text, whether it is an uploaded one, and whether an uploader that never fails was there. */
export type ReadLog = (ref: string) => {
  readonly text: string;
  readonly isUploaded: boolean;
  readonly mustBe: boolean;
};

/** Checks that a run that nobody stopped ended as its program does, or for a reason that was there. */
export function checkOutcome(
  sim: Simulation,
  status: RunStatus,
  program: Program,
  world: { readonly hasSnapshot: boolean; readonly mayLackOutputs: boolean },
): void {
  const { state, exitCode, error } = status;
  if (state === 'ABORTED' || state === 'TIMEDOUT') return;
  const isExpected =
    (state === program.state && exitCode === program.exitCode) ||
    (state === 'FAILED' && exitCode === 212 && world.hasSnapshot) ||
    (state === 'FAILED' && exitCode === 220 && world.mayLackOutputs);
  sim.check(
    isExpected,
    `the run ended in another way than its program does\n\nThe program: ${program.argv.join(', ')}.\nExpected ${program.state} with exit code ${program.exitCode}.\nGot ${state} with exit code ${exitCode}${error === '' ? '' : ` (${error})`}.`,
  );
}

/** Checks that the log of standard output has a header without secrets, then what was written, then why the run was stopped. */
export function checkLogs(sim: Simulation, status: RunStatus, program: Program, read: ReadLog): void {
  const { state, stdoutRef, error } = status;
  if (stdoutRef === '') return;
  const { text, isUploaded, mustBe } = read(stdoutRef);
  const isMemory = program.argv.some((step) => step.startsWith('mem ')) && error.includes('bytes');
  const uploads = state === 'COMPLETE' || state === 'TIMEDOUT' || (state === 'FAILED' && isMemory);
  sim.check(
    !(uploads && mustBe) || isUploaded,
    `the run ended as ${state}, and its log was not uploaded\n\nThe logs of what ends as COMPLETE or TIMEDOUT, or for its memory, are uploaded.\nExpected an uploaded log, got ${stdoutRef}.`,
  );
  const headerEnd = text.indexOf(LOG_HEADER_END) + LOG_HEADER_END.length;
  const header = text.slice(0, headerEnd);
  sim.check(
    !header.includes('hunter2'),
    `the header of the log shows a secret of the environment\n\nExpected <redacted> in the place of hunter2, got:\n${header}`,
  );
  sim.check(
    header.includes('PATH=<redacted>  TOKEN='),
    `the header of the log does not list the environment in the order of its names\n\n${header}`,
  );
  const body = text.slice(headerEnd);
  const endings = endingsOf(state, isMemory);
  if (body === program.output && (endings.length === 0 || state === 'ABORTED')) return;
  if (endings.length === 0) {
    sim.check(
      state === 'FAILED',
      `the log does not hold what the process wrote\n\nExpected "${program.output}", got "${body}".`,
    );
    return;
  }
  const isStopped = endings.some((ending) => ending.test(body));
  sim.check(isStopped, `the run was stopped, and its log does not end with the reason\n\n${state}: ${body}`);
  const written = body.slice(0, body.indexOf('\n\n###'));
  sim.check(
    program.output.startsWith(written),
    `the log does not hold what the process wrote until it was stopped\n\nExpected a beginning of "${program.output}", got "${written}".`,
  );
}

const STOPPED = /\nTask aborted\n$/;
const LATE = /\nTask exceeded timeout \w+\n$/;
const GREEDY = /: \d+ of \d+ bytes\n$/;

/** What the log of a run that was stopped may end with; an abort may also have hit its upload. */
function endingsOf(state: RunStatus['state'], isMemory: boolean): readonly RegExp[] {
  if (state === 'ABORTED') return [STOPPED, LATE, GREEDY];
  if (state === 'TIMEDOUT') return [LATE];
  return isMemory ? [GREEDY] : [];
}
