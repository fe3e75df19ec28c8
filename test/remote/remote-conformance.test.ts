import { conformanceCases } from '../../src/conformance/conformance-cases.ts';
import { describeRunner } from '../../src/vitest/describe-runner.ts';
import { remote } from './remote-subject.ts';

describeRunner(remote, conformanceCases);
