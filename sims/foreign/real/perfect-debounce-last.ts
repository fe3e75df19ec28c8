// wait 50, the function takes 120 ms. A call while it runs is to be made up for after it. It is not, if the timer of an earlier call has
// been set anew meanwhile: that one runs with its own arguments and drops those of the last call.
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
