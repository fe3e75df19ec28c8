// intervalCap 3 per 100 ms: one task, and nine more 50 ms later. The timer that resumes at the end of the window often fires in just that
// millisecond; the check for it says «not over yet», so a timer of 1 ms is set beside the interval, and both let through a whole cap.
import { importForeign, ms, report } from './foreign-package.ts';

interface PQueue {
  readonly default: new (options: { intervalCap: number; interval: number }) => {
    add(task: () => void): Promise<unknown>;
    onIdle(): Promise<void>;
  };
}
const { default: Queue } = await importForeign<PQueue>('p-queue');
let most = 0;
let shown = '';
for (let round = 0; round < 30 && most <= 6; round += 1) {
  const queue = new Queue({ intervalCap: 3, interval: 100 });
  const starts: number[] = [];
  const add = (): void => void queue.add(() => void starts.push(Math.round(performance.now())));
  add();
  await ms(50);
  for (let count = 0; count < 9; count += 1) add();
  await queue.onIdle();
  const [zero = 0] = starts;
  most = Math.max(
    ...starts.map((from) => starts.filter((start) => start >= from && start < from + 98).length),
  );
  shown = starts.map((start) => start - zero).join(', ');
}
report(most <= 6, `${most} tasks started within 98 ms, at ${shown} ms`);
