// Defects of chaos and polling.
import type { Bug } from '../bug.ts';

const passage = 'src/network/chaos-runner.ts';
const pollingWait = 'src/runners/polling/polling-querier.ts';

/** B7 of docs/defects.md, but for settings. */
export const networkBugs: readonly Bug[] = [
  {
    id: 'D73',
    title: 'the delay is slept while holding a lock, so that concurrent calls add up their delays',
    scenario: 'bad-network',
    edits: [
      {
        file: passage,
        find: '    const held = this.#hold(sent, this.#drawDelay(sent));\n',
        replace:
          '    const delayMs = this.#drawDelay(sent);\n' +
          '    const held = this.#lock.then(() => this.#hold(sent, delayMs));\n' +
          '    this.#lock = held.then(() => undefined);\n',
      },
      {
        file: passage,
        find: 'class ChaosPassage {\n',
        replace: 'class ChaosPassage {\n  #lock: Promise<void> = Promise.resolve();\n',
      },
    ],
  },
  {
    id: 'D74',
    title: 'a call uses the error that was set when it began, not when it gets through',
    scenario: 'bad-network',
    edits: [
      {
        file: passage,
        find: 'proceed: Proceed<R>): Promise<R> {\n    const error = this.#settings.setErrorFor(sent.operation);\n',
        replace: 'proceed: Proceed<R>, error?: Error): Promise<R> {\n',
      },
      {
        file: passage,
        find:
          '    const held = this.#hold(sent, this.#drawDelay(sent));\n' +
          '    return held === undefined ? this.#arrive(sent, proceed) : held.then(() => this.#arrive(sent, proceed));\n',
        replace:
          '    const error = this.#settings.setErrorFor(sent.operation);\n' +
          '    const held = this.#hold(sent, this.#drawDelay(sent));\n' +
          '    return (held ?? Promise.resolve()).then(() => this.#arrive(sent, proceed, error));\n',
      },
    ],
  },
  {
    id: 'D75b',
    title: 'delays come from a source without a seed, so that no seed repeats them',
    scenario: 'bad-network',
    edits: [
      {
        file: 'src/network/chaos-delay.ts',
        find: "this.#choices.choose(topic().asks('delay'), this.#n, this.#msOf)",
        replace: 'Math.floor(Math.random() * this.#n)',
      },
    ],
  },
  {
    id: 'D76',
    title: 'a delayed query takes the delay on top of its timeout',
    scenario: 'bad-network',
    edits: [
      {
        file: 'src/network/sent-call.ts',
        find: '{ ...wait, timeoutMs: this.leftMs }',
        replace: 'wait',
      },
    ],
  },
  {
    id: 'D76b',
    title: 'a cancel is not seen while a query is delayed',
    scenario: 'bad-network',
    edits: [
      {
        file: passage,
        find: '{ ms: Math.min(ms, leftMs), isDeadline, isOvertakable, signal }',
        replace:
          '{ ms: Math.min(ms, leftMs), isDeadline, isOvertakable, signal: signal?.aborted === true ? signal : undefined }',
      },
    ],
  },
  {
    id: 'D77',
    title: 'a missing delegate is guarded in release only',
    scenario: 'bad-network',
    knows: 'the scenario makes a network without a delegate, the one setting that shows it',
    edits: [
      {
        file: 'src/network/chaos-runner.ts',
        find: "throw new RunnerError('RUNNER_NO_DELEGATE', ",
        replace: "throw new TypeError('RUNNER_NO_DELEGATE', ",
      },
    ],
  },
  {
    id: 'D78',
    title: 'faults strike only before a call, so that no reply is ever lost',
    scenario: 'bad-network',
    edits: [
      {
        file: passage,
        find: '        return this.#loseReply(sent, proceed);\n',
        replace: '        throw this.#settings.faultErrorFor(sent.operation, kind);\n',
      },
    ],
  },
  {
    id: 'D79',
    title: 'a poll with timeout 0 polls until the run has ended',
    scenario: 'remote-poller',
    edits: [
      {
        file: pollingWait,
        find: '    this.#mayWait = wait.timeoutMs > 0 && ',
        replace: '    this.#mayWait = wait.timeoutMs >= 0 && ',
      },
      {
        file: pollingWait,
        find: 'timeLeftMs(this.#wait.timeoutMs, startMs, ',
        replace: 'timeLeftMs(this.#wait.timeoutMs || Infinity, startMs, ',
      },
    ],
  },
  {
    id: 'D80',
    title: 'the poller sleeps past its deadline and does not ask again',
    scenario: 'remote-poller',
    edits: [
      {
        file: pollingWait,
        find: '      await this.#pause(isLast ? leftMs : periodMs, isLast);\n',
        replace:
          '      await this.#pause(periodMs, false);\n      if (isLast) return { statuses, service: answer.service };\n',
      },
    ],
  },
  {
    id: 'D80b',
    title: 'the poller sees a cancel only between its sleeps',
    scenario: 'remote-poller',
    edits: [
      {
        file: pollingWait,
        find: 'waiter.retime(this.#clock.endOfInstant(topic, 0, end))',
        replace: 'undefined',
      },
    ],
  },
  {
    id: 'D81',
    title: 'a poll that timed out gives a service status of zeros',
    scenario: 'remote-poller',
    edits: [
      {
        file: pollingWait,
        find: '      if (isLast || leftMs <= 0) return { statuses, service: answer.service };\n',
        replace:
          "      if (isLast || leftMs <= 0) return { statuses, service: { initialized: false, isHealthy: false, error: '' } };\n",
      },
    ],
  },
];
