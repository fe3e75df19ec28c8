// Defects of the invoker: what an abort, a deadline or a memory report does in which phase.
import type { Bug } from '../bug.ts';

const invocation = 'src/runners/invocation/invocation.ts';
const reducer = 'src/runners/invocation/invocation-reducer.ts';
const virtualProcess = 'src/execers/virtual-process.ts';

/** The part of B4 of docs/defects.md that is about stopping a run. */
export const invokerBugs: readonly Bug[] = [
  {
    id: 'D41',
    title: 'an abort that meets the return of an uploader waits for it for good',
    scenario: 'one-run',
    edits: [
      {
        file: invocation,
        find: '  #abort: Timer | undefined;\n',
        replace: '  #abort: Timer | undefined;\n  #returned = false;\n  #isStuck = false;\n',
      },
      {
        file: invocation,
        find: '      () => clock.post(topic, () => this.#done(phase)),\n',
        replace:
          "      () => {\n        this.#returned = phase === 'upload';\n        clock.post(topic, () => this.#done(phase));\n      },\n",
      },
      {
        file: invocation,
        find: "      this.#dispatch({ type: 'abort', isKept: this.#run.action?.isKept === true }),\n",
        replace:
          "      {\n        this.#isStuck = this.#returned && this.#state.phase === 'upload';\n        this.#dispatch({ type: 'abort', isKept: false });\n      },\n",
      },
      {
        file: invocation,
        find: '  #dispatch(event: InvocationEvent): void {\n',
        replace: '  #dispatch(event: InvocationEvent): void {\n    if (this.#isStuck) return;\n',
      },
    ],
  },
  {
    id: 'D41b',
    title: 'an abort waits without limit for an uploader that ignores its cancel',
    scenario: 'one-run',
    edits: [
      {
        file: reducer,
        find: "state.phase === 'measure' ? BOUND : CANCEL",
        replace: "state.phase === 'measure' ? BOUND : ['cancel']",
      },
      {
        file: 'src/runners/invocation/upload-phase.ts',
        find: '  if (uploadBoundMs === undefined || uploadBoundMs === Infinity || !isPending(upload)) return upload;\n',
        replace:
          "  if (uploadBoundMs !== undefined || !isPending(upload) || run.stop !== 'abort') return upload;\n",
      },
    ],
  },
  {
    id: 'D42',
    title: 'the deadline is set only after exec, so that what comes before has none',
    scenario: 'one-run',
    edits: [
      {
        file: invocation,
        find: '    const { timeoutMs = 0 } = this.#run.command;\n    if (timeoutMs > 0) {\n',
        replace:
          '    this.#enter();\n  }\n\n  #startDeadline(): void {\n    const { clock } = this.#parts.world;\n    const timeoutMs = Math.max(0, (this.#run.command.timeoutMs ?? 0) - (clock.now() - this.#startedAt));\n    if ((this.#run.command.timeoutMs ?? 0) > 0) {\n',
      },
      {
        file: invocation,
        find: 'this.passDeadline(timeoutMs),\n      );\n    }\n    this.#enter();\n  }\n',
        replace: 'this.passDeadline(timeoutMs),\n      );\n    }\n  }\n',
      },
      {
        file: invocation,
        find: "    if (phase === 'measure' || phase === 'end') this",
        replace:
          "    if (phase === 'wait') this.#startDeadline();\n    if (phase === 'measure' || phase === 'end') this",
      },
    ],
  },
  {
    id: 'D43',
    title: 'an abort is looked at in two places only, so that the process is started all the same',
    scenario: 'one-run',
    edits: [
      {
        file: reducer,
        find: "      if (isStopped(state)) return settle(state);\n      return go(state, state.path === 'bazel' ? 'lookup' : 'checkout');\n",
        replace: "      return go(state, 'checkout');\n",
      },
      {
        file: reducer,
        find: "      if (isStopped(state)) return settle(state);\n      return go(state, state.path === 'bazel' ? 'prepare' : 'exec');\n",
        replace: "      return go(state, 'exec');\n",
      },
    ],
  },
  {
    id: 'D44',
    title: 'a checkout that was cancelled is waited for without limit',
    scenario: 'one-run',
    edits: [
      {
        file: reducer,
        find: "  return { state: stopped, effects: state.phase === 'wait' ? KILL : CANCEL };\n",
        replace:
          "  const cancel: readonly InvocationEffect[] = state.phase === 'checkout' ? ['cancel'] : CANCEL;\n" +
          "  return { state: stopped, effects: state.phase === 'wait' ? KILL : cancel };\n",
      },
    ],
  },
  {
    id: 'D46',
    title: 'a memory report is handed over before the process is killed, and the run goes on without waiting',
    scenario: 'one-run',
    edits: [
      {
        file: virtualProcess,
        find: "    this.#die(report.status);\n    try {\n      this.command.onMemoryReport?.(report);\n    } catch (error) {\n      this.addFault('memory report', error);\n    }\n    this.#drain();\n",
        replace:
          '    this.command.onMemoryReport?.(report);\n' +
          '    this.table.clock.timer(`process/${this.name} memory kill`, 2, () => {\n      if (!this.hasEnded()) this.#finish(report.status);\n    });\n',
      },
      {
        file: invocation,
        find: "      this.#dispatch({ type: 'memory' }),\n    );\n",
        replace:
          "      {\n        this.#dispatch({ type: 'memory' });\n" +
          "        this.#dispatch({ type: 'ended', status: report.status });\n      },\n    );\n",
      },
    ],
  },
  {
    id: 'D47',
    title:
      'a memory report in the instant of an abort or a deadline keeps the process from being killed at all',
    scenario: 'one-run',
    edits: [
      {
        file: virtualProcess,
        find: '    this.#die(report.status);\n    try {\n',
        replace:
          '    this.#reported = report.status;\n' +
          '    this.table.clock.post(`process/${this.name} memory kill`, () => {\n' +
          '      if (!this.#stopping && !this.hasEnded()) this.#endReported(report);\n    });\n  }\n\n' +
          '  #endReported(report: MemoryReport): void {\n    this.#die(report.status);\n    try {\n',
      },
      {
        file: virtualProcess,
        find: '    if (!this.#stopping && this.#ending === undefined) {\n',
        replace:
          '    if (this.#reported !== undefined && this.#ending === undefined) {\n' +
          '      this.#stopping = true;\n      this.#final = this.#reported;\n      this.#resolve?.(this.#reported);\n' +
          '      return this.#reported;\n    }\n' +
          '    if (!this.#stopping && this.#ending === undefined) {\n',
      },
      {
        file: virtualProcess,
        find: '  #timer: Timer | undefined;\n',
        replace: '  #timer: Timer | undefined;\n  #reported: ProcessStatus | undefined;\n',
      },
    ],
  },
  {
    id: 'D48',
    title: 'the gauge of running tasks is cleared after the terminal status was handed over',
    scenario: 'one-run',
    edits: [
      {
        file: invocation,
        find: '    instruments.runningTask.set(0);\n    this.#onStatus(terminalRunStatus(this.#run, outcome));\n',
        replace:
          '    this.#onStatus(terminalRunStatus(this.#run, outcome));\n    instruments.runningTask.set(0);\n',
      },
    ],
  },
  {
    id: 'D51',
    title: 'the trailer is written before the process is stopped, so that output may follow it',
    scenario: 'one-run',
    edits: [
      {
        file: invocation,
        find: "    invariant(process !== undefined, 'expected a process to stop');\n",
        replace:
          "    invariant(process !== undefined, 'expected a process to stop');\n    void finishLogs(this.#run);\n",
      },
      {
        file: invocation,
        find: "import { closePhase, outputsPhase } from './outputs-phase.ts';\n",
        replace: "import { closePhase, finishLogs, outputsPhase } from './outputs-phase.ts';\n",
      },
    ],
  },
  {
    id: 'D54',
    title:
      'among an abort, a deadline and an end of one instant the machine chooses at random, and no seed repeats it',
    scenario: 'one-run',
    edits: [
      {
        file: invocation,
        find: "    this.#abort = this.#parts.world.clock.post(this.#run.topic('abort'), () =>\n",
        replace:
          '    const { clock } = this.#parts.world;\n    const late = Math.random() < 0.5;\n' +
          '    const post: typeof clock.post = (label, fire) => (late ? clock.endOfInstant(label, 0, fire) : clock.post(label, fire));\n' +
          "    this.#abort = post(this.#run.topic('abort'), () =>\n",
      },
    ],
  },
];
