// noOverlap, each second, a job of 2.5 s: stopped and started again while the job runs, the task runs it a second time beside the first.
import { importForeign, ms, report } from './foreign-package.ts';

interface NodeCron {
  readonly default: {
    schedule(
      pattern: string,
      job: () => Promise<void>,
      options: { noOverlap: boolean },
    ): { stop(): unknown; start(): unknown };
  };
}
const { default: cron } = await importForeign<NodeCron>('node-cron');
let running = 0;
let most = 0;
const job = async (): Promise<void> => {
  running += 1;
  most = Math.max(most, running);
  await ms(2_500);
  running -= 1;
};
const task = cron.schedule('* * * * * *', job, { noOverlap: true });
while (running === 0) await ms(10);
await task.stop();
await task.start();
await ms(2_000);
report(most === 1, `${most} runs at once`);
