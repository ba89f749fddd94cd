import type { Clock } from "../internal/clock.ts";
import { EXPOSITION_CONTENT_TYPE } from "../telemetry/exposition.ts";
import type { AdminView } from "./admin_view.ts";
import { certificatesDump } from "./certificates_dump.ts";
import { clustersJson, clustersText } from "./clusters_dump.ts";
import { configDump } from "./config_dump.ts";
import { answerDrain, isLoopback, methodNotAllowed } from "./status_handler.ts";
import { jsonResponse, textResponse } from "./text_response.ts";

const HELP = `admin commands are:
  /certs: print certs on machine
  /clusters: upstream cluster status
  /config_dump: dump current configs
  /drain (POST): drain connections and stop taking new ones
  /ready: print server state, return 200 if LIVE, otherwise return 503
  /server_info: print server version/status information
  /stats/prometheus: print server stats in prometheus format
`;

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
    const answer = read(url, view, clock);
    if (answer === null) return textResponse(`invalid path. ${HELP}`, 404);
    if (request.method !== "GET" && request.method !== "HEAD") return methodNotAllowed(request.method, "GET");
    return answer();
  };
}

/** A web page may reach this port through a name it controls (DNS rebinding): only names of this host are answered. */
function isOwnHost(hostname: string): boolean {
  return hostname === "localhost" || isLoopback(hostname.replace(/^\[|\]$/g, ""));
}

function read(url: URL, view: AdminView, clock: Clock): (() => Response) | null {
  switch (url.pathname) {
    case "/":
    case "/help":
      return () => textResponse(HELP);
    case "/certs":
      return () => jsonResponse(certificatesDump(view.certificates(), clock.now()));
    case "/clusters":
      return () =>
        url.searchParams.get("format") === "json"
          ? jsonResponse(clustersJson(view.clusters()))
          : textResponse(clustersText(view.clusters()));
    case "/config_dump":
      return () => jsonResponse(configDump(view, url.searchParams.has("include_eds"), clock.now()));
    case "/ready":
      return () => view.readiness().ready ? textResponse("LIVE\n") : textResponse(`${serverState(view)}\n`, 503);
    case "/server_info":
      return () => jsonResponse(serverInfo(view));
    case "/stats/prometheus":
      return () => new Response(view.metrics(), { headers: { "content-type": EXPOSITION_CONTENT_TYPE } });
    default:
      return null;
  }
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
