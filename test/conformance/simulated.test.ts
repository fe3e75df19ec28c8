import { conformanceCases } from '../../src/conformance/conformance-cases.ts';
import { describeRunner } from '../../src/vitest/describe-runner.ts';
import { simulated } from './subjects.ts';

describeRunner(simulated, conformanceCases);
