import { MeshError } from "../errors.ts";
import type { HttpConnectionManager } from "../resource/http_connection_manager.ts";
import type { HttpLayer } from "./http_filter.ts";

/**
 * Decides whether a request may go on with another protocol (WebSocket): the route's `upgrade_configs` first, then the
 * connection manager's. One that may not is answered with 403 and the details `upgrade_failed`, as by Envoy.
 *
 * Stands below the choice of the route and above the filters. Ordinary requests pass untouched.
 *
 * @see Envoy `HttpConnectionManager.upgrade_configs`, `RouteAction.upgrade_configs`.
 */
export function upgradeLayer({ upgrades }: Pick<HttpConnectionManager, "upgrades">): HttpLayer {
  return function upgrade(next) {
    return (request, call) => {
      const protocol = request.upgrade;
      if (protocol === undefined) return next(request, call);
      const action = call.chosen?.route.action;
      const route = action?.kind === "forward" ? action : null;
      const allowed = route?.upgrades[protocol] ?? upgrades.includes(protocol);
      if (allowed) return next(request, call);
      request.body?.cancel();
      call.responseCodeDetails = "upgrade_failed";
      return Promise.reject(
        new MeshError(
          "UPGRADE_UNSUPPORTED",
          `Cannot upgrade '${request.authority}${request.path}' to '${protocol}': the mesh does not allow it there; ` +
            "check upgrade_configs of the listener and the route",
        ),
      );
    };
  };
}
