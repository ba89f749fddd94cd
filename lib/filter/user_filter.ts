import { MeshError } from "../errors.ts";
import type { Call } from "../http/call.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { fromWebResponse } from "../http/web/response_from_web.ts";
import type { Logger } from "../internal/logger.ts";
import { localReply } from "../router/local_reply.ts";
import { CallView } from "./filter_call.ts";
import { RequestView } from "./filter_request.ts";
import { ResponseView } from "./filter_response.ts";
import type { HttpLayer } from "./http_filter.ts";
import type { MeshFilter } from "./mesh_filter.ts";

/** The layer of a filter of the application. What it throws answers that one request, and is logged under its name. */
export function userFilterLayer(filter: MeshFilter, logger: Logger): HttpLayer {
  const hasRequest = filter.onRequest !== undefined;
  const hasResponse = filter.onResponse !== undefined;
  const failed = (where: string, error: unknown, request: HttpRequest, call: Call): HttpResponse => {
    const what = error instanceof Error ? error.stack ?? error.message : String(error);
    logger.log("error", `Filter '${filter.name}' threw in ${where} of '${request.method} ${request.path}': ${what}`, {
      filter: filter.name,
    });
    return answer(
      call,
      localReply(request, call, {
        status: 500,
        details: "filter_error",
        body: `Cannot answer the request: filter '${filter.name}' failed, see the log of the workload`,
      }),
    );
  };

  return function userFilter(next) {
    return async (request, call) => {
      const view = new CallView(call);
      if (hasRequest) {
        let given: Response | undefined;
        try {
          const result = filter.onRequest!(new RequestView(request), view);
          given = (isPromise(result) ? await result : result) ?? undefined;
          if (given !== undefined) {
            const response = fromWebResponse(given);
            request.body?.cancel();
            call.responseCodeDetails = "filter_response";
            return answer(call, response);
          }
        } catch (error) {
          // A caller that has gone, or sends what cannot be taken, is no failure of the filter.
          if (call.exchange.cancelled || error instanceof MeshError) throw error;
          request.body?.cancel();
          return failed("onRequest", error, request, call);
        }
      }
      const response = await next(request, call);
      if (!hasResponse) return response;
      try {
        const result = filter.onResponse!(new ResponseView(response), view);
        if (isPromise(result)) await result;
        return response;
      } catch (error) {
        response.body?.cancel();
        if (call.exchange.cancelled || isOfThePeer(error)) throw error;
        return failed("onResponse", error, request, call);
      }
    };
  };
}

/** Whoever answers says so on the call: reports read the response from there. */
function answer(call: Call, response: HttpResponse): HttpResponse {
  call.response = response;
  return response;
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | undefined)?.then === "function";
}

/** Whether reading the response failed because of its sender. */
function isOfThePeer(error: unknown): boolean {
  return error instanceof MeshError && error.code !== "PAYLOAD_TOO_LARGE";
}
