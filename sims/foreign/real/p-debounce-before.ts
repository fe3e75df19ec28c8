// before: true, wait 50, and the function takes 100 ms. The second call is answered when the wait is over, with what the first has brought
// so far, which is nothing.
import { importForeign, ms, report } from './foreign-package.ts';

interface PDebounce {
  readonly default: (
    action: (value: number) => Promise<number>,
    wait: number,
    options: { before: boolean },
  ) => (value: number) => Promise<unknown>;
}
const { default: pDebounce } = await importForeign<PDebounce>('p-debounce');
const debounced = pDebounce(
  async (value) => {
    await ms(100);
    return value;
  },
  50,
  { before: true },
);
const results = await Promise.all([debounced(1), debounced(2)]);
report(
  results[1] === 1,
  `two calls of one burst resolve with ${String(results[0])} and ${String(results[1])}`,
);
