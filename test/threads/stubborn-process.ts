// A thread that has run seven executions, and does not stop when it is asked to.
import { workerData } from 'node:worker_threads';
import { ExploreSharedState } from '../../src/threads/shared-state.ts';
import { received, type Posted, type ThreadInput } from '../../src/threads/task.ts';

const state = new ExploreSharedState(received<ThreadInput>(workerData as Posted).memory);
state.noteIndex(7);
setInterval(() => state.noteTurn(), 20);
