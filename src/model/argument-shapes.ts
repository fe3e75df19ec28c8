/** The shapes of what many functions take: the parts that callers give, by the methods that are called on them. */
import * as is from '../kernel/shape.ts';
import { SERVICE_METHODS } from './service.ts';

/** Where choices are asked. */
export const CHOICES: is.MethodsShape = is.withMethods('choose');
/** What keeps trace events. */
export const TRACER: is.MethodsShape = is.withMethods('record');
/** What starts processes. */
export const EXECER: is.MethodsShape = is.withMethods('exec');
/** What makes outputs or temporary directories. */
export const CREATOR: is.MethodsShape = is.withMethods('create');
/** Which filer serves which run type. */
export const FILERS: is.MethodsShape = is.withMethods('get', 'keys');
/** Where actions come from. */
export const ACTION_STORE: is.MethodsShape = is.withMethods(
  'cachedOutcome',
  'action',
  'command',
  'prepareOutputs',
  'storeOutputs',
  'storeLog',
  'keep',
);
/** Where blobs are. */
export const CONTENT_STORE: is.MethodsShape = is.withMethods(
  'findMissing',
  'read',
  'readStream',
  'write',
  'openWrite',
  'hold',
);
/** Where results are. */
export const ACTION_CACHE: is.MethodsShape = is.withMethods('get', 'put');
/** Where instruments come from. */
export const METRICS: is.MethodsShape = is.withMethods('counter', 'gauge', 'histogram');
/** What takes runs, and says what became of them. */
export const SERVICE: is.MethodsShape = is.withMethods('run', 'abort', 'query', 'release');
/** One with all its methods. */
export const WHOLE_SERVICE: is.MethodsShape = is.withMethods(...SERVICE_METHODS);
/** What has the time. */
export const TIME: is.MethodsShape = is.withMethods('now');
