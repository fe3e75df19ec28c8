// maxSize 2. Key a is set anew after it has become one of the older half; when that half goes, onEviction is called with the first value of a,
// which is still there with its second one.
import { importForeign, report } from './foreign-package.ts';

interface QuickLruPackage {
  readonly default: new (options: { maxSize: number; onEviction: (key: string, value: number) => void }) => {
    set(key: string, value: number): unknown;
    get(key: string): number | undefined;
  };
}
const { default: QuickLRU } = await importForeign<QuickLruPackage>('quick-lru');
const evicted: string[] = [];
const cache = new QuickLRU({
  maxSize: 2,
  onEviction: (key, value) => void evicted.push(`${key} with ${value}`),
});
cache.set('a', 1);
cache.set('b', 2);
cache.set('a', 3);
cache.set('c', 4);
const kept = cache.get('a');
report(
  !(kept === 3 && evicted.includes('a with 1')),
  `evicted: ${evicted.join(', ')}; and a is there with ${kept}`,
);
