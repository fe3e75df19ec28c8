// timeout 50, and a condition that takes a second: the promise does not reject before the condition has come back, and resolves if that is
// true.
import { importForeign, ms, report } from './foreign-package.ts';

interface PWaitFor {
  readonly default: (condition: () => Promise<boolean>, options: { timeout: number }) => Promise<unknown>;
}
const { default: pWaitFor } = await importForeign<PWaitFor>('p-wait-for');
const began = performance.now();
const end = await pWaitFor(() => ms(500).then(() => true), { timeout: 50 }).then(
  () => 'resolved',
  () => 'rejected',
);
const took = Math.round(performance.now() - began);
report(took < 300, `timeout 50: ${end} after ${took} ms`);
