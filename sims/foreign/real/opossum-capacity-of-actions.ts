// capacity 1, timeout 20 ms: the first call has timed out, but its function goes on for 100 ms. The second call is let in, so that two functions
// run at once.
import { importForeign, ms, report } from './foreign-package.ts';

interface Opossum {
  readonly default: new (
    action: () => Promise<void>,
    options: { timeout: number; capacity: number; errorThresholdPercentage: number },
  ) => { fire(): Promise<unknown>; shutdown(): void };
}
const { default: CircuitBreaker } = await importForeign<Opossum>('opossum');
let running = 0;
let most = 0;
const breaker = new CircuitBreaker(
  async () => {
    running += 1;
    most = Math.max(most, running);
    await ms(100);
    running -= 1;
  },
  { timeout: 20, capacity: 1, errorThresholdPercentage: 100 },
);
await breaker.fire().catch(() => 'timed out');
await breaker.fire().catch(() => 'timed out');
breaker.shutdown();
report(most === 1, `capacity 1: ${most} functions ran at once`);
