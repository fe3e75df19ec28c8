/** How the output server says no. Invariant: once a part of an answer is out, only a cut connection can tell that it failed. */
import type { ServerResponse } from 'node:http';

/** The text of every 404 (R163). */
export const UNRECOGNIZED = 'Unrecognized path';

/** A request that gets a status and one line of text. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** Answers with the refusal, or with 500 for an error that nobody foresaw. */
export function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const [status, message] =
    error instanceof Refusal ? [error.status, error.message] : [500, 'Internal error'];
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' });
  response.end(`${message}\n`);
}
