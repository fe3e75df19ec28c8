// All paths that a run can take, against the rules said once more. What is kept beside the state on the way (`Course`) is what a reader of
// the contract would keep in mind.
import { describe, expect, test } from 'vitest';
import type { ProcessStatus } from '../../../src/model/execer.ts';
import type { InvocationPhase } from '../../../src/model/trace-event.ts';
import { reduceInvocation } from '../../../src/runners/invocation/invocation-reducer.ts';
import {
  NEW_INVOCATION,
  type InvocationEvent,
  type InvocationState,
  type Outcome,
} from '../../../src/runners/invocation/invocation-state.ts';

const BEFORE_END: readonly InvocationPhase[] = ['preprocess', 'checkout', 'outputs', 'exec', 'wait'];
const AFTER_END: readonly InvocationPhase[] = ['measure', 'upload', 'close', 'release', 'postprocess', 'end'];

interface ProcessEnd {
  readonly status: ProcessStatus;
  /** R110. */
  readonly outcome: Outcome;
  /** R111. */
  readonly afterReport: Outcome;
}

function processEnd(
  status: ProcessStatus,
  outcome: readonly [Outcome['state'], number, string, boolean],
  afterReport: readonly [Outcome['state'], number, string, boolean],
): ProcessEnd {
  return { status, outcome: outcomeOf(outcome), afterReport: outcomeOf(afterReport) };
}

function outcomeOf([state, exitCode, error, uploads]: readonly [
  Outcome['state'],
  number,
  string,
  boolean,
]): Outcome {
  return { state, exitCode, error, uploads };
}

const PROCESS_ENDS: readonly ProcessEnd[] = [
  processEnd(
    { state: 'COMPLETE', exitCode: 0, error: '' },
    ['COMPLETE', 0, '', true],
    ['COMPLETE', 0, '', true],
  ),
  processEnd(
    { state: 'COMPLETE', exitCode: 0, error: 'a text' },
    ['COMPLETE', 0, 'a text', true],
    ['COMPLETE', 0, 'a text', true],
  ),
  processEnd(
    { state: 'COMPLETE', exitCode: 3, error: '' },
    ['COMPLETE', 3, '', true],
    ['COMPLETE', 3, '', true],
  ),
  processEnd(
    { state: 'FAILED', exitCode: 7, error: 'broken' },
    ['FAILED', 7, 'error execing: broken', false],
    ['FAILED', 7, 'broken', true],
  ),
  processEnd(
    { state: 'FAILED', exitCode: 0, error: 'broken' },
    ['FAILED', 250, 'error execing: broken', false],
    ['FAILED', 0, 'broken', true],
  ),
  processEnd(
    { state: 'RUNNING', exitCode: 0, error: 'odd' },
    ['FAILED', 250, 'unexpected exec state RUNNING: odd', false],
    ['COMPLETE', 0, 'odd', true],
  ),
  processEnd(
    { state: 'UNKNOWN', exitCode: 5, error: '' },
    ['FAILED', 250, 'unexpected exec state UNKNOWN: ', false],
    ['COMPLETE', 5, '', true],
  ),
];
const UNSTOPPABLE = processEnd(
  { state: 'FAILED', exitCode: -1, error: 'the process could not be stopped' },
  ['FAILED', -1, 'error execing: the process could not be stopped', false],
  ['FAILED', -1, 'the process could not be stopped', true],
);
const ABORTED = outcomeOf(['ABORTED', 0, '', false]);
const TIMEDOUT = outcomeOf(['TIMEDOUT', 0, '', true]);
const FAILURE = outcomeOf(['FAILED', 199, 'machinery', false]);

/** What has happened so far. */
interface Course {
  readonly entered: readonly InvocationPhase[];
  readonly stop: 'none' | 'abort' | 'deadline' | 'memory';
  readonly outcome: Outcome | undefined;
  readonly opened: boolean;
  readonly checkedOut: boolean;
  /** A first abort, deadline or report: the rest has bounds. */
  readonly hurried: boolean;
  /** A deadline after the end: clean-up has bounds. */
  readonly isLate: boolean;
}

interface Place {
  readonly state: InvocationState;
  readonly course: Course;
}

const START: Place = {
  state: NEW_INVOCATION,
  course: {
    entered: ['preprocess'],
    stop: 'none',
    outcome: undefined,
    opened: false,
    checkedOut: false,
    hurried: false,
    isLate: false,
  },
};

/** What can come in a phase; a bound passes only where one was set. */
function eventsIn({ phase, hurried, isLate }: InvocationState): InvocationEvent[] {
  const events: InvocationEvent[] = [
    { type: 'abort', isKept: false },
    { type: 'abort', isKept: true },
    { type: 'deadline', hasEnded: false },
    { type: 'memory' },
  ];
  if (phase === 'end') return events;
  if (phase === 'wait') {
    events.push({ type: 'deadline', hasEnded: true });
    events.push(...PROCESS_ENDS.map(({ status }): InvocationEvent => ({ type: 'ended', status })));
  } else events.push({ type: 'done', phase });
  events.push({ type: 'failed', phase, exitCode: 199, error: 'machinery' });
  if (hurried || isLate) events.push({ type: 'overdue', phase });
  return events;
}

/** R103 R105 R107 R108 R109 R111 R192: what a stop makes of the course. */
function stopped(
  course: Course,
  phase: InvocationPhase,
  event: Extract<InvocationEvent, { readonly type: 'abort' | 'deadline' | 'memory' }>,
): Course {
  const { stop, outcome } = course;
  const { type } = event;
  const isBeforeEnd = BEFORE_END.includes(phase);
  if (type === 'deadline') {
    if (isBeforeEnd && !event.hasEnded) {
      if (stop === 'memory') return { ...course, isLate: true };
      return stop === 'none' ? { ...course, stop: 'deadline', hurried: true } : course;
    }
    return phase === 'end' || stop === 'abort' || stop === 'deadline' ? course : { ...course, isLate: true };
  }
  if (type === 'memory') {
    return phase === 'wait' && stop === 'none' ? { ...course, stop: 'memory', hurried: true } : course;
  }
  if (phase === 'end') return course;
  if (isBeforeEnd) return { ...course, stop: 'abort', hurried: true };
  const isInTime = !event.isKept && (phase === 'measure' || phase === 'upload') && outcome?.uploads === true;
  return isInTime
    ? { ...course, stop: 'abort', outcome: ABORTED, hurried: true }
    : { ...course, hurried: true };
}

/** The outcome that the end of a phase decides, if it does. */
function outcomeAfter(course: Course, phase: InvocationPhase, event: InvocationEvent): Outcome | undefined {
  const { stop, outcome } = course;
  if (!BEFORE_END.includes(phase)) return outcome;
  // R106: what it is stopped for, whatever fails meanwhile. A process that has begun is waited for.
  if (event.type === 'done' && phase === 'exec') return undefined;
  if (stop === 'abort') return ABORTED;
  if (stop === 'deadline') return TIMEDOUT;
  if (event.type === 'failed') return FAILURE;
  if (event.type === 'done') return undefined;
  const end =
    event.type === 'ended' ? PROCESS_ENDS.find(({ status }) => status === event.status)! : UNSTOPPABLE;
  return stop === 'memory' ? end.afterReport : end.outcome;
}

/** R88 R106: the phase that follows the end of one. */
function phaseAfter(course: Course, phase: InvocationPhase, wasMeasured: boolean): InvocationPhase {
  if (course.outcome === undefined) return BEFORE_END[BEFORE_END.indexOf(phase) + 1]!;
  const wanted = {
    measure: wasMeasured,
    upload: course.opened && course.outcome.uploads,
    close: course.opened,
    release: course.checkedOut,
    postprocess: true,
    end: true,
  };
  const later = AFTER_END.slice(AFTER_END.indexOf(phase) + 1);
  return later.find((candidate) => wanted[candidate as keyof typeof wanted])!;
}

/** What the rules say follows. */
function courseAfter(course: Course, phase: InvocationPhase, event: InvocationEvent): Course {
  if (event.type === 'abort' || event.type === 'deadline' || event.type === 'memory') {
    return stopped(course, phase, event);
  }
  const isDone = event.type === 'done';
  const after: Course = {
    ...course,
    checkedOut: course.checkedOut || (isDone && phase === 'checkout'),
    outcome: outcomeAfter(course, phase, event),
  };
  const hasEnded = phase === 'wait' && event.type !== 'failed';
  const next = phaseAfter(after, phase, hasEnded);
  return {
    ...after,
    entered: [...after.entered, next],
    opened: after.opened || next === 'outputs',
    // A memory report hurries the end of the process, not the upload of its logs (R111).
    hurried: hasEnded ? after.stop === 'abort' || after.stop === 'deadline' : after.hurried,
  };
}

function effectsOf(before: Place, after: Place, event: InvocationEvent): readonly string[] {
  const { phase } = before.state;
  const { stop } = before.course;
  if (phase !== after.state.phase) {
    if (event.type === 'overdue') return ['abandon', 'enter'];
    if (after.state.phase !== 'wait') return ['enter'];
    return stop === 'none' ? ['running', 'enter'] : ['enter', 'kill', 'bound'];
  }
  if (after.state === before.state) return [];
  if (event.type === 'memory') return ['bound'];
  if (after.course.isLate && !before.course.isLate) {
    // A process that a memory report has doomed has its bound.
    const isBounded = phase === 'wait' && event.type === 'deadline' && !event.hasEnded;
    return phase === 'upload' || isBounded ? [] : ['bound'];
  }
  if (before.course.hurried && stop !== 'memory' && BEFORE_END.includes(phase)) return [];
  if (phase === 'wait') return ['kill', 'bound'];
  if (BEFORE_END.includes(phase)) return ['cancel', 'bound'];
  return phase === 'upload' && after.course.stop === 'abort' ? ['cancel', 'bound'] : ['bound'];
}

function keyOf({ state, course }: Place): string {
  return JSON.stringify([state, course]);
}

/** Every step of every path, once. */
function allSteps(): { before: Place; event: InvocationEvent; after: Place; effects: readonly string[] }[] {
  const seen = new Set([keyOf(START)]);
  const open = [START];
  const steps = [];
  for (let before = open.pop(); before !== undefined; before = open.pop()) {
    for (const event of eventsIn(before.state)) {
      const { state, effects } = reduceInvocation(before.state, event);
      const after = { state, course: courseAfter(before.course, before.state.phase, event) };
      steps.push({ before, event, after, effects });
      if (seen.has(keyOf(after))) continue;
      seen.add(keyOf(after));
      open.push(after);
    }
  }
  return steps;
}

const SHOWN = ({ before, event }: ReturnType<typeof allSteps>[number]): string =>
  `${before.course.entered.join(' ')} (${before.course.stop}) + ${event.type}`;

describe('the states of a run, on all paths', () => {
  test('there are hundreds of steps, and every phase and outcome is among them', () => {
    const steps = allSteps();
    expect(steps.length).toBeGreaterThan(500);
    const phases = new Set(steps.map(({ after }) => after.state.phase));
    expect([...phases].sort()).toEqual([...BEFORE_END, ...AFTER_END].sort());
    const states = new Set(steps.flatMap(({ after }) => after.state.outcome?.state ?? []));
    expect([...states].sort()).toEqual(['ABORTED', 'COMPLETE', 'FAILED', 'TIMEDOUT']);
  });

  test('R88 R102 R103 R105 R106 R107 R108 R109 R110 R111 each step leads where the rules say', () => {
    for (const step of allSteps()) {
      const { state, course } = step.after;
      const { phase, stop, outcome, opened, checkedOut, hurried, isLate } = state;
      expect({ phase, stop, outcome, opened, checkedOut, hurried, isLate }, SHOWN(step)).toEqual({
        phase: course.entered.at(-1),
        stop: course.stop,
        outcome: course.outcome,
        opened: course.opened,
        checkedOut: course.checkedOut,
        hurried: course.hurried,
        isLate: course.isLate,
      });
    }
  });

  test('R106 R107 R112 each step says what to cancel, kill, bound or give up, once', () => {
    for (const step of allSteps()) {
      expect(step.effects, SHOWN(step)).toEqual(effectsOf(step.before, step.after, step.event));
    }
  });

  test('what changes nothing gives the same state, not a copy of it', () => {
    for (const step of allSteps()) {
      const { before, after } = step;
      if (keyOf(before) !== keyOf(after)) continue;
      expect(after.state, SHOWN(step)).toBe(before.state);
    }
  });

  test('R87 R104 events of a phase that is over are ignored', () => {
    const states = new Map(allSteps().map(({ after: { state } }) => [JSON.stringify(state), state]));
    for (const state of states.values()) {
      for (const phase of [...BEFORE_END, ...AFTER_END].filter((other) => other !== state.phase)) {
        const strays: InvocationEvent[] = [
          { type: 'done', phase },
          { type: 'failed', phase, exitCode: 1, error: 'late' },
          { type: 'overdue', phase },
        ];
        if (state.phase !== 'wait') strays.push({ type: 'ended', status: PROCESS_ENDS[0]!.status });
        for (const event of strays) {
          const step = reduceInvocation(state, event);
          expect(step.state, `${state.phase} + ${event.type} of ${phase}`).toBe(state);
          expect(step.effects).toEqual([]);
        }
      }
    }
  });

  test('R87 a run that has ended stays as it is', () => {
    const ends = allSteps()
      .map(({ after }) => after.state)
      .filter(({ phase }) => phase === 'end');
    expect(ends.length).toBeGreaterThan(10);
    for (const state of ends) {
      expect(state.outcome).toBeDefined();
      expect(reduceInvocation(state, { type: 'done', phase: 'end' })).toEqual({ state, effects: [] });
      expect(reduceInvocation(state, { type: 'abort', isKept: false })).toEqual({ state, effects: [] });
    }
  });

  test('waiting ends with the process, not when the phase says that it is done', () => {
    const waiting = allSteps().find(
      ({ after: { state, course } }) => state.phase === 'wait' && course.stop === 'none',
    )!;
    const { state } = waiting.after;
    expect(reduceInvocation(state, { type: 'done', phase: 'wait' })).toEqual({ state, effects: [] });
  });
});
