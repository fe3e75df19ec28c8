/** What a recorded runner was made with, as far as a replay needs it to make one alike. */
import { LOCAL_BOUND_MS } from '../../model/collaborators.ts';
import type { RecordedCollaborator, RecordedFiler, RecordedSettings } from '../../model/recording.ts';
import type { InvokerOptions } from '../invocation/invoker-parts.ts';
import type { QueueOptions } from '../queue/queue-options.ts';

/** The settings of a runner that is made of `options`. */
export function recordedSettings(options: QueueOptions & InvokerOptions): RecordedSettings {
  const { capacity = 1, history, idPrefix = '', updateLimitMs = 0, localBoundMs = LOCAL_BOUND_MS } = options;
  const { uploader, preprocessors = [], postprocessors = [] } = options;
  const filers = [...options.filers].map(([type, { filer, init }]): RecordedFiler => ({
    type,
    ...bound('cancelBoundMs', filer.cancelBoundMs),
    updateIntervalMs: filer.updateIntervalMs,
    hasInit: init !== undefined,
  }));
  return {
    capacity,
    ...(history === undefined ? {} : { history }),
    idPrefix,
    ...(updateLimitMs > 0 ? bound('updateLimitMs', updateLimitMs) : {}),
    localBoundMs,
    ...bound('execBoundMs', options.execer.cancelBoundMs),
    ...bound('tempDirBoundMs', options.tempDirs.boundMs),
    filers,
    preprocessors: preprocessors.map(helperOf),
    postprocessors: postprocessors.map(helperOf),
    ...(uploader === undefined
      ? {}
      : {
          uploader: {
            ...helperOf({ name: 'uploader', cancelBoundMs: uploader.cancelBoundMs }),
            ...bound('uploadBoundMs', uploader.uploadBoundMs),
          },
        }),
    measures: options.dirMonitor !== undefined,
  };
}

function helperOf({ name, cancelBoundMs }: { name: string; cancelBoundMs: number }): RecordedCollaborator {
  return { name, ...bound('cancelBoundMs', cancelBoundMs) };
}

/** JSON has no Infinity, so a bound that does not exist is absent. */
function bound<K extends string>(name: K, ms: number | undefined): { readonly [key in K]?: number } {
  return ms === undefined || ms === Infinity ? {} : ({ [name]: ms } as { readonly [key in K]: number });
}
