import type { Fields } from "../fields.ts";
import { parseDestinations, type WeightedDestination } from "./destination.ts";

/** What a connection must look like. */
export interface L4Match {
  /** Server names of the ClientHello, `*.` for any below; only of `tls` routes. */
  readonly sniHosts: readonly string[];
  /** Destination addresses, CIDR. */
  readonly destinationSubnets: readonly string[];
  /** Port the connection was made to. */
  readonly port: number | undefined;
  /** Labels and namespace of the caller. */
  readonly sourceLabels: Readonly<Record<string, string>>;
  readonly sourceNamespace: string | undefined;
  readonly gateways: readonly string[];
}

/** One entry of `tls` or `tcp`. */
export interface L4Route {
  /** Any of them; empty matches every connection. */
  readonly matches: readonly L4Match[];
  readonly destinations: readonly WeightedDestination[];
}

/** Reads one entry of `tls` or `tcp`. */
export function parseL4Route(fields: Fields, kind: "tls" | "tcp"): L4Route {
  fields.only("match", "route");
  const destinations = parseDestinations(fields, false);
  if (destinations.length === 0) throw fields.error("route", "is required");
  const matches = fields.list("match").map((match) => parseMatch(match, kind));
  if (kind === "tls" && matches.length === 0) throw fields.error("match", "is required");
  return { matches, destinations };
}

function parseMatch(fields: Fields, kind: "tls" | "tcp"): L4Match {
  fields.only(
    ...(kind === "tls" ? ["sniHosts"] : []),
    "destinationSubnets",
    "port",
    "sourceLabels",
    "sourceNamespace",
    "gateways",
  );
  const sniHosts = fields.strings("sniHosts");
  if (kind === "tls" && sniHosts.length === 0) throw fields.error("sniHosts", "is required");
  return {
    sniHosts,
    destinationSubnets: fields.strings("destinationSubnets"),
    port: fields.port("port"),
    sourceLabels: fields.stringMap("sourceLabels"),
    sourceNamespace: fields.string("sourceNamespace"),
    gateways: fields.strings("gateways"),
  };
}
