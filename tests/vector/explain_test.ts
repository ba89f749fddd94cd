/**
 * What `enmesh routes` says of the recordings of a real istiod, against what the outbound stack does with the same
 * request: every virtual host of every recording, some paths and headers each.
 */
import assert from "node:assert/strict";
import { filterParsers } from "../../lib/filter/filter_registry.ts";
import { FILTERS } from "../../lib/filters.ts";
import { explainRequest } from "../../lib/cli/routes/explain_request.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest } from "../../lib/http/message.ts";
import { fromFetchArguments } from "../../lib/http/web/request_from_fetch.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { Outbound } from "../../lib/outbound.ts";
import { SnapshotStore } from "../../lib/resource/snapshot_store.ts";
import { RouteChoice } from "../../lib/router/route_table.ts";
import { AccessLog } from "../../lib/telemetry/access_log.ts";
import { LogWriters } from "../../lib/telemetry/log_writer.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { callOf, filterContext } from "../support/calls.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { readRecording, recordingNames } from "./recording.ts";

/** What becomes of a request, in the same words for both. */
interface Fate {
  readonly route: string | null;
  readonly cluster: string | null;
  readonly host: string;
  readonly path: string;
}

const SEED = 7;

async function dataPath(store: SnapshotStore, request: HttpRequest, url: URL): Promise<Fate | string> {
  const clock = new FakeClock();
  const random = seededRandom(SEED);
  const context = filterContext({ clock, random, cluster: (name) => store.current.cluster(name) });
  const writers = new LogWriters({ write: () => Promise.resolve() }, clock, silentLogger);
  const outbound = new Outbound({
    snapshots: store,
    context,
    openAccessLog: (config) => new AccessLog(config, writers.get(config.path)),
    router: () => Promise.resolve({ status: 200, headers: new HeaderList(), body: null }),
  });
  try {
    const destination = outbound.destination(url.hostname, Number(url.port || 80), false);
    if (destination.kind === "tcp") return "tcp";
    const call = callOf(request);
    const answer = await destination.handler(request, call);
    const { chosen } = call;
    if (!(chosen instanceof RouteChoice)) return `no route, ${answer.status}`;
    if (chosen.clusterName !== null) chosen.plan.rewrite(request, call);
    return {
      route: chosen.route.name,
      cluster: chosen.clusterName,
      host: request.authority,
      path: request.path,
    };
  } catch (error) {
    return refusal((error as Error).message);
  } finally {
    outbound.close();
  }
}

async function explained(store: SnapshotStore, url: URL, headers: [string, string][]): Promise<Fate | string> {
  const found = await explainRequest({ url: url.href, method: "GET", headers, json: true }, {
    snapshot: store.current,
    clusters: { target: () => null },
    random: seededRandom(SEED),
    now: 0,
  });
  if (found.filterChain?.protocol === "tcp") return "tcp";
  const { outcome } = found;
  const route = found.routes.find(({ taken }) => taken)?.name ?? null;
  if (found.filterChain === null) return refusal(found.problem!.message);
  if (route === null) return "no route, 404";
  const forward = outcome?.kind === "forward" ? outcome : null;
  return {
    route,
    cluster: forward?.cluster ?? null,
    host: forward?.rewrittenHost ?? found.request.host,
    path: forward?.rewrittenPath ?? found.request.path,
  };
}

/** Why nothing takes a connection, in words that both use. */
function refusal(message: string): string {
  return /no (?:listener|filter chain)|network filter/i.exec(message)?.[0].toLowerCase() ?? message;
}

const PATHS = ["/", "/v1/x?a=b", "/status/200", "/canary", "/api/../secret"];
const HEADERS: [string, string][][] = [[], [["end-user", "jason"], ["x-canary", "true"], ["x-user", "tester"]]];

Deno.test("the explanation and the outbound stack agree on every recording", async () => {
  let compared = 0;
  const clusters = new Set<string>();
  for (const name of recordingNames()) {
    const recording = readRecording(name);
    const store = new SnapshotStore({
      parsers: filterParsers(FILTERS, new Set()),
      clientNamespace: recording.namespace,
      clock: new FakeClock(),
    });
    for (const { kind, update } of recording.updates) store.apply(kind, update);
    for (const routes of store.current.routeNames) {
      const port = Number(routes);
      if (!Number.isInteger(port)) continue;
      for (const { domains } of store.current.route(routes)!.virtualHosts) {
        const domain = domains.find((domain) => !domain.includes("*")) ?? "unknown.example";
        const host = domain.replace(/:\d+$/, "");
        for (const path of PATHS) {
          for (const headers of HEADERS) {
            const url = URL.parse(`http://${host}:${port}${path}`);
            if (url === null) continue;
            const { request } = fromFetchArguments(url.href, { headers });
            const [ours, theirs] = [await explained(store, url, headers), await dataPath(store, request, url)];
            assert.deepEqual(ours, theirs, `${name}: ${url.href} ${JSON.stringify(headers)}`);
            compared++;
            if (typeof ours === "object") clusters.add(String(ours.cluster));
          }
        }
      }
    }
    store.close();
  }
  assert.ok(compared > 500 && clusters.size > 10, `${compared} requests, ${clusters.size} clusters`);
});
