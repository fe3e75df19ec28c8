// Calls with 0, 1, 2, … every 20 ms, wait 50, maxWait 100: when maxWait ends, the function gets the arguments of the first call of the
// burst, and the timer that would bring the last ones has been cleared.
import { importForeign, ms, report } from './foreign-package.ts';

interface DebounceFn {
  readonly default: (
    listener: (value: number) => void,
    options: { wait: number; maxWait: number },
  ) => (value: number) => void;
}
const { default: debounceFn } = await importForeign<DebounceFn>('debounce-fn');
const runs: number[] = [];
const debounced = debounceFn((value) => void runs.push(value), { wait: 50, maxWait: 100 });
for (let value = 0; value < 5; value += 1) {
  debounced(value);
  await ms(20);
}
await ms(300);
report(runs.at(-1) === 4, `5 calls with 0 to 4, and it ran with ${runs.join()}`);
