// The messages here beside the official files, where Debian's package bazel-bootstrap-source has put them.
import { existsSync, readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import { REMOTE_EXECUTION_PROTO, USED_PROTOS } from '../../src/cas/remote-execution-proto.ts';

const SOURCES = '/usr/src/bazel-bootstrap/third_party';
const FILES = [
  'remoteapis/build/bazel/remote/execution/v2/remote_execution.proto',
  'remoteapis/build/bazel/semver/semver.proto',
  'googleapis/google/longrunning/operations.proto',
  'googleapis/google/bytestream/bytestream.proto',
  'googleapis/google/rpc/status.proto',
  'googleapis/google/rpc/error_details.proto',
];

/** Every field and enum value of a set of files, as text that says all that matters on the wire. */
function wireOf(texts: readonly string[]): Map<string, string> {
  const root = new protobuf.Root();
  for (const text of texts) protobuf.parse(text, root);
  const found = new Map<string, string>();
  const walk = (space: protobuf.NamespaceBase): void => {
    for (const inner of space.nestedArray) {
      if (inner instanceof protobuf.Enum) {
        for (const [name, value] of Object.entries(inner.values)) {
          found.set(`${inner.fullName}.${name}`, String(value));
        }
      }
      if (inner instanceof protobuf.Type) {
        for (const field of inner.fieldsArray) {
          const map = field instanceof protobuf.MapField ? `map<${field.keyType}>` : '';
          const type = field.type.slice(field.type.lastIndexOf('.') + 1);
          const oneof = field.partOf?.name ?? '';
          found.set(
            `${inner.fullName}.${field.name}`,
            `${map}${field.repeated} ${type} = ${field.id} ${oneof}`,
          );
        }
      }
      if (inner instanceof protobuf.Namespace) walk(inner);
    }
  };
  walk(root);
  return found;
}

const own = wireOf([REMOTE_EXECUTION_PROTO, ...USED_PROTOS]);
const isInstalled = FILES.every((file) => existsSync(`${SOURCES}/${file}`));

test.skipIf(!isInstalled)(
  isInstalled
    ? 'every field has the number and type that it has in the official files'
    : "fields are not compared with the official files because Debian's bazel-bootstrap-source is not installed",
  () => {
    const official = wireOf(FILES.map((file) => readFileSync(`${SOURCES}/${file}`, 'utf8')));
    // Those of protobuf itself come with every protobuf library.
    const compared = [...own].filter(([name]) => !name.startsWith('.google.protobuf.'));
    // Compression came after these files: what is not in them cannot be compared.
    const isNewer = (name: string): boolean => /[cC]ompressor/.test(name) && !official.has(name);
    const differing = compared.filter(([name, wire]) => official.get(name) !== wire && !isNewer(name));
    expect(compared.length).toBeGreaterThan(180);
    expect(differing.map(([name, wire]) => `${name}: ${wire}, officially ${official.get(name)}`)).toEqual([]);
  },
);
