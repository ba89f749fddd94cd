import { MeshError } from "../errors.ts";
import type { Call } from "../http/call.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { localReply } from "../router/local_reply.ts";
import type { FilterContext, HttpLayer } from "./http_filter.ts";

/**
 * Turns what a layer below throws into the answer a sidecar would give: status, flag, and a body that says what
 * happened and what to check. A request its caller has given up gets no answer: the reason goes back to the caller.
 */
export function localReplyLayer(context: FilterContext): HttpLayer {
  return function localReplies(next) {
    return (request, call) => {
      try {
        return next(request, call).catch((error) => answer(error, request, call, context));
      } catch (error) {
        return Promise.resolve().then(() => answer(error, request, call, context));
      }
    };
  };
}

function answer(error: unknown, request: HttpRequest, call: Call, context: FilterContext): HttpResponse {
  if (call.exchange.cancelled) {
    call.addFlag("DC");
    throw error;
  }
  let response: HttpResponse;
  if (error instanceof MeshError && error.meaning.status !== 0) {
    const { flag, status, grpcStatus } = error.meaning;
    const details = call.responseCodeDetails ?? error.code.toLowerCase();
    response = localReply(request, call, { status, flag, grpcStatus, details, body: error.message });
  } else {
    // The text of an unknown error may hold anything: it goes to the log, not to the peer.
    context.logger.log("error", `Cannot answer '${request.method} ${request.path}': ${describe(error)}`);
    const body = "Cannot answer the request: an internal error, see the log of the workload";
    response = localReply(request, call, { status: 500, details: "internal_error", body });
  }
  call.response = response;
  return response;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
