/** What a remote runner is made with. */
import * as is from '../kernel/shape.ts';
import { nthUse } from '../kernel/nth-use.ts';
import { createMemoryContentStore } from '../cas/memory-content-store.ts';
import type { PlatformProperty } from '../model/action.ts';
import { CONTENT_STORE, CREATOR } from '../model/argument-shapes.ts';
import type { ContentStore } from '../model/content-store.ts';
import type { OutputCreator } from '../model/output.ts';
import type { RunID } from '../model/run-status.ts';
import type { World } from '../model/world.ts';
import { createMemoryOutputs } from '../outputs/memory-output.ts';
import { FIELDS_WITHOUT_FILERS, type QueueOptionsWithoutFilers } from '../runners/queue/queue-options.ts';
import { CALL_MS_MAX, RETRIES_MAX, TRANSPORT } from './remote-client.ts';
import type { RemoteService } from './rpc.ts';

/** The operation of a server that carries out a run. */
export interface RemoteOperation {
  readonly runId: RunID;
  /** What `WaitExecution`, `GetOperation` and `CancelOperation` of that server take. */
  readonly name: string;
}

/** A call that a remote runner makes again, such as an upload. */
export interface RemoteRetry {
  readonly runId: RunID;
  /** The call in words, such as `Read(blob 1a2b3c4d)`. */
  readonly call: string;
  /** Why it has failed, such as `UNAVAILABLE: …`. */
  readonly error: string;
}

/** Options of {@link createRemoteRunner}. */
export interface RemoteRunnerOptions extends QueueOptionsWithoutFilers {
  /** Name of the runner in traces and questions, and of its actions on the server. Default `remote`. */
  readonly name?: string;
  /** The connection to the server. */
  readonly transport: RemoteService;
  /** Selects one of several instances on the server. Default `''`. */
  readonly instanceName?: string;
  /** Holds the trees of snapshots, and the actions of commands with an `executeRequest`. Default: an empty store. */
  readonly content?: ContentStore;
  /** Where the logs of completed runs are written. Default: outputs in memory, kept for the newest 100 runs. */
  readonly outputs?: OutputCreator;
  /** Platform properties that workers must have. */
  readonly platform?: readonly PlatformProperty[];
  /** True: equal commands on equal snapshots may share results. Default false: every run is executed. */
  readonly cache?: boolean;
  /** How many times in a row an operation that failed for a transient reason is retried. Default 5. */
  readonly retriesMax?: number;
  /**
   * A run that is being stopped ends after at most this many milliseconds, whatever the server does. Default 10,000.
   */
  readonly cancelBoundMs?: number;
  /**
   * Called when the server has named the operation of a run, before the run is RUNNING; again if the action is executed
   * again. Who keeps the names can find out what has become of a run whose connection or process was lost. What it throws,
   * or rejects with, is recorded in the trace and, in `realWorld()`, a warning of the process; it changes nothing else.
   */
  readonly onOperation?: (operation: RemoteOperation) => void;
  /**
   * Called when a call is made again; for executions and watches, the trace says that. What it throws is treated as that
   * of `onOperation`.
   */
  readonly onRetry?: (retry: RemoteRetry) => void;
  /**
   * Time limit of a call in milliseconds; of a download, and of the upload of a large blob, from one piece to the next.
   * Watching an execution is not limited. Default 60,000.
   */
  readonly callMsMax?: number;
}

/** Argument shape of {@link RemoteRunnerOptions}. */
export const REMOTE_RUNNER_OPTIONS: is.RecordShape = is.optionsOf<RemoteRunnerOptions>(
  { transport: TRANSPORT },
  {
    ...FIELDS_WITHOUT_FILERS,
    ...is.each(['name', 'instanceName'], is.TEXT),
    content: CONTENT_STORE,
    outputs: CREATOR,
    platform: is.listOf(
      is.recordOf<PlatformProperty>({ name: is.TEXT, value: is.TEXT }, {}),
      'a list of properties with name and value',
    ),
    cache: is.BOOLEAN,
    retriesMax: is.COUNT,
    cancelBoundMs: is.DURATION_MS,
    callMsMax: is.DURATION_MS,
    onOperation: is.FUNCTION,
    onRetry: is.FUNCTION,
  },
);

/** Options with defaults filled in, and the world. */
export interface RemoteParts extends Required<Omit<RemoteRunnerOptions, keyof QueueOptionsWithoutFilers>> {
  readonly world: World;
}

const OUTPUTS_KEPT = 200;

/**
 * The world of the next runner of that name. Runners of one name give their runs the same ids: with the same random
 * numbers too, their runs would be one action to the server, and their uploads one upload.
 */
function worldOfNext(world: World, name: string): World {
  const use = `remote runner ${name}`;
  const nth = nthUse(world.random, use);
  return nth === 1 ? world : { ...world, random: world.random.fork(`${use} ${nth}`) };
}

/** Fills in the defaults. */
export function remotePartsOf(world: World, options: RemoteRunnerOptions): RemoteParts {
  const name = options.name ?? 'remote';
  return {
    world: worldOfNext(world, name),
    name,
    transport: options.transport,
    instanceName: options.instanceName ?? '',
    content: options.content ?? createMemoryContentStore(),
    outputs: options.outputs ?? createMemoryOutputs({ maxOutputs: OUTPUTS_KEPT }),
    platform: options.platform ?? [],
    cache: options.cache ?? false,
    retriesMax: options.retriesMax ?? RETRIES_MAX,
    cancelBoundMs: options.cancelBoundMs ?? 10_000,
    callMsMax: options.callMsMax ?? CALL_MS_MAX,
    onOperation: options.onOperation ?? (() => undefined),
    onRetry: options.onRetry ?? (() => undefined),
  };
}
