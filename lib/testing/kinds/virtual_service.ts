import { parseExportTo } from "./export_to.ts";
import { type HttpRoute, parseHttpRoute } from "./http_route.ts";
import { type Kind, specOf } from "./kind.ts";
import { type L4Route, parseL4Route } from "./l4_route.ts";

/** An Istio VirtualService. */
export interface VirtualService {
  /** As written: short names are relative to the object's namespace. Empty for one that others delegate to. */
  readonly hosts: readonly string[];
  /** Where it applies, `mesh` for sidecars; empty for the mesh alone. */
  readonly gateways: readonly string[];
  /** Namespaces that see it: `.`, `*` or names; empty for all. */
  readonly exportTo: readonly string[];
  readonly http: readonly HttpRoute[];
  readonly tls: readonly L4Route[];
  readonly tcp: readonly L4Route[];
}

/** `networking.istio.io VirtualService`: the whole of it. */
export const virtualServiceKind: Kind<"VirtualService", VirtualService> = {
  kind: "VirtualService",
  groups: ["networking.istio.io"],
  pushes: ["clusters", "listeners", "routes"],
  parse(_meta, document) {
    const spec = specOf(document);
    spec.only("hosts", "gateways", "exportTo", "http", "tls", "tcp");
    const hosts = spec.strings("hosts");
    const http = spec.list("http").map(parseHttpRoute);
    const tls = spec.list("tls").map((route) => parseL4Route(route, "tls"));
    const tcp = spec.list("tcp").map((route) => parseL4Route(route, "tcp"));
    if (hosts.length === 0) {
      if (tls.length > 0 || tcp.length > 0) throw spec.error("hosts", "is required");
      if (http.some((route) => route.delegate !== undefined)) {
        throw spec.error("hosts", "is required: what others delegate to must not delegate itself");
      }
    }
    if (http.length + tls.length + tcp.length === 0) throw spec.error("http", "is required, or 'tls' or 'tcp'");
    return { hosts, gateways: spec.strings("gateways"), exportTo: parseExportTo(spec), http, tls, tcp };
  },
};
