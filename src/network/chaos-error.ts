/** The error of an injected fault. It carries the zero values that the model returns together with an error (R149). */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { isRunnerError, messageOf, RunnerError, shownText } from '../kernel/errors.ts';
import { type RunStatus, zeroStatus } from '../model/run-status.ts';
import { NEW_SERVICE_STATUS } from '../model/service-status.ts';
import type { ServiceStatus } from '../model/service-status.ts';
import type { ChaosOperation } from './fault-plan.ts';
import type { FaultKind } from '../model/faults.ts';

/** A fault that makes a call fail. */
export interface InjectedFault {
  readonly operation: ChaosOperation;
  /** `error` if an error was set for all calls. */
  readonly kind: FaultKind | 'error';
  /** For `run` the configured status; for `abort` and `status` the zero status; absent for the others. */
  readonly status?: RunStatus;
  /** Empty for `query`, `queryNow` and `statusAll`; absent for the others. */
  readonly statuses?: readonly RunStatus[];
  /** The zero service status; absent for `run` and `abort`, which return none. */
  readonly service?: ServiceStatus;
}

/** Creates the error of a fault, for callers that depend on its class. */
export type FaultErrorMaker = (fault: InjectedFault) => Error;

/**
 * The error of a call that chaos makes fail. Its code is `RUNNER_INJECTED_FAULT`, or that of the configured
 * `RunnerError`; the configured error is its `cause`. See {@link createChaosRunner}.
 */
export class InjectedFaultError extends RunnerError {
  readonly fault: InjectedFault;

  constructor(fault: InjectedFault, cause?: Error) {
    check('fault', fault, is.readable('an object with operation and kind'));
    const code = isRunnerError(cause) ? cause.code : 'RUNNER_INJECTED_FAULT';
    const message =
      cause === undefined
        ? `injected fault: ${shownText(fault.operation)} (${shownText(fault.kind)})`
        : messageOf(cause);
    super(code, message, cause === undefined ? {} : { cause });
    this.fault = fault;
  }

  /** The status that the model returns with the error. */
  get status(): RunStatus | undefined {
    return this.fault.status;
  }

  /** The list that the model returns with the error. */
  get statuses(): readonly RunStatus[] | undefined {
    return this.fault.statuses;
  }

  /** The service status that the model returns with the error. */
  get service(): ServiceStatus | undefined {
    return this.fault.service;
  }
}

/** Completes a fault with the values that the model returns next to the error (R149). */
export function makeInjectedFault(
  operation: ChaosOperation,
  kind: InjectedFault['kind'],
  runStatus: RunStatus,
): InjectedFault {
  switch (operation) {
    case 'run':
      return { operation, kind, status: runStatus };
    case 'abort':
      return { operation, kind, status: zeroStatus() };
    case 'status':
      return { operation, kind, status: zeroStatus(), service: NEW_SERVICE_STATUS };
    case 'query':
    case 'queryNow':
    case 'statusAll':
      return { operation, kind, statuses: [], service: NEW_SERVICE_STATUS };
  }
}
