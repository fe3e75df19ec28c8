/** Runs the cases that every execer keeps, as tests; what an execer cannot do is skipped with its reason. */
import { describe, test } from 'vitest';
import type { MaybePromise } from '../../src/model/maybe-promise.ts';
import type { ExecerAbility, ExecerFixture } from './execer-cases.ts';
import { execerCases } from './execer-cases.ts';

/** For each ability that an execer lacks, the reason why. */
export type ExecerLacks = Readonly<Partial<Record<ExecerAbility, string>>>;

/** `factory` makes a fixture per case, with a grace of `GRACE_MS`. */
export function describeExecer(
  name: string,
  factory: () => MaybePromise<ExecerFixture>,
  lacks: ExecerLacks = {},
): void {
  describe(`${name} keeps the contract of execers`, () => {
    for (const { title, needs, run } of execerCases) {
      const missing = needs.map((ability) => lacks[ability]).find((reason) => reason !== undefined);
      if (missing !== undefined) {
        test.skip(`${title}, because ${missing}`, () => {});
        continue;
      }
      test(title, async () => {
        const fixture = await factory();
        try {
          await run(fixture);
        } finally {
          await fixture.close?.();
        }
      });
    }
  });
}
