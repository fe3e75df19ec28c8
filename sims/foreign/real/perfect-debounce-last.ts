// wait 50, leading: the first of two calls at once runs at once, and the second one, the last, is to run after the wait. It never does.
import { importForeign, ms, report } from './foreign-package.ts';

interface PerfectDebounce {
  readonly debounce: (
    action: (value: number) => Promise<void>,
    wait: number,
    options: { leading: boolean },
  ) => (value: number) => Promise<unknown>;
}
const { debounce } = await importForeign<PerfectDebounce>('perfect-debounce');
const runs: number[] = [];
const debounced = debounce(
  async (value) => {
    runs.push(value);
    await ms(20);
  },
  50,
  { leading: true },
);
void debounced(0);
void debounced(1);
await ms(300);
report(runs.at(-1) === 1, `calls with 0 and 1, and it ran with ${runs.join()}`);
