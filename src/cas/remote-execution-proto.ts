/**
 * The messages of the Remote Execution API v2 and its dependencies, as a `.proto` text. Invariant: names, numbers and
 * types are those of the official files, with which `test/cas/official-protos.test.ts` compares them where Debian's
 * package is installed; fields not used here are left out, and are lost when a message is decoded.
 *
 * The text is in a module so that it can be bundled and needs no file system.
 */
export const REMOTE_EXECUTION_PROTO = `
syntax = "proto3";
package build.bazel.remote.execution.v2;

message Digest { string hash = 1; int64 size_bytes = 2; }
message NodeProperty { string name = 1; string value = 2; }
message Platform {
  message Property { string name = 1; string value = 2; }
  repeated Property properties = 1;
}
message Action {
  Digest command_digest = 1;
  Digest input_root_digest = 2;
  google.protobuf.Duration timeout = 6;
  bool do_not_cache = 7;
  bytes salt = 9;
  Platform platform = 10;
}
message Command {
  message EnvironmentVariable { string name = 1; string value = 2; }
  repeated string arguments = 1;
  repeated EnvironmentVariable environment_variables = 2;
  repeated string output_files = 3;
  repeated string output_directories = 4;
  Platform platform = 5;
  string working_directory = 6;
  repeated string output_paths = 7;
}
message FileNode { string name = 1; Digest digest = 2; bool is_executable = 4; }
message DirectoryNode { string name = 1; Digest digest = 2; }
message SymlinkNode { string name = 1; string target = 2; }
message Directory {
  repeated FileNode files = 1;
  repeated DirectoryNode directories = 2;
  repeated SymlinkNode symlinks = 3;
}
message Tree { Directory root = 1; repeated Directory children = 2; }
message ExecutedActionMetadata {
  string worker = 1;
  google.protobuf.Timestamp queued_timestamp = 2;
  google.protobuf.Timestamp worker_start_timestamp = 3;
  google.protobuf.Timestamp worker_completed_timestamp = 4;
  google.protobuf.Timestamp input_fetch_start_timestamp = 5;
  google.protobuf.Timestamp input_fetch_completed_timestamp = 6;
  google.protobuf.Timestamp execution_start_timestamp = 7;
  google.protobuf.Timestamp execution_completed_timestamp = 8;
  google.protobuf.Timestamp output_upload_start_timestamp = 9;
  google.protobuf.Timestamp output_upload_completed_timestamp = 10;
}
message OutputFile { string path = 1; Digest digest = 2; bool is_executable = 4; bytes contents = 5; }
message OutputDirectory { string path = 1; Digest tree_digest = 3; }
message OutputSymlink { string path = 1; string target = 2; }
message ActionResult {
  repeated OutputFile output_files = 2;
  repeated OutputDirectory output_directories = 3;
  int32 exit_code = 4;
  bytes stdout_raw = 5;
  Digest stdout_digest = 6;
  bytes stderr_raw = 7;
  Digest stderr_digest = 8;
  ExecutedActionMetadata execution_metadata = 9;
  repeated OutputSymlink output_file_symlinks = 10;
  repeated OutputSymlink output_directory_symlinks = 11;
  repeated OutputSymlink output_symlinks = 12;
}
message ExecutionPolicy { int32 priority = 1; }
message ResultsCachePolicy { int32 priority = 1; }
message ExecuteRequest {
  string instance_name = 1;
  bool skip_cache_lookup = 3;
  Digest action_digest = 6;
  ExecutionPolicy execution_policy = 7;
  ResultsCachePolicy results_cache_policy = 8;
}
message LogFile { Digest digest = 1; bool human_readable = 2; }
message ExecuteResponse {
  ActionResult result = 1;
  bool cached_result = 2;
  google.rpc.Status status = 3;
  map<string, LogFile> server_logs = 4;
  string message = 5;
}
message ExecutionStage {
  enum Value { UNKNOWN = 0; CACHE_CHECK = 1; QUEUED = 2; EXECUTING = 3; COMPLETED = 4; }
}
message ExecuteOperationMetadata {
  ExecutionStage.Value stage = 1;
  Digest action_digest = 2;
  string stdout_stream_name = 3;
  string stderr_stream_name = 4;
}
message WaitExecutionRequest { string name = 1; }
message GetActionResultRequest {
  string instance_name = 1;
  Digest action_digest = 2;
  bool inline_stdout = 3;
  bool inline_stderr = 4;
  repeated string inline_output_files = 5;
}
message UpdateActionResultRequest {
  string instance_name = 1;
  Digest action_digest = 2;
  ActionResult action_result = 3;
  ResultsCachePolicy results_cache_policy = 4;
}
message FindMissingBlobsRequest { string instance_name = 1; repeated Digest blob_digests = 2; }
message FindMissingBlobsResponse { repeated Digest missing_blob_digests = 2; }
message BatchUpdateBlobsRequest {
  message Request { Digest digest = 1; bytes data = 2; Compressor.Value compressor = 3; }
  string instance_name = 1;
  repeated Request requests = 2;
}
message BatchUpdateBlobsResponse {
  message Response { Digest digest = 1; google.rpc.Status status = 2; }
  repeated Response responses = 1;
}
message BatchReadBlobsRequest {
  string instance_name = 1;
  repeated Digest digests = 2;
  repeated Compressor.Value acceptable_compressors = 3;
}
message BatchReadBlobsResponse {
  message Response { Digest digest = 1; bytes data = 2; google.rpc.Status status = 3; Compressor.Value compressor = 4; }
  repeated Response responses = 1;
}
message GetTreeRequest { string instance_name = 1; Digest root_digest = 2; int32 page_size = 3; string page_token = 4; }
message GetTreeResponse { repeated Directory directories = 1; string next_page_token = 2; }
message GetCapabilitiesRequest { string instance_name = 1; }
message ServerCapabilities {
  CacheCapabilities cache_capabilities = 1;
  ExecutionCapabilities execution_capabilities = 2;
  build.bazel.semver.SemVer deprecated_api_version = 3;
  build.bazel.semver.SemVer low_api_version = 4;
  build.bazel.semver.SemVer high_api_version = 5;
}
message DigestFunction { enum Value { UNKNOWN = 0; SHA256 = 1; } }
message ActionCacheUpdateCapabilities { bool update_enabled = 1; }
message PriorityCapabilities {
  message PriorityRange { int32 min_priority = 1; int32 max_priority = 2; }
  repeated PriorityRange priorities = 1;
}
message SymlinkAbsolutePathStrategy { enum Value { UNKNOWN = 0; DISALLOWED = 1; ALLOWED = 2; } }
message Compressor { enum Value { IDENTITY = 0; ZSTD = 1; DEFLATE = 2; } }
message CacheCapabilities {
  repeated DigestFunction.Value digest_function = 1;
  ActionCacheUpdateCapabilities action_cache_update_capabilities = 2;
  PriorityCapabilities cache_priority_capabilities = 3;
  int64 max_batch_total_size_bytes = 4;
  SymlinkAbsolutePathStrategy.Value symlink_absolute_path_strategy = 5;
  repeated Compressor.Value supported_compressors = 6;
  repeated Compressor.Value supported_batch_update_compressors = 7;
}
message ExecutionCapabilities {
  DigestFunction.Value digest_function = 1;
  bool exec_enabled = 2;
  PriorityCapabilities execution_priority_capabilities = 3;
}
`;

/** The packages that the messages above use, each as a file of its own, because a file has one package. */
export const USED_PROTOS: readonly string[] = [
  `
syntax = "proto3";
package build.bazel.semver;
message SemVer { int32 major = 1; int32 minor = 2; int32 patch = 3; string prerelease = 4; }
`,
  `
syntax = "proto3";
package google.protobuf;
message Any { string type_url = 1; bytes value = 2; }
message Duration { int64 seconds = 1; int32 nanos = 2; }
message Timestamp { int64 seconds = 1; int32 nanos = 2; }
message Empty {}
`,
  `
syntax = "proto3";
package google.rpc;
message Status { int32 code = 1; string message = 2; repeated google.protobuf.Any details = 3; }
message PreconditionFailure {
  message Violation { string type = 1; string subject = 2; string description = 3; }
  repeated Violation violations = 1;
}
`,
  `
syntax = "proto3";
package google.longrunning;
message Operation {
  string name = 1;
  google.protobuf.Any metadata = 2;
  bool done = 3;
  oneof result {
    google.rpc.Status error = 4;
    google.protobuf.Any response = 5;
  }
}
message GetOperationRequest { string name = 1; }
message ListOperationsRequest { string filter = 1; int32 page_size = 2; string page_token = 3; string name = 4; }
message ListOperationsResponse { repeated Operation operations = 1; string next_page_token = 2; }
message CancelOperationRequest { string name = 1; }
message DeleteOperationRequest { string name = 1; }
`,
  `
syntax = "proto3";
package google.bytestream;
message ReadRequest { string resource_name = 1; int64 read_offset = 2; int64 read_limit = 3; }
message ReadResponse { bytes data = 10; }
message WriteRequest { string resource_name = 1; int64 write_offset = 2; bool finish_write = 3; bytes data = 10; }
message WriteResponse { int64 committed_size = 1; }
message QueryWriteStatusRequest { string resource_name = 1; }
message QueryWriteStatusResponse { int64 committed_size = 1; bool complete = 2; }
`,
];
