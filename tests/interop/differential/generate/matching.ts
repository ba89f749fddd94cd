import type { DifferentialCase } from "../case.ts";
import { answer, named } from "../routes.ts";
import type { Source } from "./source.ts";
import { request, routeMatch } from "./vocabulary.ts";

/** Lists of routes of all kinds, and requests that meet some of them. */
export function matchingCase(source: Source, name: string): DifferentialCase {
  const routes = source.list(2, 7, (index) => answer(`route ${index}`, routeMatch(source)));
  if (source.chance(0.7)) routes.push(answer("rest"));
  return { name, routes, requests: source.list(15, 15, () => request(source)) };
}

const LABELS = ["a", "b", "www", "a-b", "api"];
const ENDS = ["example.com", "example.org", "com", "svc.cluster.local"];

function host(source: Source): string {
  return [...source.list(0, 2, () => source.pick(LABELS)), source.pick(ENDS)].join(".");
}

function domain(source: Source): string {
  const plain = host(source);
  const port = source.pick(["", "", "", ":80", ":8080"]);
  switch (source.below(6)) {
    case 0:
      return `*.${plain}${port}`;
    case 1:
      return `*-${source.pick(LABELS)}.${plain}`;
    case 2:
      return `${source.pick(LABELS)}.*`;
    case 3:
      return `${plain}*`;
    default:
      return plain + port;
  }
}

function authority(source: Source): string {
  const plain = source.chance(0.2) ? `${source.pick(LABELS)}-${source.pick(LABELS)}.${host(source)}` : host(source);
  const cased = source.chance(0.15) ? plain.toUpperCase() : plain;
  return cased + source.pick(["", "", ":80", ":8080", ":{port}"]);
}

/** Virtual hosts with domains of all kinds, and requests to hosts that meet some of them. */
export function virtualHostCase(source: Source, name: string): DifferentialCase {
  const domains = [...new Set(source.list(4, 14, () => domain(source).toLowerCase()))];
  if (source.chance(0.5)) domains.push("*");
  const virtualHosts = [];
  while (domains.length > 0) {
    virtualHosts.push(named(`host ${virtualHosts.length}`, domains.splice(0, 1 + source.below(3))));
  }
  return {
    name,
    virtualHosts,
    routeConfig: { ...source.maybe(0.3, () => ({ ignore_port_in_host_matching: true })) },
    manager: {
      ...source.pick([{}, {}, { strip_any_host_port: true }, { strip_matching_host_port: true }]),
      ...source.maybe(0.2, () => ({ strip_trailing_host_dot: true })),
    },
    requests: source.list(15, 15, () => ({ authority: authority(source) })),
  };
}

const ODD_SEGMENTS = [
  "a",
  "b",
  ".",
  "..",
  "",
  "%2e",
  "%2E%2e",
  "%2f",
  "%5C",
  "\\",
  "a%2Fb",
  "%41",
  "%zz",
  "%",
  "a;b",
  "~",
  "a//b",
];

/** Paths that are not in their normal form. */
export function pathFormCase(source: Source, name: string): DifferentialCase {
  return {
    name,
    routes: [answer("a", { prefix: "/a" }), answer("b", { path: "/b" }), {
      match: { prefix: "/" },
      route: { cluster: "a" },
    }],
    manager: {
      normalize_path: source.chance(0.8),
      merge_slashes: source.chance(0.4),
      path_with_escaped_slashes_action: source.pick([
        "KEEP_UNCHANGED",
        "KEEP_UNCHANGED",
        "REJECT_REQUEST",
        "UNESCAPE_AND_REDIRECT",
        "UNESCAPE_AND_FORWARD",
      ]),
    },
    requests: source.list(15, 15, () => ({
      path: `/${source.list(1, 5, () => source.pick(ODD_SEGMENTS)).join("/")}${
        source.pick(["", "", "?q=%2f/../", "?"])
      }`,
    })),
  };
}
