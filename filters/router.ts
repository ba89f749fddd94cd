import type { Call } from "../lib/http/call.ts";
import type { HttpRequest, HttpResponse } from "../lib/http/message.ts";
import type { Handler } from "../lib/internal/layer.ts";
import { localReply } from "../lib/router/local_reply.ts";
import { RouteChoice } from "../lib/router/route_table.ts";
import { Forwarding, type ForwardingDeps } from "../lib/upstream/forwarding.ts";

/** What {@linkcode createRouter} works with. */
export type RouterDeps = ForwardingDeps;

/**
 * `envoy.filters.http.router`, the innermost handler of every chain: carries out the route chosen on the call, which is
 * a redirect, a direct response, or forwarding to a cluster with rewrites, time limits, retries and mirrors.
 *
 * The response is what the upstream sent or a local reply with Envoy's status, flag and details; the promise rejects only
 * when the caller gave up (with its reason) or its request body failed. After a response with the details
 * `via_upstream` to an application's call (`call.downstream` is `null`) the router settles the call with the
 * bytes of the last attempt; local replies leave that to the outermost layer.
 */
export function createRouter(deps: RouterDeps): Handler<HttpRequest, HttpResponse, Call> {
  return function router(request, call) {
    const choice = call.chosen;
    if (!(choice instanceof RouteChoice)) return Promise.resolve(noRoute(request, call));
    const { action } = choice.route;
    switch (action.kind) {
      case "forward":
        return new Forwarding(deps, { action, plan: choice.plan, clusterName: choice.clusterName! }, request, call)
          .start();
      case "redirect":
        return Promise.resolve(answer(choice, request, call, {
          status: action.status,
          body: "",
          headers: ["location", choice.plan.redirect!(request)],
        }));
      case "direct_response":
        return Promise.resolve(answer(choice, request, call, {
          status: action.status,
          body: action.body,
          headers: choice.plan.redirect === null ? [] : ["location", choice.plan.redirect(request)],
        }));
      case "non_forwarding":
        return Promise.resolve(notForwarding(request, call));
    }
  };
}

function answer(
  choice: RouteChoice,
  request: HttpRequest,
  call: Call,
  reply: { readonly status: number; readonly body: string; readonly headers?: readonly string[] },
): HttpResponse {
  request.body?.cancel();
  const response = localReply(request, call, { ...reply, details: "direct_response" });
  choice.plan.changeLocalReply(response, call);
  call.response = response;
  return response;
}

/** Only filters answer on such a route; where none did Envoy finds no cluster. */
function notForwarding(request: HttpRequest, call: Call): HttpResponse {
  request.body?.cancel();
  return localReply(request, call, {
    status: 503,
    flag: "NC",
    details: "cluster_not_found",
    body: `Cannot send the request: the route of '${request.authority}${request.path}' forwards nothing`,
  });
}

function noRoute(request: HttpRequest, call: Call): HttpResponse {
  request.body?.cancel();
  return localReply(request, call, {
    status: 404,
    flag: "NR",
    details: "route_not_found",
    body: `Cannot send the request: no route for '${request.authority}${request.path}'; ` +
      "check the hosts and matches of the VirtualService",
  });
}
