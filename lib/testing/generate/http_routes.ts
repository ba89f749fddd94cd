import type { EnvoyConfigRouteV3Route as Route, GoogleProtobufAny } from "../../protobuf/gen/messages.ts";
import { jsonToStruct } from "../../protobuf/well_known.ts";
import type { HttpMatch } from "../kinds/http_match.ts";
import type { HttpRoute } from "../kinds/http_route.ts";
import { selects } from "../kinds/kind.ts";
import type { VirtualService } from "../kinds/virtual_service.ts";
import type { Named } from "../named.ts";
import { MESH_GATEWAY } from "../virtual_services.ts";
import { type GenerateContext, parseClusterName } from "./context.ts";
import { corsConfig } from "./cors_config.ts";
import { faultConfig } from "./fault_config.ts";
import { headerChanges } from "./header_changes.ts";
import { directResponseAction, redirectAction } from "./local_answer.ts";
import { routeAction } from "./route_action.ts";
import { isCatchAll, routeMatch } from "./route_match.ts";

/** The routes of a VirtualService as they apply to this caller on this port. */
export function httpRoutes(context: GenerateContext, service: Named<VirtualService>, port: number): Route[] {
  const routes: Route[] = [];
  for (const http of service.value.http) {
    for (const match of http.matches.length === 0 ? [undefined] : http.matches) {
      if (match !== undefined && !appliesTo(context, match, port)) continue;
      const built = route(context, service, http, match, port);
      routes.push(built);
      // What follows a catch-all can never be reached.
      if (isCatchAll(built.match!)) return routes;
    }
  }
  return routes;
}

/** The parts of a match that istiod decides itself. */
type StaticMatch = Pick<HttpMatch, "port" | "sourceLabels" | "sourceNamespace" | "gateways">;

/** Whether they hold: the port, and the caller, who counts only where no gateways are named. */
export function appliesTo({ view, node }: GenerateContext, match: StaticMatch, port: number): boolean {
  if (match.port !== undefined && match.port !== port) return false;
  if (match.gateways.length > 0) return match.gateways.includes(MESH_GATEWAY);
  return selects(match.sourceLabels, view.labelsOf(node)) &&
    (match.sourceNamespace === undefined || match.sourceNamespace === node.namespace);
}

function route(
  context: GenerateContext,
  service: Named<VirtualService>,
  http: HttpRoute,
  match: HttpMatch | undefined,
  port: number,
): Route {
  const action = actionOf(context, http, port);
  const name = match === undefined || match.name === "" ? http.name : `${http.name}.${match.name}`;
  const config = `/apis/networking.istio.io/v1/namespaces/${service.namespace}/virtual-service/${service.name}`;
  // The headers of a single destination are the route's, where requests go to one.
  const only = action.route !== undefined && http.destinations.length === 1 ? http.destinations[0] : undefined;
  return {
    ...(name === "" ? {} : { name }),
    match: routeMatch(match),
    ...action,
    metadata: { filterMetadata: { istio: jsonToStruct({ config }) } },
    decorator: { operation: operation(service, match, action, port) },
    ...headerChanges(http.headers, only?.headers),
    ...filterConfigs(http),
    ...(match?.statPrefix ? { statPrefix: match.statPrefix } : {}),
  };
}

function actionOf(context: GenerateContext, http: HttpRoute, port: number): Route {
  if (http.redirect !== undefined) return { redirect: redirectAction(http.redirect, port) };
  if (http.directResponse !== undefined) return { directResponse: directResponseAction(http.directResponse) };
  return { route: routeAction(context, http, port) };
}

function filterConfigs({ fault, corsPolicy }: HttpRoute): Route {
  const configs: Record<string, GoogleProtobufAny> = {};
  if (fault?.delay !== undefined || fault?.abort !== undefined) {
    configs["envoy.filters.http.fault"] = faultConfig(fault);
  }
  if (corsPolicy !== undefined) configs["envoy.filters.http.cors"] = corsConfig(corsPolicy);
  return Object.keys(configs).length === 0 ? {} : { typedPerFilterConfig: configs };
}

/** What traces call the route: by its one destination, else by the VirtualService. */
function operation(
  service: Named<VirtualService>,
  match: HttpMatch | undefined,
  { route }: Route,
  port: number,
): string {
  const uri = match?.uri;
  const path = uri === undefined ? "/*" : uri.kind === "prefix" ? `${uri.value}*` : uri.value;
  const target = route?.cluster === undefined ? undefined : parseClusterName(route.cluster);
  return target === undefined ? `${service.name}:${port}${path}` : `${target.hostname}:${target.port}${path}`;
}
