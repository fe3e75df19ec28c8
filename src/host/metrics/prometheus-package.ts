/** Loads prom-client, an optional peer, when somebody asks for Prometheus and not before. */
import type * as promClient from 'prom-client';
import { RunnerError } from '../../kernel/errors.ts';

/** What is used of prom-client. */
export type PrometheusPackage = Pick<typeof promClient, 'Counter' | 'Gauge' | 'Histogram'>;

/**
 * Loads the package.
 *
 * Rejects with `RUNNER_MISSING_PACKAGE` if it is not installed, and with whatever else it fails with.
 */
export async function loadPrometheusPackage(
  load: () => Promise<PrometheusPackage> = () => import('prom-client'),
): Promise<PrometheusPackage> {
  try {
    return await load();
  } catch (error) {
    if ((error as { code?: unknown } | undefined)?.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const message = 'createPrometheusMetrics needs the package prom-client: npm install prom-client';
    throw new RunnerError('RUNNER_MISSING_PACKAGE', message, { expected: 'prom-client', cause: error });
  }
}
