/**
 * Describes what is held: by runs, and by owners of locks and waits. Invariant: no name appears twice in a description.
 */
import type { TraceEvent } from './trace-event.ts';

/** An event of a held resource as a trace records it. */
export type ResourceEvent = Extract<TraceEvent, { readonly type: 'acquired' | 'freed' | 'abandoned' }>;

/** A held resource and its holder. */
export type Held = Pick<ResourceEvent, 'resource' | 'name' | 'runner' | 'runId'>;

/** Something that an owner other than a run holds or waits for. */
export type Owned = Pick<ResourceEvent, 'resource' | 'name' | 'runner' | 'from'> & { readonly owner: string };

/** What happens to a resource: some are things, others are activities that take time. */
const BECAME = {
  thing: { acquired: 'was taken', freed: 'was given back', abandoned: 'was not given back in time' },
  process: { acquired: 'started', freed: 'ended', abandoned: 'did not end in time' },
  // The exit is recorded at once; a wait for the end of the process also waits for its output.
  ownProcess: { acquired: 'started', freed: 'exited', abandoned: 'did not exit in time' },
  activity: { acquired: 'began', freed: 'ended', abandoned: 'did not end in time' },
} as const;

const A_WAIT = 'the wait ';
const WAITS_FOR = ' waits for ';

/** Describes a wait, with what should have ended it if known. */
export function waitText(wait: string, expected: string | undefined): string {
  return expected === undefined ? wait : `${wait}: expected ${expected}, got none`;
}

/** One clause: `output stdout of run 3 of worker was taken`, `a took mutex jobs`. */
export function resourceEventText(event: ResourceEvent): string {
  const { owner } = event;
  if (owner !== undefined) return ownedEventText({ ...event, owner });
  return `${heldText(event, 'of')} ${BECAME[sortOf(event)][event.type]}`;
}

/** Describes what an owner has: `a holds mutex jobs`, `b waits for mutex jobs`. */
export function ownedText(owned: Owned): string {
  return owned.resource === 'waiter'
    ? `${owned.owner}${WAITS_FOR}${ownedName(owned)}`
    : `${owned.owner} holds ${ownedName(owned)}`;
}

/**
 * Names what an owner holds or waits for, with the node that it lives on or comes from unless that is the owner itself.
 */
export function ownedName({ name, runner, owner, from }: Owned): string {
  if (from !== undefined) return `${name} from ${from}`;
  return runner === '' || runner === owner ? name : `${name} of ${runner}`;
}

function ownedEventText(event: Owned & Pick<ResourceEvent, 'type'>): string {
  const { owner, resource, type } = event;
  const thing = ownedName(event);
  const isWait = resource === 'waiter';
  switch (type) {
    case 'acquired':
      return isWait ? ownedText(event) : `${owner} took ${thing}`;
    case 'freed':
      return isWait ? `the wait of ${owner} for ${thing} ended` : `${owner} released ${thing}`;
    case 'abandoned':
      return isWait ? `${owner} never got ${thing}: it crashed` : `${owner} lost ${thing}: it crashed`;
  }
}

/** Names a resource and its holder; `on` selects how a runner is named: `of worker` or `on worker`. */
export function heldText({ resource, name, runner, runId }: Held, on: 'of' | 'on'): string {
  const where = runner === '' ? '' : ` ${on} ${runner}`;
  // A process that belongs to no run has a number instead, which begins with this sign.
  const isOfRun = runId !== '' && !runId.startsWith('#');
  const whose = isOfRun ? ` of run ${runId}${where}` : where;
  switch (resource) {
    case 'process':
      return `${processText(name, runId, isOfRun)}${whose}`;
    case 'waiter':
      return `${A_WAIT}${goalText(name)}${whose}`;
    case 'lock':
      return `${name}${whose}`;
    case 'checkout':
    case 'output':
    case 'tempdir':
    case 'update':
    case 'upload':
      return `${name === resource ? 'the' : resource} ${name}${whose}`;
  }
}

function sortOf({ resource, runId }: ResourceEvent): keyof typeof BECAME {
  if (resource === 'process') return runId.startsWith('#') ? 'ownProcess' : 'process';
  return resource === 'waiter' || resource === 'update' || resource === 'upload' ? 'activity' : 'thing';
}

/** A process is named after its run or number, its children after the process: `process/#0/1`. */
function processText(name: string, runId: string, isOfRun: boolean): string {
  const own = `process/${runId}`;
  if (name === own || name === 'process') return isOfRun ? 'the process' : `process ${runId}`.trimEnd();
  if (!name.startsWith(`${own}/`)) return `process ${name}`;
  return isOfRun
    ? `child ${name.slice(own.length + 1)} of the process`
    : `child ${name.slice(own.length + 1)} of process ${runId}`;
}

/** Masks of several states in words. */
const MASKS: Readonly<Record<string, string>> = { DONE: 'the end', ALL: 'any state' };

function goalText(name: string): string {
  return name
    .replace(/^wait /, '')
    .replace(/for (\w+)_MASK/, (_, mask: string) => `for ${MASKS[mask] ?? mask}`)
    .replace(/^answer /, 'for an answer ');
}
