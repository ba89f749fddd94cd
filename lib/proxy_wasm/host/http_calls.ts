import { type Body, BytesBody } from "../../http/body.ts";
import { Status, type StatusCode } from "../abi.ts";
import { callRequest, callTrailers } from "../calls/call_request.ts";
import { HttpCall } from "../calls/http_call.ts";
import { CallKind, OpenCalls } from "../calls/open_calls.ts";
import { decodePairs } from "../pairs.ts";
import type { Vm } from "../vm.ts";
import type { HostGroup } from "./host_group.ts";

/** Parameters of `proxy_http_call`, in their order. */
type HttpCallArguments = readonly [
  upstream: number,
  upstreamSize: number,
  headers: number,
  headersSize: number,
  body: number,
  bodySize: number,
  trailers: number,
  trailersSize: number,
  timeoutMs: number,
  idOut: number,
];

/** HTTP requests of a module to clusters. The answer comes to the root, in a callback of its own. */
export const httpCalls: HostGroup = (vm) => {
  const calls = new OpenCalls<HttpCall>(vm);
  return {
    proxy_http_call: (...args: number[]) => httpCall(vm, calls, args as unknown as HttpCallArguments),
    proxy_get_status(codeOut: number, messageOut: number, sizeOut: number) {
      const { context, memory } = vm;
      if (context === null) return Status.INTERNAL_FAILURE;
      const { code, message } = context.root.status;
      if (!memory.writeU32(codeOut, code)) return Status.INVALID_MEMORY_ACCESS;
      return memory.giveText(message, messageOut, sizeOut);
    },
  };
};

function httpCall(vm: Vm, calls: OpenCalls<HttpCall>, args: HttpCallArguments): StatusCode {
  const { context, memory } = vm;
  const { clusters } = vm.host;
  if (context === null || context.root.closed) return Status.INTERNAL_FAILURE;
  const [upstream, upstreamSize, headers, headersSize, body, bodySize, trailers, trailersSize, timeoutMs, idOut] = args;
  const cluster = memory.text(upstream, upstreamSize);
  const pairs = memory.view(headers, headersSize);
  const trailerPairs = memory.view(trailers, trailersSize);
  if (cluster === null || pairs === null || trailerPairs === null || !memory.contains(body, bodySize)) {
    return Status.INVALID_MEMORY_ACCESS;
  }
  if (!memory.contains(idOut, 4)) return Status.INVALID_MEMORY_ACCESS;
  const fields = callTrailers(decodePairs(trailerPairs));
  if (timeoutMs < 0 || clusters === null || fields === null || !clusters.has(cluster)) return Status.BAD_ARGUMENT;
  const bytes = (bodySize >>> 0) + (headersSize >>> 0);
  if (!calls.hasRoom(bytes)) return Status.INTERNAL_FAILURE;
  const content: Body | null = bodySize === 0 && fields.size === 0
    ? null
    : new BytesBody(memory.copy(body, bodySize)!, fields.size === 0 ? null : fields);
  const request = callRequest(decodePairs(pairs), content);
  if (request === null) return Status.BAD_ARGUMENT;
  const { root } = context;
  const id = calls.nextId(CallKind.HTTP);
  const options = { calls, id, root, clusters, cluster, request, timeoutMs: timeoutMs === 0 ? null : timeoutMs, bytes };
  calls.add(id, new HttpCall(options));
  memory.writeU32(idOut, id);
  return Status.OK;
}
