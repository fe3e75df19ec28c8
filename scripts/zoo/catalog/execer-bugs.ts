// Defects of the OS execer that simulated processes can have too, and those of the simulated execer.
import type { Bug } from '../bug.ts';

const simProcess = 'src/execers/sim-process.ts';
const virtualProcess = 'src/execers/virtual-process.ts';
const processOutput = 'src/execers/process-output.ts';
const memoryWatch = 'src/execers/memory-watch.ts';

/** B5 and B6 of docs/defects.md. */
export const execerBugs: readonly Bug[] = [
  {
    id: 'D52',
    title: 'after a fault of its sink nobody takes what the process writes, so that it blocks',
    scenario: 'process-life',
    edits: [
      {
        file: processOutput,
        find: '  #pending = 0;\n',
        replace: '  #pending = 0;\n  broken = false;\n',
      },
      {
        file: processOutput,
        find: '    } catch (error) {\n',
        replace: '    } catch (error) {\n      this.broken = true;\n',
      },
      {
        file: virtualProcess,
        find: '  protected write(stream: StreamName, chunk: Chunk): void {\n',
        replace:
          '  protected get blocked(): boolean {\n    return this.#output?.broken === true;\n  }\n\n' +
          '  protected write(stream: StreamName, chunk: Chunk): void {\n',
      },
      {
        file: simProcess,
        find: '        this.write(step.op, step.text);\n        return true;\n',
        replace: '        this.write(step.op, step.text);\n        return !this.blocked;\n',
      },
    ],
  },
  {
    id: 'D55',
    title: 'children are left alive when their parent has ended',
    scenario: 'process-life',
    edits: [
      {
        file: simProcess,
        find: '    for (const child of this.#children) this.table.leave(this.name, child.name);\n',
        replace: '',
      },
    ],
  },
  {
    id: 'D56',
    title: 'an abort blocks for good when the process exits non-zero exactly at the end of its grace',
    scenario: 'process-life',
    edits: [
      {
        file: virtualProcess,
        find: "    const kill = (): void => this.#finish(abortedProcess('SIGKILL'));\n",
        replace:
          "    const kill = (): void => this.#finish(abortedProcess('SIGKILL'));\n    this.#killAtMs = clock.now() + graceMs;\n",
      },
      {
        file: virtualProcess,
        find: '  #timer: Timer | undefined;\n',
        replace: '  #timer: Timer | undefined;\n  #killAtMs = -1;\n',
      },
      {
        file: virtualProcess,
        find: "    this.#finish(this.#stopping ? abortedProcess('SIGTERM') : status);\n",
        replace:
          '    if (status.exitCode !== 0 && this.table.clock.now() === this.#killAtMs) {\n' +
          '      this.#timer?.cancel();\n      this.#ending = status;\n      return;\n    }\n' +
          "    this.#finish(this.#stopping ? abortedProcess('SIGTERM') : status);\n",
      },
    ],
  },
  {
    id: 'D59',
    title: 'the end waits for the end of the output, however long somebody holds that',
    scenario: 'process-life',
    edits: [
      {
        file: virtualProcess,
        find: '      output.cut(drainGraceMs);\n      this.#settle();\n',
        replace: '',
      },
    ],
  },
  {
    id: 'D60',
    title: 'an abort just after a natural end overwrites its result',
    scenario: 'process-life',
    edits: [
      {
        file: virtualProcess,
        find: '    return this.wait();\n  }\n\n  /** SIGTERM has come',
        replace:
          "    else if (this.#final === undefined && !this.#stopping) this.#ending = abortedProcess('SIGTERM');\n" +
          '    return this.wait();\n  }\n\n  /** SIGTERM has come',
      },
    ],
  },
  {
    id: 'D61',
    title: 'a memory cap without a receiver of metrics crashes the monitor',
    scenario: 'process-life',
    edits: [
      {
        file: memoryWatch,
        find: "    if (kind === 'initial') this.#cap.highInitial?.increment();\n",
        replace: "    if (kind === 'initial') (this.#cap.highInitial as Counter).increment();\n",
      },
    ],
  },
  {
    id: 'D63',
    title: 'a missing sink crashes at the first byte of output',
    scenario: 'process-life',
    edits: [
      {
        file: processOutput,
        find: '    if (sink === undefined || chunk.length === 0) return;\n',
        replace: "    if (sink === undefined) throw new TypeError('nil pointer dereference');\n",
      },
    ],
  },
  {
    id: 'D64',
    title: 'the signal that killed a process is lost',
    scenario: 'process-life',
    edits: [
      {
        file: 'src/execers/process-status.ts',
        find: 'exitCode: -1, error: killedText(signal), signal });\n',
        replace: "exitCode: -1, error: '' });\n",
      },
    ],
  },
  {
    id: 'D65',
    title: 'the first memory check overwrites the result of a process that has already ended, and counts it',
    scenario: 'process-life',
    edits: [
      {
        file: simProcess,
        find: '    this.#sleep?.cancel();\n    this.#memory?.end();\n',
        replace: '    this.#sleep?.cancel();\n',
      },
      {
        file: virtualProcess,
        find: '  protected endByMemory(report: MemoryReport): void {\n',
        replace:
          '  protected endByMemory(report: MemoryReport): void {\n' +
          '    if (this.hasEnded()) {\n      this.#final = report.status;\n      return;\n    }\n',
      },
    ],
  },
  {
    id: 'D66',
    title: 'an abort in the instant of the start closes what is being read, so that output is cut',
    scenario: 'process-life',
    edits: [
      {
        file: virtualProcess,
        find: '    if (!this.#stopping && this.#ending === undefined) {\n',
        replace:
          '    if (this.table.clock.now() === this.#startedAtMs) this.#output = undefined;\n' +
          '    if (!this.#stopping && this.#ending === undefined) {\n',
      },
      {
        file: virtualProcess,
        find: '    table.enter(this.name);\n',
        replace: '    table.enter(this.name);\n    this.#startedAtMs = table.clock.now();\n',
      },
      {
        file: virtualProcess,
        find: '  #timer: Timer | undefined;\n',
        replace: '  #timer: Timer | undefined;\n  readonly #startedAtMs: number;\n',
      },
    ],
  },
  {
    id: 'D67',
    title: 'a sleep ends the script as COMPLETE 0',
    scenario: 'process-life',
    edits: [
      {
        file: simProcess,
        find: '    this.#wake ??= this.run.bind(this);\n',
        replace: '    this.#wake ??= () => this.end(completeProcess(0));\n',
      },
    ],
  },
  {
    id: 'D68',
    title: 'a script that runs out of steps stays RUNNING for ever',
    scenario: 'process-life',
    edits: [
      {
        file: simProcess,
        find: '      if (step === undefined) this.end(completeProcess(0));\n',
        replace: '      if (step === undefined) return;\n',
      },
    ],
  },
  {
    id: 'D69',
    title: 'an aborted process eats a resume',
    scenario: 'process-life',
    edits: [
      {
        file: simProcess,
        find: '    this.#ground.paused?.delete(this);\n    if (!this.#ignoresTerm) return true;\n',
        replace: '    if (!this.#ignoresTerm) return true;\n',
      },
      {
        file: simProcess,
        find: '    this.#ground.paused?.delete(this);\n    if (this.#children === undefined) return;\n',
        replace: '    if (this.#children === undefined) return;\n',
      },
    ],
  },
  {
    id: 'D70',
    title: 'the abort of a process that has ended says FAILED',
    scenario: 'process-life',
    edits: [
      {
        file: virtualProcess,
        find: '    if (!this.#stopping && this.#ending === undefined) {\n',
        replace:
          "    if (this.#final !== undefined) return abortedProcess('SIGTERM');\n" +
          '    if (!this.#stopping && this.#ending === undefined) {\n',
      },
    ],
  },
  {
    id: 'D71',
    title: 'a sleep does not notice an abort, and the step after it writes into closed outputs',
    scenario: 'process-life',
    edits: [
      {
        file: simProcess,
        find: '    this.#sleep?.cancel();\n    this.#memory?.end();\n',
        replace: '    this.#memory?.end();\n',
      },
      {
        file: simProcess,
        find: '    while (!this.hasEnded()) {\n      const step = this.#script[this.#next++];\n',
        replace:
          '    if (this.hasEnded()) {\n' +
          '      const late = this.#script[this.#next++];\n' +
          "      if (late?.op === 'stdout') this.write(late.op, late.text);\n      return;\n    }\n" +
          '    while (!this.hasEnded()) {\n      const step = this.#script[this.#next++];\n',
      },
    ],
  },
];
