/**
 * Which runs and runners a failure is about: those that its text names, or those that the decisions that led to it are about. Invariant: only what the trace
 * knows counts, so that a number in a message is not taken for a run.
 */
import { tagsOf } from '../../model/command.ts';
import { Topic } from '../../kernel/question.ts';
import { runIdIn, type TraceEvent } from '../../model/trace-event.ts';
import { factsOf } from '../../simulation/failure-fact.ts';
import type { Failure } from '../../simulation/verdict.ts';
import { nameWords } from './name-words.ts';
import type { ObservedRun } from './observed-run.ts';

/** A question about a trace event. */
export type IsAbout = (event: TraceEvent) => boolean;

/** `run 3 on runner-7`: whose run it is stands behind it. */
const PLACED_RUN = /\brun (\S+) (?:on|of) ([^\s,;:]*[^\s,;:.])/gu;

/** What the failure names; if it names nothing, what the decisions name; if they name nothing either, everything. */
export function subjectsOf(run: ObservedRun, failure: Failure): IsAbout {
  const events = run.events.map(({ event }) => event);
  const text = textOf(failure);
  const topics = run.decisions.flatMap(({ question, answer }) => (answer > 0 ? [question.topic] : []));
  return aboutNamed(events, text) ?? aboutTopics(events, topics) ?? (() => true);
}

function textOf(failure: Failure): string {
  return [failure.message, ...factsOf(failure).map(({ text }) => text)].join('\n');
}

/** What a failure says, in words that may be names. */
export function wordsOf(failure: Failure): ReadonlySet<string> {
  return new Set(nameWords(textOf(failure)));
}

function aboutTopics(events: readonly TraceEvent[], topics: readonly Topic[]): IsAbout | undefined {
  const named = new Set<string>();
  const runIds = new Set<string>();
  const tagged = new Set<string>();
  const take = ({ owner, subject }: Topic): void => {
    for (const part of [owner, subject]) {
      if (part instanceof Topic) take(part);
      else if (typeof part === 'string') named.add(part);
      else if (part.type === 'run') runIds.add(part.id);
    }
  };
  topics.forEach(take);
  for (const event of events) {
    if (event.type !== 'accepted') continue;
    const { jobId, taskId, tag } = tagsOf(event.command);
    if ([jobId, taskId, tag].some((name) => name !== '' && named.has(name))) {
      tagged.add(`${event.runner} ${event.runId}`);
    }
  }
  const runners = namedIn(events, named);
  if (runners.size + runIds.size + tagged.size === 0) return undefined;
  return (event) => {
    const runId = runIdIn(event);
    const isOfRun = runId !== undefined && runId !== '' && runIds.size + tagged.size > 0;
    if (!isOfRun) return isOfRunners(event, runners);
    return runIds.has(runId) || tagged.has(`${event.runner} ${runId}`);
  };
}

function aboutNamed(events: readonly TraceEvent[], text: string): IsAbout | undefined {
  const words = new Set(nameWords(text));
  const runners = namedIn(events, words);
  const { placed, rest } = withoutPlaced(text, new Set(events.map(({ runner }) => runner)));
  const restWords = new Set(nameWords(rest));
  const inRest = new Set([...runners].filter((name) => restWords.has(name)));
  const exact = new Set<string>();
  const runIds = new Set<string>();
  for (const event of events) {
    if (event.type !== 'accepted') continue;
    const { runner, runId, command } = event;
    const { jobId, taskId, tag } = tagsOf(command);
    const key = `${runner} ${runId}`;
    const isTagged = [jobId, taskId, tag].some((name) => name !== '' && words.has(name));
    if (isTagged || placed.has(key)) exact.add(key);
    if (namesRun(rest, runId)) runIds.add(runId);
  }
  if (runners.size + exact.size + runIds.size === 0) return undefined;
  return (event) => {
    const runId = runIdIn(event);
    if (runId === undefined || runId === '') return isOfRunners(event, runners);
    if (exact.has(`${event.runner} ${runId}`)) return true;
    // Runners that number their runs alike are distinguished only if the text names one.
    const isNamed = runIds.has(runId) && (inRest.size === 0 || inRest.has(event.runner));
    return isNamed || (runIds.size + exact.size === 0 && runners.has(event.runner));
  };
}

/** The runners, nodes and disks of a trace that are named. */
function namedIn(events: readonly TraceEvent[], words: ReadonlySet<string>): ReadonlySet<string> {
  const all = events.flatMap((event) =>
    event.type === 'message' ? [event.runner, event.to] : [event.runner],
  );
  return new Set(all.filter((name) => words.has(name)));
}

/** Of several nodes that are named, a message is about what passes between them. */
function isOfRunners(event: TraceEvent, runners: ReadonlySet<string>): boolean {
  if (event.type !== 'message') return runners.has(event.runner);
  const ends = [event.runner, event.to].filter((name) => runners.has(name));
  return ends.length >= Math.min(2, runners.size);
}

/** The runs that the text places on a runner that is `known`, and the text without them. */
function withoutPlaced(
  text: string,
  known: ReadonlySet<string>,
): { readonly placed: ReadonlySet<string>; readonly rest: string } {
  const placed = new Set<string>();
  const rest = text.replaceAll(PLACED_RUN, (mention, runId: string, runner: string) => {
    if (!known.has(runner)) return mention;
    placed.add(`${runner} ${runId}`);
    return '';
  });
  return { placed, rest };
}

function namesRun(text: string, runId: string): boolean {
  if (names(text, `run ${runId}`) || names(text, `run id ${runId}`)) return true;
  return /\D/.test(runId) && !text.includes(`run ${runId}`) && text.includes(runId);
}

function names(text: string, named: string): boolean {
  // What is named first may be a longer id: `run 10 came before run 1`.
  for (let at = text.indexOf(named); at >= 0; at = text.indexOf(named, at + 1)) {
    if (!/[\p{L}\p{N}]/u.test(text[at + named.length] ?? ' ')) return true;
  }
  return false;
}
