import { conformanceCases } from '../../src/conformance/conformance-cases.ts';
import { describeRunner } from '../../src/vitest/describe-runner.ts';
import { recorded } from './subjects.ts';

describeRunner(recorded, conformanceCases);
