/** Packages that run jobs at times of the calendar. Times of `Date` in UTC; a job is never early, never doubled, never left out. */
import { passes, pauses, promised, type ForeignScenario, type Judgement } from './promised.ts';
import { rarely } from '../zoo/odds.ts';
import type { Simulation } from 'dryrunner';

/** Checks that a job that is due each second ran once in each of `seconds`, and at most `lateMs` after it. */
function checkSeconds(
  sim: Simulation,
  runs: readonly number[],
  fromMs: number,
  toMs: number,
  lateMs = 0,
): void {
  const seconds = runs.map((at) => Math.floor(at / 1000));
  const doubled = seconds.find((second, index) => seconds.indexOf(second) !== index);
  sim.check(doubled === undefined, `the job of second ${(doubled ?? 0) % 60} ran twice`);
  for (const at of runs) {
    sim.check(
      at % 1000 <= lateMs,
      `the job of second ${Math.floor(at / 1000) % 60} ran ${at % 1000} ms late`,
    );
  }
  for (let due = Math.ceil(fromMs / 1000); due * 1000 <= toMs; due += 1) {
    sim.check(seconds.includes(due), `the job of second ${due % 60} did not run`);
  }
}

interface Job {
  stop(): void;
  pause(): boolean;
  resume(): boolean;
  isBusy(): boolean;
}
interface Croner {
  readonly Cron: new (
    pattern: string,
    options: { timezone: string; protect?: boolean; maxRuns?: number; interval?: number; catch?: boolean },
    job: () => unknown,
  ) => Job;
}

export const cronerSeconds: ForeignScenario = promised<Croner>({
  package: 'croner',
  name: 'croner-seconds',
  says: 'triggers the function at each time of the pattern, once; stop ends it',
  leftovers: 'fail',
  async run(sim, { Cron }) {
    await pauses(sim, 'start', [0, 1, 500, 999]);
    const runs: number[] = [];
    const from = Date.now() + 1;
    const job = new Cron('* * * * * *', { timezone: 'UTC' }, () => void runs.push(Date.now()));
    await passes(5_500);
    job.stop();
    const to = Date.now();
    await passes(2_000);
    sim.check(
      runs.every((at) => at <= to),
      'the job ran after it was stopped',
    );
    checkSeconds(sim, runs, from, to - 1);
  },
});

export const cronerProtect: ForeignScenario = promised<Croner>({
  package: 'croner',
  name: 'croner-protect',
  says: 'protect blocks new triggers as long as an old one is in progress; pausing stops triggers and resuming starts them again',
  leftovers: 'fail',
  async run(sim, { Cron }) {
    let running = 0;
    let runs = 0;
    const job = new Cron('* * * * * *', { timezone: 'UTC', protect: true }, async () => {
      running += 1;
      runs += 1;
      sim.check(running === 1, `${running} runs at once`);
      await pauses(sim, 'work', [0, 500, 1000, 1500, 2000]);
      running -= 1;
    });
    await passes(2_500);
    const pauseMs = sim.pick('pause', [0, 1000, 1500]);
    if (pauseMs > 0) {
      job.pause();
      const before = runs;
      await passes(pauseMs);
      sim.check(runs === before, `it was paused, and ran ${runs - before} times`);
      job.resume();
    }
    await passes(5_500);
    job.stop();
    sim.check(runs >= 2, `in 8 s it ran ${runs} times`);
    await passes(3_000);
  },
});

export const cronerMaxRuns: ForeignScenario = promised<Croner>({
  package: 'croner',
  name: 'croner-interval',
  says: 'maxRuns is how often it runs at most; interval is the minimum number of seconds between triggers',
  leftovers: 'fail',
  async run(sim, { Cron }) {
    await pauses(sim, 'start', [0, 1, 500, 999]);
    const maxRuns = sim.pick('runs', [1, 2, 4]);
    const interval = sim.pick('interval', [0, 2, 3]);
    const runs: number[] = [];
    const job = new Cron(
      '* * * * * *',
      { timezone: 'UTC', maxRuns, interval },
      () => void runs.push(Date.now()),
    );
    await passes(15_000);
    job.stop();
    sim.check(runs.length === maxRuns, `maxRuns ${maxRuns}: ran ${runs.length} times`);
    runs.slice(1).forEach((at, index) => {
      const gap = at - (runs[index] ?? 0);
      sim.check(gap >= interval * 1000, `interval ${interval}: triggered ${gap} ms apart`);
    });
  },
});

const say = (): void => undefined;
const SILENT = { info: say, warn: say, error: say, debug: say };

interface NodeCronTask {
  stop(): void | Promise<void>;
  start(): void | Promise<void>;
  destroy(): void | Promise<void>;
}
interface NodeCron {
  readonly default: {
    getTasks(): Map<string, NodeCronTask>;
    schedule(
      pattern: string,
      job: () => unknown,
      options: {
        timezone: string;
        noOverlap?: boolean;
        logger?: object;
        maxExecutions?: number;
        name?: string;
      },
    ): NodeCronTask;
  };
}

/** The package keeps all tasks in its module, also those of an execution that failed before it could destroy them. */
async function endOthers(tasks: Iterable<NodeCronTask>): Promise<void> {
  for (const task of [...tasks]) await task.destroy();
}

export const nodeCronSeconds: ForeignScenario = promised<NodeCron>({
  package: 'node-cron',
  name: 'node-cron-seconds',
  says: 'runs the task at each time of the pattern, once; stop pauses it and destroy removes it',
  leftovers: 'fail',
  async run(sim, { default: cron }) {
    await endOthers(cron.getTasks().values());
    await pauses(sim, 'start', [0, 1, 500, 999]);
    const runs: number[] = [];
    const from = Date.now() + 1;
    const task = cron.schedule('* * * * * *', () => void runs.push(Date.now()), {
      timezone: 'UTC',
      name: 'seconds',
    });
    await passes(5_500);
    await task.destroy();
    const to = Date.now();
    await passes(2_000);
    sim.check(
      runs.every((at) => at <= to),
      'the task ran after it was destroyed',
    );
    checkSeconds(sim, runs, from, to - 1);
  },
});

export const nodeCronOverlap: ForeignScenario = promised<NodeCron>({
  package: 'node-cron',
  name: 'node-cron-overlap',
  judged: { judgement: 'bug', of: /^\d+ runs at once$/ },
  says: 'noOverlap skips a run while the previous one is still active; stop pauses and start resumes',
  leftovers: 'fail',
  async run(sim, { default: cron }) {
    await endOthers(cron.getTasks().values());
    let running = 0;
    let runs = 0;
    const task = cron.schedule(
      '* * * * * *',
      async () => {
        running += 1;
        runs += 1;
        sim.check(running === 1, `${running} runs at once`);
        await pauses(sim, 'work', [0, 500, 1000, 1500, 2000]);
        running -= 1;
      },
      { timezone: 'UTC', noOverlap: true, name: 'overlap', logger: SILENT },
    );
    await passes(2_500);
    if (rarely(sim, 'stop', 2)) {
      await task.stop();
      const before = runs;
      await pauses(sim, 'stopped', [1000, 1500]);
      sim.check(runs === before, `it was stopped, and ran ${runs - before} times`);
      await task.start();
    }
    await passes(5_500);
    await task.destroy();
    sim.check(runs >= 2, `in 8 s it ran ${runs} times`);
    await passes(3_000);
  },
});

interface NodeSchedule {
  readonly default: {
    readonly scheduledJobs: Readonly<Record<string, { cancel(): boolean }>>;
    scheduleJob(
      rule: string | Date,
      job: () => unknown,
    ): { cancel(): boolean; cancelNext(): boolean; reschedule(rule: string): boolean };
    gracefulShutdown(): Promise<void>;
  };
}

export const nodeScheduleSeconds: ForeignScenario = promised<NodeSchedule>({
  package: 'node-schedule',
  name: 'node-schedule-seconds',
  says: 'invokes the job at each time of the rule, once; cancel ends it, and cancels all planned invocations',
  leftovers: 'fail',
  async run(sim, { default: schedule }) {
    for (const job of Object.values(schedule.scheduledJobs)) job.cancel();
    await pauses(sim, 'start', [0, 1, 500, 999]);
    const runs: number[] = [];
    const from = Date.now() + 1;
    const job = schedule.scheduleJob('* * * * * *', () => void runs.push(Date.now()));
    await passes(5_500);
    job.cancel();
    const to = Date.now();
    await passes(2_000);
    sim.check(
      runs.every((at) => at <= to),
      'the job was invoked after it was cancelled',
    );
    checkSeconds(sim, runs, from, to - 1);
  },
});

export const nodeScheduleDates: ForeignScenario = promised<NodeSchedule>({
  package: 'node-schedule',
  name: 'node-schedule-dates',
  says: 'a job of a date is invoked once, at that date; cancelled ones are not',
  leftovers: 'fail',
  async run(sim, { default: schedule }) {
    for (const job of Object.values(schedule.scheduledJobs)) job.cancel();
    const due = [1, 2, 3, 4].map(() => sim.pick('due', [1000, 500, 1500, 2000]));
    const began = Date.now();
    const ran: { index: number; at: number }[] = [];
    const jobs = due.map((ms, index) =>
      schedule.scheduleJob(new Date(began + ms), () => void ran.push({ index, at: Date.now() - began })),
    );
    const cancelled = sim.choose('cancel', 5, (answer) => (answer === 0 ? 'none' : `job ${answer - 1}`)) - 1;
    await passes(sim.pick('cancel after', [100, 700]));
    const isCancelled = cancelled >= 0 && (due[cancelled] ?? 0) > Date.now() - began;
    if (isCancelled) jobs[cancelled]?.cancel();
    await passes(3_000);
    due.forEach((ms, index) => {
      const runs = ran.filter((each) => each.index === index);
      const expected = isCancelled && index === cancelled ? 0 : 1;
      sim.check(
        runs.length === expected,
        `job ${index} of ${ms} ms: expected ${expected} runs, got ${runs.length}`,
      );
      // Jobs of one date run one after the other, a timer of 1 ms apart.
      const late = (runs[0]?.at ?? ms) - ms;
      sim.check(late >= 0 && late <= due.length, `job ${index} of ${ms} ms ran ${late} ms late`);
    });
  },
});

interface Cron {
  readonly CronJob: {
    from(options: {
      cronTime: string;
      onTick: () => unknown;
      start: boolean;
      timeZone: string;
      waitForCompletion?: boolean;
    }): { stop(): unknown; start(): void };
  };
}

export const cronSeconds: ForeignScenario = promised<Cron>({
  package: 'cron',
  name: 'cron-seconds',
  says: 'fires the function at each time of the pattern, once; stop ends it',
  leftovers: 'fail',
  async run(sim, { CronJob }) {
    await pauses(sim, 'start', [0, 1, 500, 999]);
    const runs: number[] = [];
    const from = Date.now() + 1;
    const job = CronJob.from({
      cronTime: '* * * * * *',
      onTick: () => void runs.push(Date.now()),
      start: true,
      timeZone: 'UTC',
    });
    await passes(5_500);
    await job.stop();
    const to = Date.now();
    await passes(2_000);
    sim.check(
      runs.every((at) => at <= to),
      'the job fired after it was stopped',
    );
    checkSeconds(sim, runs, from, to - 1);
  },
});

export const cronCompletion: ForeignScenario = promised<Cron>({
  package: 'cron',
  name: 'cron-completion',
  says: 'waitForCompletion: no additional instances start until the current onTick has completed; stop waits for it',
  leftovers: 'fail',
  async run(sim, { CronJob }) {
    let running = 0;
    let runs = 0;
    const job = CronJob.from({
      cronTime: '* * * * * *',
      start: true,
      timeZone: 'UTC',
      waitForCompletion: true,
      async onTick() {
        running += 1;
        runs += 1;
        sim.check(running === 1, `${running} runs at once`);
        await pauses(sim, 'work', [0, 500, 1000, 1500, 2000]);
        running -= 1;
      },
    });
    await passes(5_500);
    await job.stop();
    sim.check(running === 0, 'stop came back while onTick was running');
    sim.check(runs >= 2, `in 5 s it ran ${runs} times`);
    await passes(3_000);
  },
});

/** A job that is due each second, with a clock that is not quite right: in each second it runs once, also if `Date` is a millisecond behind. */
function onceScenario<Package>(
  specifier: string,
  start: (imported: Package, job: () => void) => () => unknown,
  judgement?: Judgement,
): ForeignScenario {
  return promised<Package>({
    package: specifier,
    name: `${specifier}-date-behind`,
    says: 'runs the job once at each time of the pattern, also where a timer fires while Date is still a millisecond behind, as in Node it can be',
    ...(judgement === undefined ? {} : { judgement }),
    faults: { dateBehind: { oneIn: 3 } },
    async run(sim, imported) {
      await pauses(sim, 'start', [0, 1, 500, 999]);
      const seconds: number[] = [];
      const stop = start(imported, () => void seconds.push(Math.round(Date.now() / 1000)));
      await passes(8_500);
      await stop();
      const doubled = seconds.find((second, index) => seconds.indexOf(second) !== index);
      sim.check(doubled === undefined, `the job of second ${(doubled ?? 0) % 60} ran twice`);
      sim.check(seconds.length >= 7, `in 8.5 s it ran ${seconds.length} times`);
    },
  });
}

export const cronerDateBehind: ForeignScenario = onceScenario<Croner>('croner', ({ Cron: Job }, run) => {
  const job = new Job('* * * * * *', { timezone: 'UTC' }, run);
  return () => job.stop();
});

export const nodeCronDateBehind: ForeignScenario = onceScenario<NodeCron>(
  'node-cron',
  ({ default: cron }, run) => {
    for (const task of cron.getTasks().values()) void task.destroy();
    const task = cron.schedule('* * * * * *', run, { timezone: 'UTC', name: 'once', logger: SILENT });
    return () => task.destroy();
  },
);

export const nodeScheduleDateBehind: ForeignScenario = onceScenario<NodeSchedule>(
  'node-schedule',
  ({ default: schedule }, run) => {
    for (const job of Object.values(schedule.scheduledJobs)) job.cancel();
    const job = schedule.scheduleJob('* * * * * *', run);
    return () => job.cancel();
  },
);

export const cronDateBehind: ForeignScenario = onceScenario<Cron>('cron', ({ CronJob }, onTick) => {
  const job = CronJob.from({ cronTime: '* * * * * *', onTick, start: true, timeZone: 'UTC' });
  return () => job.stop();
});
