import type { DifferentialCase, JsonObject } from "../case.ts";
import { to } from "../routes.ts";

const paths = (...paths: string[]) => paths.map((path) => ({ path }));

function hashed(
  what: string,
  cluster: string,
  hash_policy: readonly JsonObject[],
  requests: DifferentialCase["requests"],
) {
  return {
    name: `actions: hash by ${what} (${cluster})`,
    routes: [to(cluster, { prefix: "/" }, { hash_policy })],
    requests,
  };
}

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8"];
const byHeader = KEYS.map((key) => ({ headers: [["x-key", key]] as const }));

/** Where consistent balancers send a key. */
export const HASH_CASES: readonly DifferentialCase[] = ["ring", "maglev"].flatMap((cluster): DifferentialCase[] => [
  hashed("header", cluster, [{ header: { header_name: "x-key" } }], byHeader),
  hashed("header with a rewrite", cluster, [{
    header: { header_name: "x-key", regex_rewrite: { pattern: { regex: "^v(\\d).*" }, substitution: "\\1" } },
  }], [{ headers: [["x-key", "v1-a"]] }, { headers: [["x-key", "v1-b"]] }, { headers: [["x-key", "v5"]] }]),
  hashed("repeated header", cluster, [{ header: { header_name: "x-key" } }], [
    { headers: [["x-key", "1"], ["x-key", "2"]] },
    { headers: [["x-key", "2"], ["x-key", "1"]] },
  ]),
  hashed("path and authority", cluster, [{ header: { header_name: ":path" } }, {
    header: { header_name: ":authority" },
  }], [
    ...paths("/1", "/2", "/3", "/3?x"),
    { authority: "other" },
  ]),
  hashed(
    "query parameter",
    cluster,
    [{ query_parameter: { name: "k" } }],
    paths(...KEYS.map((key) => `/?k=${key}`), "/?k=1&k=2"),
  ),
  hashed(
    "cookie",
    cluster,
    [{ cookie: { name: "k" } }],
    KEYS.map((key) => ({ headers: [["cookie", `a=b; k=${key}`]] })),
  ),
  hashed("quoted cookie", cluster, [{ cookie: { name: "k" } }], [{ headers: [["cookie", 'k="1"']] }, {
    headers: [["cookie", "k=1"]],
  }]),
  hashed("generated cookie", cluster, [{ cookie: { name: "k", ttl: "3600s", path: "/p" } }], [
    { cookies: true, times: 5, compare: "stickiness" },
  ]),
  hashed("generated session cookie", cluster, [{ cookie: { name: "k", ttl: "0s" } }], [
    { cookies: true, times: 5, compare: "stickiness" },
  ]),
  hashed("generated cookie with attributes", cluster, [{
    cookie: { name: "k", ttl: "60s", attributes: [{ name: "SameSite", value: "Strict" }, { name: "Secure" }] },
  }], [{ cookies: true, times: 3, compare: "stickiness" }]),
  hashed("cookie that is given", cluster, [{ cookie: { name: "k", ttl: "60s", path: "/p" } }], [
    { headers: [["cookie", "k=1"]] },
    { headers: [["cookie", "k=2"]] },
  ]),
  hashed("source address", cluster, [{ connection_properties: { source_ip: true } }], [
    { times: 3 },
    ...KEYS.map((key) => ({ headers: [["x-forwarded-for", `9.9.9.9, 1.2.3.${key}`]] as const })),
  ]),
  hashed("several", cluster, [{ header: { header_name: "x-a" } }, { header: { header_name: "x-key" } }], [
    { headers: [["x-a", "1"], ["x-key", "2"]] },
    { headers: [["x-a", "2"], ["x-key", "2"]] },
    { headers: [["x-a", "2"], ["x-key", "3"]] },
    { headers: [["x-key", "3"]] },
  ]),
  hashed("terminal", cluster, [{ header: { header_name: "x-a" }, terminal: true }, {
    header: { header_name: "x-key" },
  }], [
    { headers: [["x-a", "1"], ["x-key", "2"]] },
    { headers: [["x-a", "1"], ["x-key", "3"]] },
    { headers: [["x-key", "3"]] },
  ]),
]);
