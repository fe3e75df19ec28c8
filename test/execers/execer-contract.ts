/** Runs the cases that every execer keeps, as tests; what an execer cannot do is skipped with its reason. */
import { execerCases, type ExecerSubject, type ExecerUnderTest } from '../../src/conformance/execer-cases.ts';
import type { MaybePromise } from '../../src/model/maybe-promise.ts';
import { describeRunner } from '../../src/vitest/describe-runner.ts';

/** `create` makes an execer per case, with a grace of `EXECER_GRACE_MS`. */
export function describeExecer(
  name: string,
  create: () => MaybePromise<ExecerUnderTest>,
  lacks: NonNullable<ExecerSubject['lacks']> = {},
): void {
  describeRunner({ name: `${name} keeps the contract of execers`, create, lacks }, execerCases);
}
