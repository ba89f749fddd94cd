import type { Call } from "../../http/call.ts";
import type { HeaderList } from "../../http/header_list.ts";
import type { HttpRequest } from "../../http/message.ts";
import type { HeaderMutations } from "../../resource/common.ts";
import type { ForwardAction } from "../../resource/route.ts";
import type { RouteChoice } from "../../router/route_table.ts";
import { requestTimeouts } from "../../router/timeouts.ts";
import type { HeaderChange, RequestOutcome } from "./request_explanation.ts";

/**
 * What a forwarding route does to a request. The request is changed, by the route's own plan: what differs afterwards is
 * what is told.
 */
export function explainForward(
  { plan, clusterName }: RouteChoice,
  action: ForwardAction,
  request: HttpRequest,
  call: Call,
): RequestOutcome {
  const { authority, path } = request;
  const headers = request.headers.clone();
  const { globalMs, perTryMs } = requestTimeouts(action, plan.retry?.policy ?? null, headers);
  plan.rewrite(request, call);
  const { configuration, virtualHost, route, weightedCluster } = plan.place;
  const levels = [weightedCluster?.headers, route.headers, virtualHost.headers, configuration.headers];
  const { cluster } = action;
  return {
    kind: "forward",
    cluster: clusterName ?? "",
    split: cluster.kind !== "weighted" ? [] : cluster.clusters.map(({ name, weight }) => ({
      cluster: name,
      percent: 100 * weight / cluster.totalWeight,
    })),
    rewrittenHost: request.authority === authority ? null : request.authority,
    rewrittenPath: request.path === path ? null : request.path,
    requestHeaders: headerChanges(headers, request.headers),
    responseHeaders: [...new Set(levels.flatMap((level) => level === undefined ? [] : responseHeaders(level)))],
    timeoutMs: globalMs,
    retries: plan.retry === null ? null : {
      attempts: plan.retry.policy.numRetries,
      on: plan.retry.policy.retryOn,
      perTryTimeoutMs: perTryMs,
    },
    mirrors: action.mirrors.map(({ cluster, fraction }) => ({
      cluster,
      percent: 100 * fraction.numerator / fraction.denominator,
    })),
  };
}

function headerChanges(before: HeaderList, after: HeaderList): HeaderChange[] {
  const names = new Set([...before.pairs, ...after.pairs].filter((_, index) => index % 2 === 0));
  const changes: HeaderChange[] = [];
  for (const name of names) {
    const change = { name, before: before.getJoined(name) ?? null, after: after.getJoined(name) ?? null };
    if (change.before !== change.after) changes.push(change);
  }
  return changes;
}

function responseHeaders({ responseAdd, responseRemove }: HeaderMutations): string[] {
  return [...responseAdd.map(({ name }) => name), ...responseRemove];
}
