// One token a second, and seven requests at once.
import { importForeign, report } from './foreign-package.ts';

interface Flexible {
  readonly RateLimiterMemory: new (options: { points: number; duration: number }) => object;
  readonly RateLimiterQueue: new (limiter: object) => { removeTokens(tokens: number): Promise<number> };
}
const { RateLimiterMemory, RateLimiterQueue } = await importForeign<Flexible>('rate-limiter-flexible');
const queues = Array.from({ length: 40 }, () => new RateLimiterQueue(new RateLimiterMemory({ points: 1, duration: 1 })));
const orders = await Promise.all(
  queues.map(async (queue) => {
    const order: number[] = [];
    const take = (id: number): Promise<unknown> => queue.removeTokens(1).then(() => order.push(id));
    await Promise.all([0, 1, 2, 3, 4, 5, 6].map(take));
    return order.join();
  }),
);
const wrong = orders.filter((order) => order !== '0,1,2,3,4,5,6');
report(wrong.length === 0, `${wrong.length} of 40 queues: for example ${wrong[0]}`);
