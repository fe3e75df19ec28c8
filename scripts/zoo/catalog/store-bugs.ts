// Defects of the status store.
import type { Bug } from '../bug.ts';

const store = 'src/store/status-store.ts';
const register = 'src/store/waiter-lifecycle.ts';
const waiters = 'src/store/run-waiters.ts';
const waiter = 'src/store/run-waiters.ts';
const table = 'src/store/run-table.ts';
const runState = 'src/model/run-state.ts';

/** B2 of docs/defects.md, and D4. */
export const storeBugs: readonly Bug[] = [
  {
    id: 'D4',
    title: 'waiting for a state that the run has passed never ends',
    scenario: 'status-board',
    edits: [
      {
        file: store,
        find: '    if (query.allRuns !== true && allTerminal(records)) {\n',
        replace: '    if (query.allRuns !== true && records.length < 0 && allTerminal(records)) {\n',
      },
      {
        file: waiters,
        find: '      if (waiter.live === 0) woken.push(waiter);\n',
        replace: '',
      },
    ],
  },
  {
    id: 'D10',
    title: 'a waiter that timed out stays registered',
    scenario: 'status-board',
    edits: [
      {
        file: register,
        find: '      this.leave(waiter);\n      waiter.expire();\n',
        replace: '      waiter.expire();\n',
      },
    ],
  },
  {
    id: 'D11',
    title: 'eviction goes by age, whatever the state of the run',
    scenario: 'status-board',
    edits: [
      { file: table, find: '    if (!this.#matchesAny(DONE_MASK)) return undefined;\n', replace: '' },
      { file: table, find: '.find(isOver)', replace: '.find(() => true)' },
    ],
  },
  {
    id: 'D12',
    title: 'who waits on a run that is evicted is not woken',
    scenario: 'status-board',
    edits: [{ file: store, find: 'this.#waiters?.runs.takeEvicted(record) ??', replace: '' }],
  },
  {
    id: 'D13',
    title: 'RUNNING goes back to PENDING',
    scenario: 'status-board',
    knows: 'the scenario writes PENDING to a run that is RUNNING, the one move that shows it',
    edits: [
      {
        file: runState,
        find: 'TERMINAL[from] === false && REACHED[to] === true',
        replace: "(from === 'PENDING' || (from === 'RUNNING' && to !== from))",
      },
    ],
  },
  {
    id: 'D13b',
    title: 'a write without tags erases those that are known',
    scenario: 'status-board',
    edits: [
      {
        file: 'src/store/status-merge.ts',
        find: '    jobId: update.jobId || old.jobId,\n',
        replace: '    jobId: update.jobId,\n',
      },
    ],
  },
  {
    id: 'D14',
    title: 'a new run wakes nobody',
    scenario: 'status-board',
    edits: [
      {
        file: store,
        find: '    this.#created += 1;\n    this.#written(record);\n',
        replace:
          "    this.#created += 1;\n    this.tracer?.record({ at: this.clock.now(), type: 'status', runner: this.name, status: record.status });\n",
      },
    ],
  },
  {
    id: 'D15',
    title: 'a negative timeout waits for ever',
    scenario: 'status-board',
    knows: 'the scenario waits with a negative timeout, the one value that shows it',
    edits: [
      {
        file: 'src/model/query.ts',
        find: "  if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0)) {\n",
        replace: "  if (typeof timeoutMs !== 'number') {\n",
      },
      {
        file: register,
        find: '    else if (timeoutMs !== Infinity) timer',
        replace: '    else if (timeoutMs >= 0 && timeoutMs !== Infinity) timer',
      },
    ],
  },
  {
    id: 'D16',
    title: 'a wait that was cancelled gives an invented ABORTED status',
    scenario: 'status-board',
    edits: [
      {
        file: waiter,
        find: '  override fail(error: Error): void {\n',
        replace:
          "  override fail(error: Error): void {\n    if ((error as { code?: string }).code === 'RUNNER_WAIT_CANCELLED') {\n" +
          "      this.meet(abortStatus(''));\n      return;\n    }\n",
      },
      {
        file: waiter,
        find: "import type { RunID, RunStatus } from '../model/run-status.ts';\n",
        replace: "import { abortStatus, type RunID, type RunStatus } from '../model/run-status.ts';\n",
      },
    ],
  },
  {
    id: 'D17',
    title: 'a match in the instant of the deadline is lost, or not, at random',
    scenario: 'status-board',
    edits: [
      {
        file: register,
        find: '    return this.#endOfInstant(waiter.label, timeoutMs, () => {\n',
        replace: '    return this.#around.clock.timer(waiter.label, timeoutMs, () => {\n',
      },
    ],
  },
  {
    id: 'D18',
    title: 'run statuses and service status are read at two moments',
    scenario: 'status-board',
    edits: [
      {
        file: waiter,
        find: '    this.#resolve({ statuses: [status], service: this.#source.serviceStatus });\n',
        replace: '    this.#resolve({ statuses: [status], service: this.#before });\n',
      },
      {
        file: waiter,
        find: '    this.#source = source;\n',
        replace: '    this.#source = source;\n    this.#before = source.serviceStatus;\n',
      },
      {
        file: waiter,
        find: '  readonly #source: ServiceSource;\n',
        replace: '  readonly #source: ServiceSource;\n  readonly #before: ServiceStatus;\n',
      },
    ],
  },
  {
    id: 'D19',
    title: 'all runs come in an order of their own',
    scenario: 'status-board',
    edits: [
      {
        file: table,
        find: '      if (maskMatches(states, status.state)) statuses.push(status);\n    }\n    return statuses;\n  }\n\n  #matchesAny',
        replace:
          '      if (maskMatches(states, status.state)) statuses.unshift(status);\n    }\n    return statuses;\n  }\n\n  #matchesAny',
      },
    ],
  },
  {
    id: 'D20',
    title: 'a query for no run at all waits for what can never match',
    scenario: 'status-board',
    knows: 'the scenario asks for no run at all, the one input that shows it',
    edits: [
      {
        file: store,
        find: '    if (statuses.length > 0 || wait.timeoutMs === 0 || !isOpen) {\n',
        replace: '    if (statuses.length > 0 || wait.timeoutMs === 0) {\n',
      },
      {
        file: store,
        find: '    if (query.allRuns !== true && allTerminal(records)) {\n',
        replace: '    if (query.allRuns !== true && isOpen && allTerminal(records)) {\n',
      },
    ],
  },
  {
    id: 'D21',
    title: 'a queued run has no tags although its command has',
    scenario: 'status-board',
    edits: [
      {
        file: store,
        find: 'pendingStatus(this.#nextRunId, tags)',
        replace: 'pendingStatus(this.#nextRunId)',
      },
    ],
  },
  {
    id: 'D23',
    title: 'the history never shrinks',
    scenario: 'status-board',
    edits: [{ file: store, find: '    if (this.#capacity !== 0) this.#evict(table);\n', replace: '' }],
  },
];
