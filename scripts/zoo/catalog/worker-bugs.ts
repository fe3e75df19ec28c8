// Defects of a worker's health, updates, initialization and settings.
import type { Bug } from '../bug.ts';

const queue = 'src/runners/queue/queue-runner.ts';
const health = 'src/runners/queue/queue-runner.ts';
const updates = 'src/runners/queue/update-cycle.ts';

/** The rest of B3 of docs/defects.md, with D22, D72, D75, D82 and D103. */
export const workerBugs: readonly Bug[] = [
  {
    id: 'D22',
    title: 'ids start anew in each incarnation, so that the run of somebody else answers',
    scenario: 'slow-start',
    knows: 'the scenario replaces a worker only to ask its successor for a run of the predecessor',
    edits: [
      {
        file: 'src/store/status-store.ts',
        find: 'return `${this.#idPrefix}${this.#created}`',
        replace: 'return `${this.#created}`',
      },
    ],
  },
  {
    id: 'D28',
    title: 'the update timer outlives the release',
    scenario: 'fresh-filer',
    edits: [{ file: queue, find: '    this.#updates?.stop();\n', replace: '' }],
  },
  {
    id: 'D29',
    title: 'the terminal status is visible while the runner still looks healthy',
    scenario: 'sick-worker',
    edits: [
      {
        file: queue,
        find: '    if (fault !== undefined) this.#becomeUnhealthy(fault);\n',
        replace:
          "    if (fault !== undefined) this.#world.clock.post('health', () => this.#becomeUnhealthy(fault));\n",
      },
    ],
  },
  {
    id: 'D30',
    title: 'a sick runner starts nothing and drains nothing',
    scenario: 'sick-worker',
    edits: [{ file: queue, find: '    if (fault !== undefined) this.#failQueue();\n', replace: '' }],
  },
  {
    id: 'D31',
    title: 'health looks at the number only, also if it is the exit code of a command',
    scenario: 'sick-worker',
    knows: 'the jobs of the scenario exit with the codes of the machinery, the values that show it',
    edits: [
      {
        file: health,
        find: "    this.#lastCode = state === 'FAILED' ? exitCode : 0;\n    if (state !== 'FAILED') return undefined;\n",
        replace: '    this.#lastCode = exitCode;\n',
      },
    ],
  },
  {
    id: 'D32',
    title: 'an aborted run between two failed checkouts resets their row',
    scenario: 'sick-worker',
    edits: [{ file: health, find: "    if (state === 'ABORTED') return undefined;\n", replace: '' }],
  },
  {
    id: 'D34',
    title: 'a failed initialization is reported as still initializing',
    scenario: 'slow-start',
    edits: [
      {
        file: 'src/runners/queue/admission.ts',
        find: '  if (state.initFailure !== undefined) {\n',
        replace: '  if (state.initFailure !== undefined && state.service.initialized) {\n',
      },
    ],
  },
  {
    id: 'D35',
    title: 'of two failed initializations the later one is reported',
    scenario: 'slow-start',
    edits: [
      {
        file: 'src/runners/queue/queue-runner.ts',
        find: '    failure ??= error;\n',
        replace: '    failure = error ?? failure;\n',
      },
    ],
  },
  {
    id: 'D37',
    title: 'a negative update interval crashes the ticker',
    scenario: 'odd-settings',
    knows: 'the scenario sets a negative interval, the one value that shows it',
    edits: [
      {
        file: updates,
        find: '{ updateIntervalMs: is.DURATION_MS,',
        replace: '{ updateIntervalMs: is.NUMBER,',
      },
      {
        file: updates,
        find: '      if (filer.updateIntervalMs > 0) this',
        replace:
          "      if (filer.updateIntervalMs < 0) throw new TypeError('non-positive interval for NewTicker');\n" +
          '      if (filer.updateIntervalMs > 0) this',
      },
    ],
  },
  {
    id: 'D38',
    title: 'an update that never returns keeps all later runs PENDING',
    scenario: 'fresh-filer',
    edits: [
      {
        file: 'src/runners/queue/update-cycle.ts',
        find: '      if (limitMs > 0 && limitMs < Infinity && ',
        replace: '      if (limitMs > 0 && limitMs < 0 && ',
      },
    ],
  },
  {
    id: 'D39',
    title: 'a negative capacity is accepted, and every run refused',
    scenario: 'odd-settings',
    knows: 'the scenario sets a negative capacity, the one value that shows it',
    edits: [
      {
        file: 'src/runners/queue/queue-options.ts',
        find: 'capacity: is.COUNT',
        replace: 'capacity: is.WHOLE',
      },
      {
        file: queue,
        find: '    this.#capacity = Math.max(1, capacity);\n',
        replace: '    this.#capacity = capacity === 0 ? 1 : capacity;\n',
      },
    ],
  },
  {
    id: 'D72',
    title: 'an error execer without an error gives neither a process nor an error',
    scenario: 'odd-settings',
    knows: 'the scenario makes an execer of errors without an error, the one value that shows it',
    edits: [
      {
        file: 'src/execers/error-execer.ts',
        find: "  check('error', error, is.ERROR);\n",
        replace: '',
      },
    ],
  },
  {
    id: 'D75',
    title: 'a negative delay is accepted',
    scenario: 'odd-settings',
    knows: 'the scenario sets a negative delay, the one value that shows it',
    edits: [
      {
        file: 'src/network/chaos-delay.ts',
        find: "    check('maxDelayMs', maxDelayMs, is.DURATION_MS);\n",
        replace: "    if (!(maxDelayMs < Infinity)) check('maxDelayMs', maxDelayMs, is.DURATION_MS);\n",
      },
    ],
  },
  {
    id: 'D82',
    title: 'a period of 0 is accepted, and polls in a hot loop',
    scenario: 'odd-settings',
    knows: 'the scenario sets a period of 0, the one value that shows it',
    edits: [
      {
        file: 'src/runners/polling/polling-querier.ts',
        find: "is.finite(MIN_PERIOD_MS, undefined, ' of milliseconds')",
        replace: 'is.finite(0)',
      },
    ],
  },
  {
    id: 'D103',
    title: 'a worker that finds its machine broken ends itself, with what it has not reported',
    scenario: 'sick-worker',
    edits: [
      {
        file: queue,
        find: '    if (fault !== undefined) this.#becomeUnhealthy(fault);\n',
        replace: '    if (fault !== undefined) throw new Error(`fatal: ${fault}`);\n',
      },
    ],
  },
];
