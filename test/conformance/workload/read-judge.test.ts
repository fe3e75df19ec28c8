// Waits that end without the status that meets them in that instant: an exploration seldom gets there.
import { expect, test } from 'vitest';
import type { DrawnCommand } from '../../../src/conformance/workload/drawn-command.ts';
import { ReadJudge } from '../../../src/conformance/workload/read-judge.ts';
import { type LedgerTerms, RunLedger } from '../../../src/conformance/workload/run-ledger.ts';
import { RunnerReach } from '../../../src/conformance/workload/runner-reach.ts';
import { RunnerError } from '../../../src/kernel/errors.ts';
import type { RunState } from '../../../src/model/run-state.ts';
import { type RunStatus, zeroStatus } from '../../../src/model/run-status.ts';
import { HEALTHY_SERVICE_STATUS } from '../../../src/model/service-status.ts';
import { ALL_MASK, maskForState } from '../../../src/model/state-mask.ts';

const LASTS_MS = 20;
const EXIT: DrawnCommand = {
  ...({ command: { argv: ['exit'] }, kind: 'exit', lastsMs: LASTS_MS } as const),
  end: { state: 'COMPLETE', exitCode: 0, error: '' },
  ...{ starts: true, isStubborn: false, stdout: '', stderr: '', secrets: [] },
};

const pending = (runId: string): RunStatus => ({ ...zeroStatus(), runId, state: 'PENDING' });

const R24 = 'R24 R29 statusAll: expected run 0 to be in the answer, since it is in "ALL_MASK", got no run';

/** A ledger and the judge of its reads, at a time that the caller sets, and what they find. */
function judged(terms: Partial<LedgerTerms> = {}): {
  readonly ledger: RunLedger;
  readonly judge: ReadJudge;
  readonly found: readonly string[];
  readonly setNow: (ms: number) => void;
} {
  let now = 0;
  const found: string[] = [];
  const host = {
    now: () => now,
    sometimes: () => undefined,
    check: (condition: boolean, message: string) => {
      if (!condition) found.push(message);
    },
  };
  const reach = new RunnerReach(host, []);
  const usual = { capacity: 2, history: 0, idPrefix: '', hasExactTimes: true, graceMs: 0 };
  const parts = { options: {}, check: () => undefined };
  const ledger = new RunLedger(host, { ...usual, parts, ...terms }, reach);
  const judge = new ReadJudge(host, ledger, reach, { seesAll: true });
  return { ledger, judge, found, setNow: (ms) => void (now = ms) };
}

/** What is found if a wait for a state, asked for at 0 ms, times out when a second run is accepted and starts. */
function foundAt(
  state: RunState,
  { acceptedAtMs, deadlineMs }: { readonly acceptedAtMs: number; readonly deadlineMs: number },
  isRefused = false,
): string | undefined {
  const { ledger, judge, found, setNow } = judged();
  const accept = (runId: string): void => {
    const drawn = isRefused && runId === '1' ? { ...EXIT, lastsMs: 0 } : EXIT;
    ledger.accepted(ledger.offer(drawn), pending(runId));
  };
  accept('0');
  if (acceptedAtMs === 0) accept('1');
  const query = { ...(isRefused ? { runs: ['1'] } : { allRuns: true }), states: maskForState(state) };
  const asked = judge.ask('query', query, deadlineMs);
  setNow(acceptedAtMs);
  if (acceptedAtMs > 0) accept('1');
  setNow(deadlineMs);
  if (isRefused) judge.refused(asked, new RunnerError('RUNNER_CANNOT_HAPPEN', 'it cannot be met any more'));
  else judge.answered(asked, { statuses: [], service: HEALTHY_SERVICE_STATUS });
  return found.find((message) => /^R3[56] /.test(message));
}

test.for<readonly [state: RunState, what: string, acceptedAtMs: number]>([
  ['PENDING', 'accepted', 7],
  ['RUNNING', 'started', 0],
])('R35 a wait for %s is not timed out in the instant in which a run is %s', ([state, , acceptedAtMs]) => {
  const atMs = acceptedAtMs === 0 ? LASTS_MS : acceptedAtMs;
  expect(foundAt(state, { acceptedAtMs, deadlineMs: atMs })).toMatch(
    /^R35 query: expected the status of run 1, which was accepted or started in this instant/,
  );
});

test('R36 a wait for RUNNING can be met by a run that is RUNNING for no time', () => {
  const atMs = { acceptedAtMs: 0, deadlineMs: LASTS_MS };
  expect(foundAt('RUNNING', atMs, true)).toMatch(
    /^R36 query: expected it to go on, since run 1 can still meet it/,
  );
});

test.for<readonly [state: RunState, acceptedAtMs: number, deadlineMs: number]>([
  ['PENDING', 0, 7],
  ['RUNNING', 0, LASTS_MS - 1],
  ['COMPLETE', 7, 7],
])('R35 a wait for %s may time out when no run gets into that state', ([state, acceptedAtMs, deadlineMs]) => {
  expect(foundAt(state, { acceptedAtMs, deadlineMs })).toBeUndefined();
});

test.for<readonly [history: number, isInFlight: boolean, found: readonly string[]]>([
  [1, true, []],
  [1, false, [R24]],
  [0, true, [R24]],
])(
  'R24 R48 of %i runs that are kept, the end of one may be gone while another is offered: %o',
  ([history, isInFlight, expected]) => {
    const { ledger, judge, found } = judged({ history, hasExactTimes: false });
    ledger.accepted(ledger.offer(EXIT), pending('0'));
    ledger.saw('status', { ...pending('0'), state: 'COMPLETE' }, 0);
    if (isInFlight) ledger.offer(EXIT);
    const asked = judge.ask('statusAll', { allRuns: true, states: ALL_MASK }, 0);
    judge.answered(asked, { statuses: [], service: HEALTHY_SERVICE_STATUS });
    expect(found).toEqual(expected);
  },
);
