import type { HttpFilterPlan, HttpFilterType } from "../lib/filter/http_filter.ts";
import { chosenCluster } from "../lib/filter/chosen_cluster.ts";
import { routeConfig } from "../lib/filter/route_config.ts";
import { decode } from "../lib/protobuf/registry.ts";
import { localReply } from "../lib/router/local_reply.ts";

const NAME = "envoy.filters.http.dynamic_forward_proxy";
const CONFIG = "envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig";
const PER_ROUTE = "envoy.extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig";

/** What a route says of the host: a literal, or a header that names it; empty for neither. */
class HostRewrite {
  readonly literal: string;
  readonly header: string;

  constructor(literal: string, header: string) {
    this.literal = literal;
    this.header = header;
  }
}

function isHostRewrite(value: object): value is HostRewrite {
  return value instanceof HostRewrite;
}

/**
 * `envoy.filters.http.dynamic_forward_proxy`: requests whose cluster goes where their host says. The cluster resolves the
 * host itself, with the DNS settings of its own; what is left here is the rewrite of the host by the route, and the
 * refusal of requests without one.
 */
export const dynamicForwardProxyFilter: HttpFilterType = {
  configTypes: [CONFIG],
  parse(bytes): HttpFilterPlan {
    const { dnsCacheConfig, subClusterConfig } = decode(CONFIG, bytes);
    if (subClusterConfig === undefined && (dnsCacheConfig?.name ?? "") === "") {
      throw new TypeError("Cannot use 'dns_cache_config.name': it must not be empty");
    }
    return {
      create: (context) =>
        function dynamicForwardProxy(next) {
          return (request, call) => {
            if (chosenCluster(call, context)?.type !== "dynamic_forward_proxy") return next(request, call);
            const found = routeConfig(call, NAME, isHostRewrite);
            if (found.kind === "disabled") return next(request, call);
            const rewrite = found.config;
            if (rewrite !== null && rewrite.literal !== "") request.authority = rewrite.literal;
            const named = rewrite === null || rewrite.header === "" ? undefined : request.headers.get(rewrite.header);
            if (named !== undefined) request.authority = named;
            if (request.authority !== "") return next(request, call);
            request.body?.cancel();
            return Promise.resolve(localReply(request, call, {
              status: 400,
              details: "empty_host_header",
              body: "Cannot send the request: its host is empty, and the mesh would go where it says",
            }));
          };
        },
      ...(subClusterConfig === undefined ? {} : { unsupported: ["sub_cluster_config"] }),
    };
  },
  perRoute: {
    configTypes: [PER_ROUTE],
    parse(bytes) {
      const { hostRewriteLiteral = "", hostRewriteHeader = "" } = decode(PER_ROUTE, bytes);
      return new HostRewrite(hostRewriteLiteral, hostRewriteHeader.toLowerCase());
    },
  },
};
