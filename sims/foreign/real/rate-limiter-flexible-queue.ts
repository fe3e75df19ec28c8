// One token a second, and seven requests that come a promise reaction apart. A request joins the queue only once its own attempt has been
// rejected, some reactions later; one that comes meanwhile finds the queue begun, and joins it at once, before those.
import { importForeign, report } from './foreign-package.ts';

interface Flexible {
  readonly RateLimiterMemory: new (options: { points: number; duration: number }) => object;
  readonly RateLimiterQueue: new (limiter: object) => { removeTokens(tokens: number): Promise<number> };
}
const { RateLimiterMemory, RateLimiterQueue } = await importForeign<Flexible>('rate-limiter-flexible');
const queue = new RateLimiterQueue(new RateLimiterMemory({ points: 1, duration: 1 }));
const order: number[] = [];
const requests: Promise<unknown>[] = [];
for (let id = 0; id < 7; id += 1) {
  await Promise.resolve();
  requests.push(queue.removeTokens(1).then(() => order.push(id)));
}
await Promise.all(requests);
report(order.join() === '0,1,2,3,4,5,6', `requests 0 to 6 were let through as ${order.join()}`);
