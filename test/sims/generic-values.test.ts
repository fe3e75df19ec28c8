// The generic scenario of values holds for the functions that are shipped, and finds each that breaks one rule of the contract.
import { expect, test } from 'vitest';
import { type ModelFunctions, valuesWorkload } from '../../sims/generic/values.ts';
import { RunnerError } from '../../src/kernel/errors.ts';
import { checkCommand, formatCommand, tagsOf } from '../../src/model/command.ts';
import { codedError, ExitCodeError, exitCodeOf } from '../../src/model/exit-code.ts';
import { formatGoDuration } from '../../src/model/go-duration.ts';
import { checkQuery, checkWait, matchesQuery, waitForever } from '../../src/model/query.ts';
import { formatRunState, isTerminal } from '../../src/model/run-state.ts';
import { completeStatus, failedStatus, formatRunStatus, withError } from '../../src/model/run-status.ts';
import { formatServiceStatus, serviceStatus } from '../../src/model/service-status.ts';
import { formatMask, maskForState, maskMatches, type StateMask } from '../../src/model/state-mask.ts';
import { unknownRun, waitCancelled } from '../../src/model/status-errors.ts';
import { finalStatus, singleStatus, statusNow } from '../../src/model/status-lookup.ts';
import { failureOf } from './first-failure.ts';

const HEALTHY = 500;
const FOUND_WITHIN = 1_000;

const BROKEN: readonly (readonly [rule: string, what: string, functions: Partial<ModelFunctions>])[] = [
  ['R2', 'calls UNKNOWN open', { isTerminal: (state) => state !== 'UNKNOWN' && isTerminal(state) }],
  [
    'R5',
    'counts codes from 1',
    { formatRunState: (state) => formatRunState(typeof state === 'number' ? state + 1 : state) },
  ],
  [
    'R6',
    'makes a mask of the last state only',
    { maskForState: (...states) => maskForState(...states.slice(-1)) },
  ],
  [
    'R8',
    'takes any state for a mask',
    { maskMatches: (mask, state) => typeof mask !== 'number' || maskMatches(mask, state) },
  ],
  ['R9', 'has no name for the empty mask', { formatMask: (mask) => (mask === 0 ? '' : formatMask(mask)) }],
  [
    'R9',
    'prints combinations in another order',
    { formatMask: (mask) => formatMask(mask).split('|').reverse().join('|') },
  ],
  [
    'R12',
    'keeps no exit code',
    { completeStatus: (id, snapshot, code, tags) => completeStatus(id, snapshot, code * 0, tags) },
  ],
  ['R12', 'drops the tags of a failure', { failedStatus: (id, error) => failedStatus(id, error) }],
  [
    'R14',
    'leaves an empty error out',
    { formatRunStatus: (status) => formatRunStatus(status).replace(/ # Error: $/, '') },
  ],
  [
    'R11',
    'gives any state an error',
    { withError: (status, error) => (status.state === 'PENDING' ? status : withError(status, error)) },
  ],
  [
    'R15',
    'hides the error',
    {
      formatServiceStatus: (service) =>
        formatServiceStatus(serviceStatus(service.initialized, service.isHealthy)),
    },
  ],
  ['R16', 'forgets a tag', { tagsOf: (command) => ({ ...tagsOf(command), taskId: '' }) }],
  ['R17', 'shows what it should hide', { formatCommand: (command) => formatCommand(command) }],
  [
    'R17',
    'prints hours as minutes',
    { formatGoDuration: (ms) => (ms >= 3_600_000 ? `${ms / 60_000}m0s` : formatGoDuration(ms)) },
  ],
  [
    'R17',
    'prints every second with a fraction',
    { formatGoDuration: (ms) => formatGoDuration(ms).replace(/(\d)s$/, '$1.0s') },
  ],
  [
    'R21',
    'codes twice',
    {
      codedError: (error, code) =>
        error instanceof Error ? new ExitCodeError(code, error.message) : codedError(error, code),
    },
  ],
  [
    'R21',
    'gives no error a code',
    { exitCodeOf: (error, code) => exitCodeOf(error ?? new Error('none'), code) },
  ],
  ['R23', 'calls an unknown run by another name', { unknownRunMessage: (runId) => `no run ${runId}` }],
  [
    'R26',
    'has another code for an unknown run',
    { unknownRun: (runId) => new RunnerError('RUNNER_NO_STATUS', unknownRun(runId).message) },
  ],
  [
    'R24',
    'passes over the mask',
    { matchesQuery: (status, query) => matchesQuery(status, { ...query, states: 127 as StateMask }) },
  ],
  [
    'R24',
    'takes any list',
    {
      checkQuery: (query) => {
        if (!Array.isArray((query as { runs?: unknown } | null)?.runs)) checkQuery(query);
      },
    },
  ],
  [
    'R33',
    'takes a negative wait',
    {
      checkWait: (wait) => {
        const { timeoutMs = 0 } = (wait ?? {}) as { readonly timeoutMs?: number };
        if (!(timeoutMs < 0)) checkWait(wait);
      },
    },
  ],
  ['R32', 'forgets a signal', { waitForever: () => waitForever() }],
  ['R34', 'forgets why a wait was cancelled', { waitCancelled: () => waitCancelled(undefined) }],
  [
    'R40',
    'shows nothing where a run is unknown',
    {
      statusNow: (querier, runId) =>
        statusNow(
          {
            queryNow: async (query) => ({
              ...(await querier.queryNow(query)),
              statuses: [completeStatus(runId, '', 0)],
            }),
          },
          runId,
        ),
    },
  ],
  [
    'R41',
    'waits for no more than a minute',
    {
      finalStatus: (querier, runId) =>
        finalStatus({ ...querier, query: (query) => querier.query(query, { timeoutMs: 60_000 }) }, runId),
    },
  ],
  [
    'R42',
    'loses the service status',
    { singleStatus: (result) => singleStatus({ ...result, service: serviceStatus(false, false) }) },
  ],
  [
    'R66',
    'takes any environment',
    {
      checkCommand: (command) => {
        if ((command as { envVars?: unknown } | null)?.envVars === undefined) checkCommand(command);
      },
    },
  ],
];

test('holds for the functions that are shipped', async () => {
  expect(await failureOf(valuesWorkload(), HEALTHY)).toBeUndefined();
});

test.for(BROKEN)('%s finds what %s', async ([rule, , functions]) => {
  expect(await failureOf(valuesWorkload(functions), FOUND_WITHIN)).toMatch(new RegExp(`^${rule}\\b`));
});
