// max 1: while the destruction of the only resource takes its time, the next one is created, so that two are there.
import { importForeign, ms, report } from './foreign-package.ts';

interface GenericPool {
  readonly default: {
    createPool(
      factory: { create(): Promise<object>; destroy(): Promise<void> },
      options: { max: number },
    ): { acquire(): Promise<object>; destroy(resource: object): Promise<void> };
  };
}
const {
  default: { createPool },
} = await importForeign<GenericPool>('generic-pool');
let alive = 0;
let most = 0;
const pool = createPool(
  {
    create() {
      alive += 1;
      most = Math.max(most, alive);
      return Promise.resolve({});
    },
    async destroy() {
      await ms(50);
      alive -= 1;
    },
  },
  { max: 1 },
);
const resource = await pool.acquire();
const next = pool.acquire();
void pool.destroy(resource);
await next;
report(most === 1, `max 1: ${most} resources were there at once`);
