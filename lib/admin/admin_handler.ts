import type { Clock } from "../internal/clock.ts";
import { compileRegex } from "../matcher/regex.ts";
import type { AdminView, ClusterView } from "./admin_view.ts";
import { certificatesDump } from "./certificates_dump.ts";
import { clustersJson, clustersText } from "./clusters_dump.ts";
import { configDump, isRefusal } from "./config_dump.ts";
import { listenersJson, listenersText } from "./listeners_dump.ts";
import { loggingAnswer } from "./logging_answer.ts";
import { prometheusAnswer, statsAnswer } from "./stats_dump.ts";
import { answerDrain, isLoopback, methodNotAllowed } from "./status_handler.ts";
import { jsonResponse, largeJsonResponse, largeTextResponse, textResponse } from "./text_response.ts";

const HELP = `admin commands are:
  /: this list
  /certs: print certs on machine
  /clusters: upstream cluster status
      filter: Regular expression (Google re2) for filtering clusters by name
      format: File format to use; One of (text, json)
  /config_dump: dump current configs
      resource: The list to dump, for example dynamic_active_clusters
      mask: The fields to show, separated by commas; with resource: of each element
      name_regex: Dump only the resources whose whole names match (Google re2)
      include_eds: Dump endpoints too
  /drain_listeners (POST): drain connections and stop taking new ones
  /help: print out list of admin commands
  /listeners: print listener info
      format: File format to use; One of (text, json)
  /logging (POST): query/change the logging level
      level: desired logging level; One of (, trace, debug, info, warning, error, critical, off)
  /memory: print current heap usage
  /ready: print server state, return 200 if LIVE, otherwise return 503
  /runtime: print runtime values
  /server_info: print server version/status information
  /stats: print server stats
      usedonly: Only include stats that are not zero
      filter: Regular expression (Google re2) for filtering stats
      format: Format to use; One of (text, json, prometheus)
  /stats/prometheus: print server stats in prometheus format
      usedonly: Only include stats that are not zero
      filter: Regular expression (Google re2) for filtering stats
`;

/** Answers one path. */
interface AdminPath {
  readonly method: "GET" | "POST";
  answer(view: AdminView, query: URLSearchParams, clock: Clock): Response;
}

/**
 * Answers the admin port (15000), in Envoy's formats. It shows configuration, so only this host is answered, whatever
 * address the port is bound to.
 */
export function adminHandler(
  view: AdminView,
  clock: Clock,
): (request: Request, info: { readonly remoteHostname: string }) => Response {
  return (request, { remoteHostname }) => {
    if (!isLoopback(remoteHostname)) return textResponse("Only requests from localhost are allowed\n", 403);
    const url = new URL(request.url);
    if (!isOwnHost(url.hostname)) return textResponse("The admin port is addressed as localhost only\n", 403);
    if (url.pathname === "/drain" || url.pathname === "/drain_listeners") {
      return answerDrain(request, view, remoteHostname);
    }
    const path = PATHS.get(url.pathname);
    if (path === undefined) return textResponse(`invalid path. ${HELP}`, 404);
    const method = request.method === "HEAD" ? "GET" : request.method;
    if (method !== path.method) return methodNotAllowed(request.method, path.method);
    return path.answer(view, url.searchParams, clock);
  };
}

/** A web page may reach this port through a name it controls (DNS rebinding): only names of this host are answered. */
function isOwnHost(hostname: string): boolean {
  return hostname === "localhost" || isLoopback(hostname.replace(/^\[|\]$/g, ""));
}

function get(answer: AdminPath["answer"]): AdminPath {
  return { method: "GET", answer };
}

const PATHS: ReadonlyMap<string, AdminPath> = new Map([
  ["/", get(() => textResponse(HELP))],
  ["/help", get(() => textResponse(HELP))],
  ["/certs", get((view, _, clock) => jsonResponse(certificatesDump(view.certificates(), clock.now())))],
  ["/clusters", get(clusters)],
  [
    "/config_dump",
    get((view, query, clock) => {
      const dump = configDump(view, query, clock.now());
      return isRefusal(dump) ? textResponse(dump.message, dump.status) : largeJsonResponse(dump, clock);
    }),
  ],
  [
    "/listeners",
    get((view, query, clock) =>
      query.get("format") === "json"
        ? largeJsonResponse(listenersJson(view.listeners()), clock)
        : largeTextResponse(listenersText(view.listeners()), clock)
    ),
  ],
  ["/logging", { method: "POST", answer: (view, query) => loggingAnswer(view.logging, query) }],
  ["/memory", get(() => jsonResponse(memory()))],
  [
    "/ready",
    get((view) => view.readiness().ready ? textResponse("LIVE\n") : textResponse(`${serverState(view)}\n`, 503)),
  ],
  // There is no runtime layer here: fractions come from the configuration.
  ["/runtime", get(() => jsonResponse({ entries: {}, layers: [] }))],
  ["/server_info", get((view) => jsonResponse(serverInfo(view)))],
  ["/stats", get((view, query) => statsAnswer(view, query))],
  ["/stats/prometheus", get((view, query) => prometheusAnswer(view, query))],
]);

function clusters(view: AdminView, query: URLSearchParams, clock: Clock): Response {
  let found: Iterable<ClusterView> = view.clusters();
  const pattern = query.get("filter") ?? "";
  if (pattern !== "") {
    try {
      const regex = compileRegex(`(?s:.*)(?:${pattern})(?s:.*)`);
      found = filter(found, ({ name }) => regex.matches(name));
    } catch (error) {
      return textResponse(`Invalid re2 regex: ${(error as Error).message}\n`, 400);
    }
  }
  return query.get("format") === "json"
    ? largeJsonResponse(clustersJson(found), clock)
    : largeTextResponse(clustersText(found), clock);
}

function* filter<T>(items: Iterable<T>, holds: (item: T) => boolean): Generator<T> {
  for (const item of items) if (holds(item)) yield item;
}

function serverState(view: AdminView): "LIVE" | "PRE_INITIALIZING" {
  return view.readiness().ready ? "LIVE" : "PRE_INITIALIZING";
}

/** `envoy.admin.v3.ServerInfo`, what of it there is here. */
function serverInfo(view: AdminView): object {
  const uptime = `${Math.floor(view.uptimeMs() / 1000)}s`;
  return {
    version: `enmesh/${view.version}`,
    state: serverState(view),
    uptime_current_epoch: uptime,
    uptime_all_epochs: uptime,
    node: { id: view.node.id, cluster: view.node.cluster, metadata: view.node.metadata },
  };
}

/** `envoy.admin.v3.Memory`, of the JavaScript heap and the process. */
function memory(): object {
  const { heapUsed, heapTotal, rss } = Deno.memoryUsage();
  return { allocated: String(heapUsed), heap_size: String(heapTotal), total_physical_bytes: String(rss) };
}
