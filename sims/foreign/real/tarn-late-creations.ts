// max 1: the first creation takes longer than createTimeoutMillis, so that a second one is begun. When the first one comes after all, its resource
// is there beside the second, until it is destroyed.
import { importForeign, ms, report } from './foreign-package.ts';

interface Tarn {
  readonly Pool: new (options: {
    create: () => Promise<object>;
    destroy: () => Promise<void>;
    min: number;
    max: number;
    createTimeoutMillis: number;
    createRetryIntervalMillis: number;
    acquireTimeoutMillis: number;
    propagateCreateError: boolean;
  }) => {
    acquire(): { readonly promise: Promise<object> };
    release(resource: object): void;
    destroy(): Promise<void>;
  };
}
const { Pool } = await importForeign<Tarn>('tarn');
let creations = 0;
let alive = 0;
let most = 0;
const pool = new Pool({
  async create() {
    creations += 1;
    await ms(creations === 1 ? 100 : 1);
    alive += 1;
    most = Math.max(most, alive);
    return {};
  },
  destroy() {
    alive -= 1;
    return Promise.resolve();
  },
  ...{ min: 0, max: 1, createTimeoutMillis: 30, createRetryIntervalMillis: 10 },
  ...{ acquireTimeoutMillis: 1_000, propagateCreateError: false },
});
const resource = await pool.acquire().promise;
await ms(150);
pool.release(resource);
await pool.destroy();
report(most === 1, `max 1: ${most} resources were there at once`);
