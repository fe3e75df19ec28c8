/**
 * Names the outputs of runs where a line has only the digest of a blob. Invariant: a name is added to a digest that is
 * the output of a run in the same trace, and the rest of a line stays.
 */
import type { ActionOutcome } from '../../model/action.ts';
import { type Digest, shortHash } from '../../model/digest.ts';
import { REMOTE_SERVER } from '../../model/message-text.ts';
import type { TraceEvent } from '../../model/trace-event.ts';

/** An output and the run that has made it. */
interface Named {
  readonly path: string;
  /** `run 0 of lane-1` */
  readonly run: string;
}

const SHORT_DIGEST = /\b([0-9a-f]{8})\b(?:\/\d+)?/g;

/** The outputs of one execution. */
export class OutputNames {
  readonly #byHash = new Map<string, Named[]>();

  constructor(events: readonly { readonly event: TraceEvent }[]) {
    const clients = new Set<string>();
    for (const { event } of events) {
      if (event.type === 'message' && event.to === REMOTE_SERVER) clients.add(event.runner);
    }
    // The same output belongs to the run of a client, which others know, and to that of its worker.
    for (const isOfClient of [true, false]) {
      for (const { event } of events) {
        if (event.type !== 'status' || clients.has(event.runner) !== isOfClient) continue;
        const { runId, actionResult } = event.status;
        if (actionResult?.result === undefined) continue;
        for (const [path, digest] of outputsOf(actionResult.result)) {
          this.#add(digest, { path, run: `run ${runId} of ${event.runner}` });
        }
      }
    }
  }

  /** The line, with the path and the run behind the first mention of each digest of an output; without the run if the line names it. */
  added(line: string): string {
    if (this.#byHash.size === 0) return line;
    const done = new Set<string>();
    return line.replace(SHORT_DIGEST, (digest, hash: string) => {
      const all = this.#byHash.get(hash);
      const first = all?.[0];
      if (first === undefined || done.has(hash)) return digest;
      done.add(hash);
      const own = all?.find(({ run }) => line.includes(run));
      const { path, run } = own ?? first;
      return own === undefined ? `${digest}, ${path} of ${run}` : `${digest}, ${path}`;
    });
  }

  #add(digest: Digest, named: Named): void {
    const hash = shortHash(digest);
    const all = this.#byHash.get(hash);
    if (all === undefined) this.#byHash.set(hash, [named]);
    else all.push(named);
  }
}

function* outputsOf(outcome: ActionOutcome): Generator<readonly [path: string, digest: Digest]> {
  for (const { path, digest } of outcome.outputFiles) yield [path, digest];
  for (const { path, treeDigest } of outcome.outputDirectories) yield [path, treeDigest];
  if (outcome.stdoutDigest !== undefined) yield ['stdout', outcome.stdoutDigest];
  if (outcome.stderrDigest !== undefined) yield ['stderr', outcome.stderrDigest];
}
