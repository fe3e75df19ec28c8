/**
 * Finds the runs and runners that a failure is about: those its text names, or else the subjects of its decisions.
 * Invariant: only names that occur in the trace count, so a number in a message is not mistaken for a run.
 */
import { tagsOf } from '../../model/command.ts';
import { Topic } from '../../kernel/question.ts';
import { runIdIn, type TraceEvent } from '../../model/trace-event.ts';
import { factsOf } from '../../simulation/failure-fact.ts';
import type { Failure } from '../../simulation/verdict.ts';
import { nameWords } from './name-words.ts';
import { struckJobs } from './struck-jobs.ts';
import type { ObservedRun } from './observed-run.ts';

/** True for a trace event of a subject. */
export type IsAbout = (event: TraceEvent) => boolean;

/** A run with its runner: `run 3 on runner-7`. */
const PLACED_RUN = /\brun (\S+) (?:on|of) ([^\s,;:]*[^\s,;:.])/gu;

/** The subjects that the failure names; if none, those of the non-default decisions; if none again, everything. */
export function subjectsOf(run: ObservedRun, failure: Failure): IsAbout {
  const events = run.events.map(({ event }) => event);
  const text = textOf(failure);
  const topics = run.decisions.flatMap(({ question, answer }) => (answer > 0 ? [question.topic] : []));
  return aboutNamed(events, text) ?? aboutTopics(run, topics) ?? (() => true);
}

function textOf(failure: Failure): string {
  return [failure.message, ...factsOf(failure).map(({ text }) => text)].join('\n');
}

/** The words of a failure that may be names. */
export function wordsOf(failure: Failure): ReadonlySet<string> {
  return new Set(nameWords(textOf(failure)));
}

function aboutTopics(run: ObservedRun, topics: readonly Topic[]): IsAbout | undefined {
  const events = run.events.map(({ event }) => event);
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
  const jobs = struckJobs(run);
  for (const event of events) {
    if (event.type !== 'accepted') continue;
    const { jobId, taskId, tag } = tagsOf(event.command);
    const isTagged = [jobId, taskId, tag].some((name) => name !== '' && named.has(name));
    if (isTagged || jobs.isOf(event)) {
      tagged.add(`${event.runner} ${event.runId}`);
    }
  }
  const runners = new Set([
    ...namedIn(
      events.filter(({ type }) => type !== 'fault'),
      named,
    ),
    ...jobs.runners,
  ]);
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

/** The runners, nodes and disks of the trace that are among the words. */
function namedIn(events: readonly TraceEvent[], words: ReadonlySet<string>): ReadonlySet<string> {
  const all = events.flatMap((event) =>
    event.type === 'message' ? [event.runner, event.to] : [event.runner],
  );
  return new Set(all.filter((name) => words.has(name)));
}

/** If several nodes are named, only messages between them count. */
function isOfRunners(event: TraceEvent, runners: ReadonlySet<string>): boolean {
  if (event.type !== 'message') return runners.has(event.runner);
  const ends = [event.runner, event.to].filter((name) => runners.has(name));
  return ends.length >= Math.min(2, runners.size);
}

/** The runs that the text mentions with a `known` runner, and the text without these mentions. */
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
  // The first match may belong to a longer id: `run 10 came before run 1`.
  for (let at = text.indexOf(named); at >= 0; at = text.indexOf(named, at + 1)) {
    if (!/[\p{L}\p{N}]/u.test(text[at + named.length] ?? ' ')) return true;
  }
  return false;
}
