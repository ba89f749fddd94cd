import { Status, type StatusCode, StreamType } from "../abi.ts";
import { GUEST_LIMITS } from "../guest_limits.ts";
import { decodePairs } from "../pairs.ts";
import { isFieldName, isFieldValue } from "../http/field_syntax.ts";
import type { Vm } from "../vm.ts";
import type { HostGroup } from "./host_group.ts";

/** The course of streams: going on, ending, answering, choosing the route anew. All take effect after the callback. */
export const streamCalls: HostGroup = (vm) => ({
  proxy_continue_stream: (stream: number) => vm.context?.continueStream(stream) ?? Status.INTERNAL_FAILURE,
  proxy_close_stream: (stream: number) => vm.context?.closeStream(stream) ?? Status.INTERNAL_FAILURE,
  // The functions of ABI 0.1.0; toolchains disagree on whether they return anything.
  proxy_continue_request: () => vm.context?.continueStream(StreamType.HTTP_REQUEST) ?? Status.INTERNAL_FAILURE,
  proxy_continue_response: () => vm.context?.continueStream(StreamType.HTTP_RESPONSE) ?? Status.INTERNAL_FAILURE,
  proxy_clear_route_cache: () => vm.context?.clearRouteCache() ?? Status.INTERNAL_FAILURE,
  proxy_send_local_response: (...args: number[]) => sendLocalResponse(vm, args),
});

function sendLocalResponse(vm: Vm, args: readonly number[]): StatusCode {
  const { context, memory } = vm;
  if (context === null) return Status.INTERNAL_FAILURE;
  const [status, details, detailsSize, body, bodySize, headers, headersSize, grpcStatus] = args as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (bodySize >>> 0 > GUEST_LIMITS.contentBytes || detailsSize >>> 0 > GUEST_LIMITS.headerBytes) {
    return Status.BAD_ARGUMENT;
  }
  const text = memory.text(details, detailsSize);
  const content = memory.copy(body, bodySize);
  const pairs = memory.view(headers, headersSize);
  if (text === null || content === null || pairs === null) return Status.INVALID_MEMORY_ACCESS;
  return context.sendLocalResponse({
    status: status >>> 0,
    details: text.replace(/\s/g, "_"),
    body: content,
    headers: fieldsOf(decodePairs(pairs)),
    grpcStatus: grpcStatus >= 0 && grpcStatus <= 16 ? grpcStatus : null,
  });
}

/** The fields that can be sent, in lower case: pseudo-headers and what would break the message are left out. */
function fieldsOf(pairs: readonly string[]): string[] {
  const fields: string[] = [];
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i]!.toLowerCase();
    const value = pairs[i + 1]!;
    if (isFieldName(name) && isFieldValue(value)) fields.push(name, value);
  }
  return fields;
}
