/**
 * The sentence about a call that nobody has answered, as in `abort(run 3) of my queue, called at 10 ms, has no answer`; where no clock is known,
 * `when` is which call of the case it was.
 */
export function unansweredText(call: string, callee: string, when: string): string {
  return `${call} of ${callee}, ${when}, has no answer`;
}
