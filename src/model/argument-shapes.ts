/** Argument shapes shared by many functions: each checks a collaborator by the methods that are called on it. */
import * as is from '../kernel/shape.ts';
import { SERVICE_METHODS } from './service.ts';

/** Shape of `Choices`. */
export const CHOICES: is.MethodsShape = is.withMethods('choose');
/** Shape of a `Tracer`. */
export const TRACER: is.MethodsShape = is.withMethods('record');
/** Shape of an `Execer`. */
export const EXECER: is.MethodsShape = is.withMethods('exec');
/** Shape of an `OutputCreator` or `TempDirs`. */
export const CREATOR: is.MethodsShape = is.withMethods('create');
/** Shape of a `RunTypeMap`: which filer serves which run type. */
export const FILERS: is.MethodsShape = is.withMethods('get', 'keys');
/** Shape of an `ActionStore`. */
export const ACTION_STORE: is.MethodsShape = is.withMethods(
  'cachedOutcome',
  'action',
  'command',
  'prepareOutputs',
  'storeOutputs',
  'storeLog',
  'keep',
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
