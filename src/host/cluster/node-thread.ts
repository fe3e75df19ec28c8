/**
 * One process of a real node: a thread that runs the node's program. Invariant: an error that the program throws ends
 * the thread, as it would end a process.
 */
import process from 'node:process';
import { parentPort, workerData } from 'node:worker_threads';
import { errorWithin } from '../../cluster/copy.ts';
import { Envelope } from '../../cluster/envelope.ts';
import { ProcessContext } from '../../cluster/process-context.ts';
import { invalidArgument } from '../../kernel/errors.ts';
import { invariant } from '../../kernel/invariant.ts';
import type { NodeProgram } from '../../model/node-context.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import { createFolderDisk } from '../disks/folder-disk.ts';
import { realWorld } from '../real-world.ts';
import type { FromNode, NodeThreadInput, ToNode } from './thread-protocol.ts';

const input = workerData as NodeThreadInput;
const send = (message: FromNode): void => parentPort?.postMessage(message);
let ids = input.idsAfter;

const world = {
  ...realWorld({ seed: input.seed }),
  node: input.name,
  tracer: {
    record(event: TraceEvent): void {
      if (event.type === 'note') send({ type: 'note', text: event.text });
    },
  },
};
const context = new ProcessContext({
  name: input.name,
  incarnation: input.incarnation,
  world,
  callTimeoutMs: input.callTimeoutMs,
  owner: {
    mountDisk: () => createFolderDisk({ folder: input.folder, name: input.name }),
    processFailed: (_, error) => end(error),
  },
  transport: {
    nextId: () => (ids += 1),
    post: (envelope) => send({ type: 'envelope', envelope: envelope.data() }),
  },
});

async function start(): Promise<void> {
  invariant(parentPort !== null, 'a node runs in a thread');
  parentPort.on('message', (message: ToNode) => {
    if (message.type === 'leave') leave().catch(end);
    else context.endpoint.deliver(Envelope.of(message.envelope));
  });
  const exported = (await import(input.module)) as Readonly<Record<string, unknown>>;
  const program = exported[input.export];
  if (typeof program !== 'function') {
    throw invalidArgument('export', `the name of a function that ${input.module} exports`, input.export);
  }
  const object: unknown = await (program as NodeProgram<object | void>)(context);
  context.endpoint.serve(object);
  send({ type: 'ready' });
}

async function leave(): Promise<void> {
  await context.stop();
  context.endpoint.close();
  send({ type: 'left' });
  process.exit(0);
}

/**
 * Messages already sent arrive before the thread's end does. Exits explicitly, so that timers, servers and loops of the
 * program cannot keep the thread alive.
 */
function end(error: unknown): void {
  report(error);
  process.exit(1);
}

function report(error: unknown): void {
  send({ type: 'failed', failure: errorWithin(error) });
}

// What is left uncaught ends the thread by itself. But the engine passes on no code of an error with a field that cannot
// be cloned, and `undefined` as if nothing had been thrown.
process.on('uncaughtExceptionMonitor', (error) => {
  if (process.listenerCount('uncaughtException') === 0) report(error);
});

start().catch(end);
