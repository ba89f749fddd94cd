import type { HttpLayer } from "../../filter/http_filter.ts";
import { routeDisables } from "../../filter/route_config.ts";
import type { Call } from "../../http/call.ts";
import type { HttpRequest, HttpResponse } from "../../http/message.ts";
import type { Handler } from "../../internal/layer.ts";
import { localReply } from "../../router/local_reply.ts";
import type { PluginLease } from "../plugin_lease.ts";
import { HttpStream } from "./http_stream.ts";

/**
 * The layer of a plugin: each request becomes a stream of it.
 *
 * @param lease The plugin, in use for as long as the layer is.
 * @param name Name of the filter in its chain.
 */
export function wasmLayer(lease: PluginLease, name: string): HttpLayer {
  const { handle } = lease;
  return function wasm(next) {
    const run = (request: HttpRequest, call: Call): Promise<HttpResponse> => {
      const root = handle.acquireRoot();
      return root === null
        ? notRunning(lease, next, request, call)
        : new HttpStream(lease, root, request, call).run(next);
    };
    return (request, call) => {
      if (routeDisables(call, name)) return next(request, call);
      if (handle.state === "starting" && handle.source.immediate) {
        return handle.settled.then(() => run(request, call));
      }
      return run(request, call);
    };
  };
}

/** What a request gets while the plugin does not run, by its failure policy. */
function notRunning(
  { handle }: PluginLease,
  next: Handler<HttpRequest, HttpResponse, Call>,
  request: HttpRequest,
  call: Call,
): Promise<HttpResponse> {
  if (handle.config.failurePolicy === "open") return next(request, call);
  request.body?.cancel();
  return Promise.resolve(localReply(request, call, { status: 503, body: "", details: "wasm_fail_stream" }));
}
