import { Status, type StatusCode } from "../abi.ts";
import { GrpcCall } from "../calls/grpc_call.ts";
import { grpcTarget } from "../calls/grpc_target.ts";
import { CallKind, callKind, OpenCalls } from "../calls/open_calls.ts";
import { decodePairs } from "../pairs.ts";
import type { Vm } from "../vm.ts";
import type { HostGroup } from "./host_group.ts";

/** The parameters that `proxy_grpc_call` and `proxy_grpc_stream` begin with. */
type GrpcArguments = readonly [
  upstream: number,
  upstreamSize: number,
  service: number,
  serviceSize: number,
  method: number,
  methodSize: number,
  metadata: number,
  metadataSize: number,
];

/** gRPC calls of a module to clusters. What comes of them comes to the root, in callbacks of its own. */
export const grpcCalls: HostGroup = (vm) => {
  const calls = new OpenCalls<GrpcCall>(vm);
  const end = (id: number, how: (call: GrpcCall) => void): StatusCode => {
    const kind = callKind(id);
    if (kind !== CallKind.GRPC_CALL && kind !== CallKind.GRPC_STREAM) return Status.BAD_ARGUMENT;
    const call = calls.find(id >>> 0);
    if (call === undefined) return Status.NOT_FOUND;
    how(call);
    return Status.OK;
  };
  return {
    proxy_grpc_call(...args: number[]) {
      const [message, messageSize, timeoutMs, idOut] = args.slice(8) as [number, number, number, number];
      return begin(vm, calls, args as unknown as GrpcArguments, idOut, { message, messageSize, timeoutMs });
    },
    proxy_grpc_stream: (...args: number[]) => begin(vm, calls, args as unknown as GrpcArguments, args[8]!, null),
    proxy_grpc_send(id: number, message: number, messageSize: number, endOfStream: number) {
      if (vm.context === null) return Status.INTERNAL_FAILURE;
      if (callKind(id) !== CallKind.GRPC_STREAM) return Status.BAD_ARGUMENT;
      const call = calls.find(id >>> 0);
      if (call === undefined) return Status.NOT_FOUND;
      const bytes = vm.memory.view(message, messageSize);
      if (bytes === null) return Status.INVALID_MEMORY_ACCESS;
      if (!calls.takes(bytes.length)) return Status.INTERNAL_FAILURE;
      call.send(bytes, endOfStream !== 0);
      return Status.OK;
    },
    proxy_grpc_cancel(id: number) {
      if (vm.context === null) return Status.INTERNAL_FAILURE;
      return end(id, (call) => {
        calls.remove(id >>> 0);
        call.cancel();
      });
    },
    proxy_grpc_close: (id: number) => vm.context === null ? Status.INTERNAL_FAILURE : end(id, (call) => call.close()),
  };
};

function begin(
  vm: Vm,
  calls: OpenCalls<GrpcCall>,
  args: GrpcArguments,
  idOut: number,
  unary: { readonly message: number; readonly messageSize: number; readonly timeoutMs: number } | null,
): StatusCode {
  const { context, memory } = vm;
  const { clusters } = vm.host;
  if (context === null || context.root.closed) return Status.INTERNAL_FAILURE;
  const [upstream, upstreamSize, serviceAt, serviceSize, methodAt, methodSize, metadata, metadataSize] = args;
  const place = memory.view(upstream, upstreamSize);
  const service = memory.text(serviceAt, serviceSize);
  const method = memory.text(methodAt, methodSize);
  const pairs = memory.view(metadata, metadataSize);
  const message = unary === null ? null : memory.view(unary.message, unary.messageSize);
  if (place === null || service === null || method === null || pairs === null) return Status.INVALID_MEMORY_ACCESS;
  if ((unary !== null && message === null) || !memory.contains(idOut, 4)) return Status.INVALID_MEMORY_ACCESS;
  if (clusters === null) return Status.PARSE_FAILURE;
  const target = grpcTarget(place, clusters);
  if (typeof target === "number") return target;
  if (!calls.hasRoom(message?.length ?? 0)) return Status.INTERNAL_FAILURE;
  const id = calls.nextId(unary === null ? CallKind.GRPC_STREAM : CallKind.GRPC_CALL);
  const timeoutMs = unary === null || unary.timeoutMs <= 0 ? null : unary.timeoutMs;
  const options = {
    calls,
    id,
    root: context.root,
    clusters,
    target,
    service,
    method,
    metadata: decodePairs(pairs),
    timeoutMs,
  };
  const call = message === null ? GrpcCall.stream(options) : GrpcCall.unary(options, message);
  if (call === null) return Status.BAD_ARGUMENT;
  calls.add(id, call);
  memory.writeU32(idOut, id);
  return Status.OK;
}
