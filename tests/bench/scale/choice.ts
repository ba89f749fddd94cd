import { HeaderList } from "../../../lib/http/header_list.ts";
import type { HttpRequest } from "../../../lib/http/message.ts";
import { encode } from "../../../lib/protobuf/registry.ts";
import { NO_FILTER_PARSERS } from "../../../lib/resource/filter_parsers.ts";
import { parseRoute } from "../../../lib/resource/parse_route.ts";
import { compileRoutes } from "../../../lib/router/route_table.ts";
import { absoluteCell, type Cell } from "../cell.ts";
import { hostOf, ScaleConfiguration } from "./configuration.ts";

const HOSTS = 10_000;
const ROUTES = 200;
const CHOICES = 200_000;
const TURNS = 7;

/** Microseconds of a route choice among 10,000 virtual hosts, the last of 200 routes. */
export function choiceCells(log: (line: string) => void): Cell[] {
  const configuration = new ScaleConfiguration(HOSTS, 0, 1);
  const [bytes] = configuration.routes().values();
  const many = parse(bytes!);
  const deep = parse(encode("envoy.config.route.v3.RouteConfiguration", {
    name: "deep",
    virtualHosts: [{
      name: "deep",
      domains: ["deep"],
      routes: Array.from({ length: ROUTES }, (_, index) => ({
        match: { prefix: `/api/v1/resource-${index}/` },
        route: { cluster: `cluster-${index}` },
      })),
    }],
  }));
  const requests = Array.from({ length: 64 }, (_, index) => get(hostOf(index * 150), "/"));
  const hosts = measure(many, requests);
  const routes = measure(deep, [get("deep", `/api/v1/resource-${ROUTES - 1}/x`)]);
  log(`scale: choice among virtual hosts ${text(hosts)} us, among routes ${text(routes)} us`);
  const facts = { name: "scale", measure: "choice", unit: "us" };
  return [
    absoluteCell({ ...facts, cell: "route among 10,000 virtual hosts" }, hosts, 3),
    absoluteCell({ ...facts, cell: "route, the last of 200" }, routes, 3),
  ];
}

type Table = ReturnType<typeof compileRoutes>;

function parse(bytes: Uint8Array): Table {
  const result = parseRoute(bytes, NO_FILTER_PARSERS);
  if (!result.ok) throw new Error(result.errors.join("; "));
  return compileRoutes(result.value);
}

function get(authority: string, path: string): HttpRequest {
  return {
    method: "GET",
    scheme: "http",
    authority,
    path,
    headers: new HeaderList(),
    body: null,
    protocol: "HTTP/1.1",
  };
}

function measure(table: Table, requests: readonly HttpRequest[]): number[] {
  const turns: number[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const start = performance.now();
    for (let i = 0; i < CHOICES; i++) {
      if (table.choose(requests[i % requests.length]!, Math.random) === null) throw new Error("No route was chosen");
    }
    turns.push((performance.now() - start) * 1000 / CHOICES);
  }
  return turns.slice(1);
}

function text(values: readonly number[]): string {
  return values.map((value) => value.toFixed(2)).join(", ");
}
