// The doors of those who write scenarios, runners and simulations, as one.
/* eslint-disable no-restricted-syntax -- a test of all doors takes their names together */
export * from '../../src/index.ts';
export * from '../../src/kernel/index.ts';
export * from '../../src/kit/index.ts';
