/**
 * Names the outputs of runs where a line has only the digest of a blob. Invariants: a name is added to a digest that is
 * the output of a run in the same trace, and the rest of a line stays; where several outputs have that digest, the name
 * has only what they have in common.
 */
import type { ActionOutcome } from '../../model/action.ts';
import { type Digest, shortHash } from '../../model/digest.ts';
import { REMOTE_SERVER } from '../../model/message-text.ts';
import { counted } from '../../model/plural.ts';
import type { TraceEvent } from '../../model/trace-event.ts';

/** An output and the run that has made it. */
interface Output {
  readonly path: string;
  readonly runId: string;
  readonly runner: string;
  /** True for the run of a client: its worker has another one with the same outputs, which is less known. */
  readonly isOfClient: boolean;
}

const SHORT_DIGEST = /\b([0-9a-f]{8})\b(?:\/\d+)?/g;
const RUN = /\brun (\S+) of /g;
/** What may stand behind the name of a runner, so that `lane-1` is not found in `lane-12`. */
const NAME_ENDS = /^(?![\w-]|\.\w)/;

/** The outputs of one execution. */
export class OutputNames {
  readonly #byHash = new Map<string, SameOutputs>();

  constructor(events: readonly { readonly event: TraceEvent }[]) {
    const clients = new Set<string>();
    for (const { event } of events) {
      if (event.type === 'message' && event.to === REMOTE_SERVER) clients.add(event.runner);
    }
    for (const { event } of events) {
      if (event.type !== 'status') continue;
      const { runner, status } = event;
      const { runId, actionResult } = status;
      if (actionResult?.result === undefined) continue;
      const isOfClient = clients.has(runner);
      for (const [path, digest] of outputsOf(actionResult.result)) {
        // Nearly every run has an empty output.
        if (digest.sizeBytes > 0) this.#sameAs(digest).add({ path, runId, runner, isOfClient });
      }
    }
  }

  /** The line, with the path and the run behind the first mention of each digest of an output; without the run if the line names it. */
  added(line: string): string {
    if (this.#byHash.size === 0) return line;
    const done = new Set<string>();
    return line.replace(SHORT_DIGEST, (digest, hash: string) => {
      const outputs = this.#byHash.get(hash);
      if (outputs === undefined || done.has(hash)) return digest;
      done.add(hash);
      return `${digest}, ${outputs.nameIn(line)}`;
    });
  }

  #sameAs(digest: Digest): SameOutputs {
    const hash = shortHash(digest);
    const known = this.#byHash.get(hash);
    if (known !== undefined) return known;
    const made = new SameOutputs();
    this.#byHash.set(hash, made);
    return made;
  }
}

/** The outputs with one digest. */
class SameOutputs {
  readonly #byRunId = new Map<string, Output[]>();
  #name: string | undefined;

  add(output: Output): void {
    const others = this.#byRunId.get(output.runId);
    if (others === undefined) this.#byRunId.set(output.runId, [output]);
    else others.push(output);
  }

  nameIn(line: string): string {
    const own = this.#ofRunsIn(line);
    return own.length > 0 ? pathOf(own) : (this.#name ??= this.#nameAlone());
  }

  #ofRunsIn(line: string): readonly Output[] {
    return Array.from(line.matchAll(RUN)).flatMap(({ 0: mention, 1: runId = '', index }) => {
      const rest = line.slice(index + mention.length);
      const isNamed = ({ runner }: Output): boolean =>
        rest.startsWith(runner) && NAME_ENDS.test(rest.slice(runner.length));
      return (this.#byRunId.get(runId) ?? []).filter(isNamed);
    });
  }

  #nameAlone(): string {
    const all = [...this.#byRunId.values()].flat();
    const ofClients = all.filter(({ isOfClient }) => isOfClient);
    const outputs = ofClients.length > 0 ? ofClients : all;
    const [run = '', ...otherRuns] = new Set(outputs.map(({ runId, runner }) => `run ${runId} of ${runner}`));
    return `${pathOf(outputs)} of ${otherRuns.length === 0 ? run : counted(otherRuns.length + 1, 'run')}`;
  }
}

/** The path that all of them have. */
function pathOf(outputs: readonly Output[]): string {
  const [path = '', ...others] = new Set(outputs.map((output) => output.path));
  return others.length === 0 ? path : 'an output';
}

function* outputsOf(outcome: ActionOutcome): Generator<readonly [path: string, digest: Digest]> {
  for (const { path, digest } of outcome.outputFiles) yield [path, digest];
  for (const { path, treeDigest } of outcome.outputDirectories) yield [path, treeDigest];
  if (outcome.stdoutDigest !== undefined) yield ['stdout', outcome.stdoutDigest];
  if (outcome.stderrDigest !== undefined) yield ['stderr', outcome.stderrDigest];
}
