/** The status of a runner as a whole. */

/** Whether a runner can take work, and if not, why (R15). */
export interface ServiceStatus {
  /** True once every filer has been initialized. */
  readonly initialized: boolean;
  readonly isHealthy: boolean;
  /** Text of what is wrong; empty when nothing is. */
  readonly error: string;
}

/** What a new store says: not initialized, not healthy, no error (R15). */
export const NEW_SERVICE_STATUS: ServiceStatus = Object.freeze({
  initialized: false,
  isHealthy: false,
  error: '',
});

/** What a runner says once it is initialized. */
export const HEALTHY_SERVICE_STATUS: ServiceStatus = Object.freeze({
  initialized: true,
  isHealthy: true,
  error: '',
});
