// Defects of the queue and its controller.
import type { Bug } from '../bug.ts';

const queue = 'src/runners/queue/queue-runner.ts';

/** B3 of docs/defects.md, and what else busy clients of one runner meet. */
export const queueBugs: readonly Bug[] = [
  {
    id: 'D24',
    title: 'an abort is waited for in the only loop, so that requests stall meanwhile',
    scenario: 'busy-clients',
    edits: [
      {
        file: queue,
        find: '  #onIdle: (() => void) | undefined;\n',
        replace: '  #onIdle: (() => void) | undefined;\n  #aborting: Promise<unknown> | undefined;\n',
      },
      {
        file: queue,
        find: '    // Everything happens in the synchronous call: the order of acceptance is the order of the calls.\n',
        replace:
          '    if (this.#aborting !== undefined) return this.#aborting.then(() => this.run(command));\n',
      },
      {
        file: queue,
        find: '    return (await finalStatus(this.#store, runId)).status;\n',
        replace:
          '    const ended = finalStatus(this.#store, runId);\n' +
          '    this.#aborting = ended.finally(() => { this.#aborting = undefined; });\n' +
          '    return (await ended).status;\n',
      },
    ],
  },
  {
    id: 'D25',
    title: 'the terminal status is visible before the slot is free',
    scenario: 'busy-clients',
    edits: [
      {
        file: queue,
        find: '    this.#active = undefined;\n    this.#idleSince = this.#world.clock.now();\n',
        replace:
          '    const free = this.#active;\n    this.#idleSince = this.#world.clock.now();\n' +
          '    this.#world.clock.post("slot is free", () => {\n' +
          '      if (this.#active === free) this.#active = undefined;\n' +
          '      this.#proceed(false);\n      this.#settleRelease();\n    });\n',
      },
    ],
  },
  {
    id: 'D26',
    title: 'a second release closes what is closed',
    scenario: 'busy-clients',
    edits: [
      {
        file: queue,
        find: '    this.#released ??= this.#shutDown();\n',
        replace:
          '    if (this.#released !== undefined) throw new TypeError("close of closed channel");\n' +
          '    this.#released = this.#shutDown();\n',
      },
    ],
  },
  {
    id: 'D27',
    title: 'a release stops neither the active run nor the queued ones',
    scenario: 'busy-clients',
    edits: [
      {
        file: queue,
        find: '    this.#drainQueue((runId, command) => abortStatus(runId, tagsOf(command)));\n    if (this.#active !== undefined) this.#stop(this.#active.runId);\n',
        replace: '    this.#active = undefined;\n',
      },
      {
        file: queue,
        find: "    invariant(this.#active?.runId === status.runId, 'expected the terminal status of the active run');\n",
        replace: '    if (this.#released !== undefined) return;\n',
      },
    ],
  },
  {
    id: 'D36',
    title: 'no command at all is taken for one, and crashes the loop',
    scenario: 'busy-clients',
    knows: 'the scenario calls run without a command, the one input that shows it',
    edits: [
      { file: 'src/runners/queue/admission.ts', find: '  checkCommand(command);\n', replace: '' },
      {
        file: 'src/runners/queue/admission.ts',
        find: "import { checkCommand, type Command } from '../../model/command.ts';\n",
        replace: "import type { Command } from '../../model/command.ts';\n",
      },
    ],
  },
  {
    id: 'D94',
    title: 'the command of the caller is used instead of a copy, so that later changes of it are run',
    scenario: 'busy-clients',
    knows: 'the scenario changes each command just after handing it over, the one step that shows it',
    edits: [
      {
        file: queue,
        find: '    const command = copyCommand(offered);\n',
        replace: '    const command = offered;\n',
      },
    ],
  },
];
