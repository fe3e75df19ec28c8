// throttle(…, 50): two calls at 0, of which the second runs at 50, and a third just after 50. It runs at once, as 50 ms have passed since
// the last call, though none since the last invocation.
import { importForeign, ms, report } from './foreign-package.ts';

interface Lodash {
  readonly default: { throttle(listener: () => void, wait: number): () => void };
}
const {
  default: { throttle },
} = await importForeign<Lodash>('lodash');
const times: number[] = [];
const throttled = throttle(() => void times.push(Math.round(performance.now())), 50);
throttled();
throttled();
await ms(60);
throttled();
await ms(100);
const gap = (times[2] ?? 0) - (times[1] ?? 0);
report(times.length < 3 || gap >= 49, `invoked ${gap} ms apart, at most once per 50 ms is promised`);
