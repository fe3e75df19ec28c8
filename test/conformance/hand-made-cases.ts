// What tests of the suite itself are made of: cases of their own, a list of results, a service that nobody should ask.
import type { CaseContext } from '../../src/conformance/case-context.ts';
import { ConformanceCase, type CaseSpec } from '../../src/conformance/conformance-case.ts';
import { runConformance, type CaseResult } from '../../src/conformance/run-conformance.ts';
import type { ConformanceSubject } from '../../src/conformance/subject.ts';
import type { Service } from '../../src/model/service.ts';

export async function resultsOf(
  subject: ConformanceSubject,
  cases: readonly ConformanceCase[],
  more: { readonly seeds?: readonly number[]; readonly concurrency?: number } = { seeds: [1] },
): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for await (const result of runConformance(subject, { ...more, cases })) results.push(result);
  return results;
}

export const caseOf = (
  run: (t: CaseContext) => Promise<void> | void,
  more: Partial<CaseSpec> = {},
): ConformanceCase =>
  new ConformanceCase('group', { title: 'R1 R22 D3 a case', ...more, run: async (t) => run(t) });

const nothing = (): Promise<never> => Promise.reject(new Error('not asked for'));
export const noService: Service = {
  run: nothing,
  abort: nothing,
  release: nothing,
  query: nothing,
  queryNow: nothing,
  status: nothing,
  statusAll: nothing,
};
