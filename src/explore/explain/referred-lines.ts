/**
 * The line to which another one refers: that a run was accepted, for all that happens to the run, and what was acquired,
 * for its end. A reader cannot follow a line about something of which the history has not said that it began.
 */
import { Thing, Topic } from '../../kernel/question.ts';
import { tagsOf } from '../../model/command.ts';
import { runIdIn, type TraceEvent } from '../../model/trace-event.ts';
import type { HistoryCandidate } from './history-candidate.ts';
import type { RunIndex } from './run-index.ts';

type Accepted = Extract<TraceEvent, { readonly type: 'accepted' }>;

/** See the top of the file. */
export class ReferredLines {
  readonly #index: RunIndex;
  readonly #places = new Map<TraceEvent, number>();
  /** By runner and id, by id alone, and by the names of their jobs: those of one name in order. */
  readonly #accepted = new Map<string, number[]>();
  readonly #all: readonly HistoryCandidate[];

  /** `all` are the candidates of the run, in chronological order. */
  constructor(all: readonly HistoryCandidate[], index: RunIndex) {
    this.#all = all;
    this.#index = index;
    all.forEach(({ event }, at) => {
      if (event === undefined) return;
      this.#places.set(event, at);
      if (event.type !== 'accepted') return;
      for (const name of namesOf(event)) {
        const places = this.#accepted.get(name);
        if (places === undefined) this.#accepted.set(name, [at]);
        else places.push(at);
      }
    });
  }

  /** The place of the line to which that one refers; undefined if it refers to none, or if that is no candidate. */
  of(at: number): number | undefined {
    const { event, topic } = this.#all[at] ?? {};
    const begin = event === undefined ? undefined : this.#index.held.begins.get(event);
    if (begin !== undefined) return this.#places.get(begin);
    const runId = event === undefined ? undefined : runIdIn(event);
    const found =
      event === undefined || runId === undefined || runId === ''
        ? topic === undefined
          ? undefined
          : this.#ofTopic(topic, at)
        : (this.#last([event.runner, runId].join('\n'), at) ?? this.#only(runId, at));
    return found === at ? undefined : found;
  }

  #ofTopic({ subject }: Topic, at: number): number | undefined {
    if (subject instanceof Topic) return this.#ofTopic(subject, at);
    if (!(subject instanceof Thing)) return this.#last(`job ${subject}`, at);
    if (subject.type !== 'run') return undefined;
    return this.#last([subject.home, subject.id].join('\n'), at) ?? this.#only(subject.id, at);
  }

  /** The run of that id, if there is only one: a runner around another one hands the ids of that on. */
  #only(runId: string, at: number): number | undefined {
    return this.#index.sharedRunIds.has(runId) ? undefined : this.#last(`run ${runId}`, at);
  }

  /** The last one before the line. */
  #last(name: string, at: number): number | undefined {
    return this.#accepted.get(name)?.findLast((place) => place <= at);
  }
}

function namesOf({ runner, runId, command }: Accepted): ReadonlySet<string> {
  const { jobId, taskId, tag } = tagsOf(command);
  const jobs = [jobId, taskId, tag].filter((name) => name !== '').map((name) => `job ${name}`);
  return new Set([[runner, runId].join('\n'), `run ${runId}`, ...jobs]);
}
