import { conformanceCases } from '../../src/conformance/conformance-cases.ts';
import { describeRunner } from '../../src/vitest/describe-runner.ts';
import { metered } from './subjects.ts';

describeRunner(metered, conformanceCases);
