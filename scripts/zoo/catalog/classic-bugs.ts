// Ten mistakes that distributed schedulers have been making for decades, each planted into a small one that avoids it.
import type { Bug } from '../bug.ts';

interface Classic {
  readonly name: string;
  readonly title: string;
  readonly knows?: string;
  readonly find: string;
  readonly replace: string;
}

const classics: readonly Classic[] = [
  {
    name: 'double-start',
    title: 'a lost reply makes the scheduler start the job again',
    find: '    if (await isStarted(sim, worker, job, looks)) return;\n',
    replace: '',
  },
  {
    name: 'retry-storm',
    title: 'clients retry as fast as ever while the server is away',
    knows: 'the scenario counts attempts against the bound that only doubled pauses keep',
    find: '    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);\n',
    replace: '    pauseMs = Math.min(pauseMs, LONGEST_PAUSE_MS);\n',
  },
  {
    name: 'reused-id',
    title: 'a late abort hits the job that has got the id meanwhile',
    find: '    if (this.#held?.generation !== generation) return;\n',
    replace: '    if (this.#held === undefined) return;\n',
  },
  {
    name: 'heartbeat-flap',
    title: 'a late heartbeat kills a live worker',
    find: 'const LIMIT_MS = PERIOD_MS + WIRE_MS_MAX;\n',
    replace: 'const LIMIT_MS = PERIOD_MS + WIRE_MS_MAX / 2;\n',
  },
  {
    name: 'stale-leader',
    title: 'a leader of the past is still obeyed',
    find: '    if (token < this.#token) return false;\n',
    replace: '',
  },
  {
    name: 'starvation',
    title: 'important jobs keep an unimportant one waiting for ever',
    knows: 'the scenario is one unimportant job among important ones, and measures how long that one waits',
    find: '    return points + waitedMs / MS_PER_POINT;\n',
    replace: '    return points + waitedMs / (MS_PER_POINT * 1_000);\n',
  },
  {
    name: 'thundering-retries',
    title: 'all who were refused come back in one instant',
    knows: 'the server of the scenario fails by itself if clients come at once',
    find: '    await sim.sleep(next + index * GAP_MS - sim.now());\n',
    replace: '    await sim.sleep(next - sim.now());\n',
  },
  {
    name: 'clock-jump',
    title: 'a date that is set forwards kills the leases of live workers',
    knows: 'the one fault of the scenario is a date that jumps',
    find: '    return this.#clock.monotonicMs();\n',
    replace: '    return this.#clock.dateMs();\n',
  },
  {
    name: 'duplicate-completion',
    title: 'a completion that is reported twice counts twice',
    find: '    if (this.#done.has(part)) return;\n',
    replace: '',
  },
  {
    name: 'orphan',
    title: 'what a crashed scheduler had started runs without anybody to collect it',
    knows: 'the scenario asks for a crash just between a start and the note of it',
    find: '    await adopt(sim, worker, journal);\n',
    replace: '',
  },
];

/** As bugs: each lies in the scenario itself, which holds the scheduler. */
export const classicBugs: readonly Bug[] = classics.map(({ name, find, replace, ...rest }) => ({
  ...rest,
  id: `classic-${name}`,
  scenario: `classic-${name}`,
  edits: [{ file: `sims/zoo/classic-${name}.ts`, find, replace }],
}));
