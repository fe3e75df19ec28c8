/** The status of a runner as a whole. */
import { checkObject, unreadable } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';

/** Whether a runner can take work, and if not, why (R15). */
export interface ServiceStatus {
  /** True once every filer has been initialized. */
  readonly initialized: boolean;
  readonly isHealthy: boolean;
  /** Describes the problem; empty if there is none. */
  readonly error: string;
}

/** Status of a new store: not initialized, not healthy, no error (R15). */
export const NEW_SERVICE_STATUS: ServiceStatus = serviceStatus(false, false);

/** Status of a runner that is initialized and healthy. See {@link serviceStatus}. */
export const HEALTHY_SERVICE_STATUS: ServiceStatus = serviceStatus(true, true);

/**
 * Builds a service status from its parts.
 *
 * @example
 * ```ts
 * import { formatServiceStatus, serviceStatus } from 'dryrunner/kit';
 * console.log(formatServiceStatus(serviceStatus(true, false, 'disk full')));
 * ```
 */
export function serviceStatus(initialized: boolean, isHealthy: boolean, error = ''): ServiceStatus {
  return Object.freeze({ initialized, isHealthy, error });
}

/**
 * Formats a service status in the model's form, with its error if there is one (R15).
 * See {@link serviceStatus}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but an object.
 */
export function formatServiceStatus(service: ServiceStatus): string {
  try {
    checkObject('service', 'a service status', service);
    const { initialized, isHealthy, error } = service;
    const text = `--- Service Status ---\n\tInitialized : ${initialized}\n\tIsHealthy : ${isHealthy}\n`;
    return error === '' ? text : `${text}\tError : ${error}\n`;
  } catch (error) {
    throw unreadable('service', service, error);
  }
}

/**
 * Checks that a value is a service status.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` that names the field.
 */
export function checkServiceStatus(service: unknown): asserts service is ServiceStatus {
  try {
    if (typeof service !== 'object' || service === null) {
      throw invalidArgument('service', 'a service status', service);
    }
    const { initialized, isHealthy, error } = service as { readonly [field in keyof ServiceStatus]: unknown };
    if (typeof initialized !== 'boolean') {
      throw invalidArgument('service.initialized', 'true or false', initialized);
    }
    if (typeof isHealthy !== 'boolean') {
      throw invalidArgument('service.isHealthy', 'true or false', isHealthy);
    }
    if (typeof error !== 'string') throw invalidArgument('service.error', 'a string', error);
  } catch (error) {
    throw unreadable('service', service, error);
  }
}
