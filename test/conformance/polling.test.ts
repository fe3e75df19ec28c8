import { conformanceCases } from '../../src/conformance/conformance-cases.ts';
import { describeRunner } from '../../src/vitest/describe-runner.ts';
import { polling } from './subjects.ts';

describeRunner(polling, conformanceCases);
