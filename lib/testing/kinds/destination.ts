import type { Fields } from "../fields.ts";
import { parseRouteHeaders, type RouteHeaders } from "./route_headers.ts";

/** A service, or a subset of it. */
export interface Destination {
  /** As written: short names are relative to the object's namespace. */
  readonly host: string;
  readonly subset: string;
  readonly port: number | undefined;
}

/** A destination with its share of the requests or connections. */
export interface WeightedDestination extends Destination {
  readonly weight: number;
  /** Only of requests. */
  readonly headers: RouteHeaders | undefined;
}

/** Reads `destination`. */
export function parseDestination(fields: Fields): Destination {
  fields.only("host", "subset", "port");
  const port = fields.object("port");
  port?.only("number");
  return {
    host: fields.requiredString("host"),
    subset: fields.string("subset") ?? "",
    port: port?.port("number"),
  };
}

/** Reads `route`; `withHeaders` where entries may change headers. */
export function parseDestinations(parent: Fields, withHeaders: boolean): WeightedDestination[] {
  const destinations = parent.list("route").map((fields) => {
    fields.only("destination", "weight", ...(withHeaders ? ["headers"] : []));
    return {
      ...parseDestination(required(fields, "destination")),
      weight: fields.number("weight") ?? 0,
      headers: withHeaders ? parseRouteHeaders(fields.object("headers")) : undefined,
    };
  });
  if (destinations.length > 1 && destinations.every(({ weight }) => weight === 0)) {
    throw parent.error("route", "must have weights whose sum is not 0");
  }
  return destinations;
}

/** An object field that must be there. */
export function required(fields: Fields, name: string): Fields {
  const object = fields.object(name);
  if (object === undefined) throw fields.error(name, "is required");
  return object;
}
