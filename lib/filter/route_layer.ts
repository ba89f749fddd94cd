import { MeshError } from "../errors.ts";
import type { Call } from "../http/call.ts";
import type { HeaderList } from "../http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import type { Handler } from "../internal/layer.ts";
import type { Random } from "../internal/random.ts";
import { InternalRedirect } from "../router/internal_redirect.ts";
import { compileRoutes, type RouteTable } from "../router/route_table.ts";
import type { HttpConnectionManager } from "../resource/http_connection_manager.ts";
import type { RouteConfiguration } from "../resource/route.ts";
import type { SnapshotSource } from "../resource/snapshot.ts";
import type { HttpLayer } from "./http_filter.ts";

/**
 * Chooses virtual host and route before the first filter, so that filters find their per-route configuration. The
 * choice is cached on the call; `call.clearRouteCache()` has it made anew.
 *
 * @param manager Names its routes (RDS, looked up at each request: the newest configuration applies) or holds them.
 * @param snapshots Where named routes are found.
 * @param random Picks among weighted clusters.
 */
export function routeLayer(
  manager: Pick<HttpConnectionManager, "routes" | "tracing">,
  snapshots: SnapshotSource,
  random: Random,
): HttpLayer {
  const tables = new TableCache();
  const { routes, tracing } = manager;
  const current = "rds" in routes ? () => snapshots.current.route(routes.rds) : () => routes.inline;
  return function chooseRoute(next) {
    return (request, call) => {
      const configuration = current();
      if (configuration === null) {
        return Promise.reject(
          new MeshError(
            "NO_ROUTE_FOUND",
            `Cannot route '${request.authority}': the route configuration is not there yet; retry once it arrived`,
          ),
        );
      }
      const table = tables.of(configuration);
      // Every request counts as external, see `router/header_sanitizer.ts`.
      for (const name of configuration.internalOnlyHeaders) request.headers.delete(name);
      const choose = () => {
        call.chosen = table.choose(request, random, call.dynamicMetadata);
      };
      call.onClearRouteCache = choose;
      choose();
      if (call.chosen === null) {
        call.responseCodeDetails = "route_not_found";
        return Promise.reject(
          new MeshError(
            "NO_ROUTE_FOUND",
            `Cannot route '${request.method} ${request.authority}${request.path}': no virtual host and route of ` +
              `'${configuration.name}' matches; check the host, the port and the VirtualServices of the service`,
          ),
        );
      }
      if (tracing) passOperation(request.headers, call);
      return followsRedirects(call) ? following(next, request, call) : next(request, call);
    };
  };
}

/** Tells the proxy of the other side what the request is called in traces, as Envoy does; it goes no further there. */
function passOperation(headers: HeaderList, { chosen, direction }: Call): void {
  if (direction === "inbound") headers.delete("x-envoy-decorator-operation");
  else if (chosen!.route.operation !== null) headers.set("x-envoy-decorator-operation", chosen!.route.operation);
}

function followsRedirects({ chosen }: Call): boolean {
  const action = chosen?.route.action;
  return action?.kind === "forward" && action.internalRedirect !== null;
}

/** Sends the request through the filters again for each redirect of the upstream that the route lets us follow. */
async function following(
  next: Handler<HttpRequest, HttpResponse, Call>,
  request: HttpRequest,
  call: Call,
): Promise<HttpResponse> {
  for (;;) {
    try {
      return await next(request, call);
    } catch (error) {
      if (!(error instanceof InternalRedirect)) throw error;
    }
  }
}

/** The compiled table of the configuration last seen: configurations keep their identity while their bytes do. */
class TableCache {
  #configuration: RouteConfiguration | null = null;
  #table: RouteTable | null = null;

  of(configuration: RouteConfiguration): RouteTable {
    if (this.#configuration !== configuration || this.#table === null) {
      this.#table = compileRoutes(configuration);
      this.#configuration = configuration;
    }
    return this.#table;
  }
}
