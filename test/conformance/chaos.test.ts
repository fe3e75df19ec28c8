import { conformanceCases } from '../../src/conformance/conformance-cases.ts';
import { describeRunner } from '../../src/vitest/describe-runner.ts';
import { chaosWithoutFaults } from './subjects.ts';

describeRunner(chaosWithoutFaults, conformanceCases);
