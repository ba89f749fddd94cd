import { chosenCluster } from "../lib/filter/chosen_cluster.ts";
import type { HttpFilterType } from "../lib/filter/http_filter.ts";
import type { HttpProtocol } from "../lib/http/message.ts";
import { decode } from "../lib/protobuf/registry.ts";

const CONFIG = "istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig";

const PROTOCOLS: Readonly<Record<string, HttpProtocol>> = {
  HTTP10: "HTTP/1.0",
  HTTP11: "HTTP/1.1",
  HTTP2: "HTTP/2",
};

/**
 * `istio.alpn`: which ALPN list a request's upstream connection offers, by the HTTP version spoken on it
 * (`istio-http/1.1`, `istio`, `http/1.1` and so on). That is how the other sidecar knows what to expect. The list is left
 * on the call for the connector; clusters whose metadata says `istio.alpn_override: "false"` keep their own.
 */
export const alpnFilter: HttpFilterType = {
  configTypes: [CONFIG],
  parse(bytes) {
    const lists = new Map<HttpProtocol, readonly string[]>();
    for (const entry of decode(CONFIG, bytes).alpnOverride ?? []) {
      const protocol = PROTOCOLS[entry.upstreamProtocol ?? "HTTP10"];
      if (protocol !== undefined) lists.set(protocol, entry.alpnOverride ?? []);
    }
    return {
      create: (context) =>
        function alpn(next) {
          return (request, call) => {
            const cluster = chosenCluster(call, context);
            if (cluster?.metadata["istio"]?.["alpn_override"] !== "false") call.alpnOverride = lists;
            return next(request, call);
          };
        },
    };
  },
};
