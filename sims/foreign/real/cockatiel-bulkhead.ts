// One slot, three calls; the second is aborted while it waits. When the first ends, the second is rejected, and the third is never started:
// a call that is cancelled in the queue does not pass the slot on.
import { importForeign, ms, report } from './foreign-package.ts';

interface Cockatiel {
  readonly bulkhead: (
    limit: number,
    queue: number,
  ) => {
    execute(work: () => Promise<unknown>, signal?: AbortSignal): Promise<unknown>;
  };
}
const { bulkhead } = await importForeign<Cockatiel>('cockatiel');
const policy = bulkhead(1, 2);
const abort = new AbortController();
const first = policy.execute(() => ms(30));
const second = policy.execute(() => ms(1), abort.signal).catch(() => 'aborted');
let isThirdDone = false;
void policy.execute(() => ms(1)).then(() => (isThirdDone = true));
abort.abort();
await Promise.all([first, second]);
await ms(300);
report(isThirdDone, 'the third call waits for ever, with the slot free');
