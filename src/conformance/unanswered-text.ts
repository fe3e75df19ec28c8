/**
 * The sentence about a call in flight, such as `abort(run 3) of my queue, called at 10 ms, has no answer`. Without a
 * clock, `when` gives the number of the call in the case instead.
 */
export function unansweredText(call: string, callee: string, when: string): string {
  return `${call} of ${callee}, ${when}, has no answer`;
}
