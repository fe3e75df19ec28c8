/**
 * Argument shapes shared by many functions: each checks a collaborator by what is used of it, which is its methods, and
 * the bounds that limit how long it is waited for.
 */
import * as is from '../kernel/shape.ts';
import type { DirMonitor, LogUploader, Processor, TempDirs } from './collaborators.ts';
import type { ActionStore } from './content-store.ts';
import type { Execer } from './execer.ts';
import { SERVICE_METHODS } from './service.ts';

/** Shape of `Choices`. */
export const CHOICES: is.MethodsShape = is.withMethods('choose');
/** Shape of a `Tracer`. */
export const TRACER: is.MethodsShape = is.withMethods('record');
/** Shape of an `Execer`. */
export const EXECER: is.RecordShape = is.objectOf<Execer>(
  'an object with exec()',
  { cancelBoundMs: is.limit(), exec: is.FUNCTION },
  { check: is.FUNCTION },
);
/** Shape of `TempDirs`. */
export const TEMP_DIRS: is.RecordShape = is.objectOf<TempDirs>(
  'an object with create()',
  { boundMs: is.limit(), create: is.FUNCTION },
  {},
);
/** Shape of a list of `Processor`s. */
export const PROCESSORS: is.ListShape = is.listOf(
  is.objectOf<Processor>(
    'an object with process()',
    { name: is.TEXT, cancelBoundMs: is.limit(), process: is.FUNCTION },
    {},
  ),
  'a list of processors',
);
/** Shape of a `LogUploader`. */
export const UPLOADER: is.RecordShape = is.objectOf<LogUploader>(
  'an object with upload()',
  { cancelBoundMs: is.limit(), upload: is.FUNCTION },
  { uploadBoundMs: is.limit() },
);
/** Shape of a `DirMonitor`. */
export const DIR_MONITOR: is.RecordShape = is.objectOf<DirMonitor>(
  'an object with sizesKb()',
  { sizesKb: is.FUNCTION },
  {},
);
/** Shape of an `OutputCreator`. */
export const CREATOR: is.MethodsShape = is.withMethods('create');
/** Shape of a `RunTypeMap`: which filer serves which run type. */
export const FILERS: is.MethodsShape = is.withMethods('get', 'keys');
/** Shape of an `ActionStore`. */
export const ACTION_STORE: is.RecordShape = is.objectOf<ActionStore>(
  'an object with cachedOutcome()',
  {
    cancelBoundMs: is.limit(),
    cachedOutcome: is.FUNCTION,
    action: is.FUNCTION,
    command: is.FUNCTION,
    prepareOutputs: is.FUNCTION,
    storeOutputs: is.FUNCTION,
    storeLog: is.FUNCTION,
    keep: is.FUNCTION,
  },
  {},
);
/** Shape of a `ContentStore`. */
export const CONTENT_STORE: is.MethodsShape = is.withMethods(
  'findMissing',
  'read',
  'readStream',
  'write',
  'openWrite',
  'hold',
);
/** Shape of an `ActionCache`. */
export const ACTION_CACHE: is.MethodsShape = is.withMethods('get', 'put');
/** Shape of `Metrics`. */
export const METRICS: is.MethodsShape = is.withMethods('counter', 'gauge', 'histogram');
/** Shape of the part of a `Service` that most functions need. */
export const SERVICE: is.MethodsShape = is.withMethods('run', 'abort', 'query', 'release');
/** Shape of a complete `Service`. */
export const WHOLE_SERVICE: is.MethodsShape = is.withMethods(...SERVICE_METHODS);
/** Shape of anything that shows the time. */
export const TIME: is.MethodsShape = is.withMethods('now');
