import type { Fields } from "../fields.ts";
import { type CorsPolicy, parseCorsPolicy } from "./cors_policy.ts";
import {
  type Destination,
  parseDestination,
  parseDestinations,
  required,
  type WeightedDestination,
} from "./destination.ts";
import { type Fault, parseFault, parsePercent } from "./fault.ts";
import { type HttpMatch, parseHttpMatch } from "./http_match.ts";
import { parseRedirect, type Redirect } from "./redirect.ts";
import { parseRetries, type Retries } from "./retries.ts";
import { parseRouteHeaders, type RouteHeaders } from "./route_headers.ts";

/** A copy of a share of the requests, whose answers nobody waits for. */
export interface Mirror extends Destination {
  /** `undefined` for all; 0 for none. */
  readonly percent: number | undefined;
}

/** Changes of the request on its way. */
export interface Rewrite {
  readonly uri: string | undefined;
  readonly authority: string | undefined;
  readonly regex: { readonly match: string; readonly rewrite: string } | undefined;
}

/** One `http` entry. */
export interface HttpRoute {
  readonly name: string;
  /** Any of them; empty matches every request. */
  readonly matches: readonly HttpMatch[];
  readonly destinations: readonly WeightedDestination[];
  readonly redirect: Redirect | undefined;
  readonly directResponse: { readonly status: number; readonly body: string | Uint8Array | undefined } | undefined;
  /** A VirtualService without hosts whose routes take the place of this one. */
  readonly delegate: { readonly name: string; readonly namespace: string | undefined } | undefined;
  readonly rewrite: Rewrite | undefined;
  readonly timeoutMs: number | undefined;
  readonly retries: Retries | undefined;
  readonly fault: Fault | undefined;
  readonly mirrors: readonly Mirror[];
  readonly corsPolicy: CorsPolicy | undefined;
  readonly headers: RouteHeaders | undefined;
}

/** Reads one entry of `http`. */
export function parseHttpRoute(fields: Fields): HttpRoute {
  fields.only(
    "name",
    "match",
    "route",
    "redirect",
    "directResponse",
    "delegate",
    "rewrite",
    "timeout",
    "retries",
    "fault",
    "mirrors",
    "mirror",
    "mirrorPercent",
    "mirrorPercentage",
    "corsPolicy",
    "headers",
  );
  const route: HttpRoute = {
    name: fields.string("name") ?? "",
    matches: fields.list("match").map(parseHttpMatch),
    destinations: parseDestinations(fields, true),
    redirect: parseRedirect(fields.object("redirect")),
    directResponse: parseDirectResponse(fields.object("directResponse")),
    delegate: parseDelegate(fields.object("delegate")),
    rewrite: parseRewrite(fields.object("rewrite")),
    timeoutMs: fields.durationMs("timeout"),
    retries: parseRetries(fields.object("retries")),
    fault: parseFault(fields.object("fault")),
    mirrors: parseMirrors(fields),
    corsPolicy: parseCorsPolicy(fields.object("corsPolicy")),
    headers: parseRouteHeaders(fields.object("headers")),
  };
  checkActions(fields, route);
  return route;
}

/** One action a route; a route that delegates may only have what its delegates inherit. */
function checkActions(fields: Fields, { destinations, redirect, directResponse, delegate }: HttpRoute): void {
  const actions = [destinations.length > 0, redirect !== undefined, directResponse !== undefined];
  const count = actions.filter(Boolean).length;
  if (delegate !== undefined) {
    if (destinations.length > 0) throw fields.error("route", "must not be there beside 'delegate'");
    if (redirect !== undefined) throw fields.error("redirect", "must not be there beside 'delegate'");
  } else if (count !== 1) {
    throw fields.error("route", "is required, or one of 'redirect', 'directResponse' and 'delegate' in its place");
  }
  for (const name of redirect === undefined && directResponse === undefined ? [] : ["fault", "rewrite"]) {
    if (fields.has(name)) throw fields.error(name, "must not be there beside 'redirect' or 'directResponse'");
  }
}

function parseDirectResponse(fields: Fields | undefined): HttpRoute["directResponse"] {
  if (fields === undefined) return undefined;
  fields.only("status", "body");
  const body = fields.object("body");
  body?.only("string", "bytes");
  const bytes = body?.string("bytes");
  const status = fields.number("status", 200, 599);
  if (status === undefined) throw fields.error("status", "is required");
  return { status, body: bytes === undefined ? body?.string("string") : decodeBase64(body!, bytes) };
}

function decodeBase64(fields: Fields, text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    throw fields.error("bytes", "must be base64");
  }
}

function parseDelegate(fields: Fields | undefined): HttpRoute["delegate"] {
  if (fields === undefined) return undefined;
  fields.only("name", "namespace");
  return { name: fields.requiredString("name"), namespace: fields.string("namespace") || undefined };
}

function parseRewrite(fields: Fields | undefined): Rewrite | undefined {
  if (fields === undefined) return undefined;
  fields.only("uri", "authority", "uriRegexRewrite");
  const regex = fields.object("uriRegexRewrite");
  regex?.only("match", "rewrite");
  return {
    uri: fields.string("uri") || undefined,
    authority: fields.string("authority") || undefined,
    regex: regex && { match: regex.requiredString("match"), rewrite: regex.string("rewrite") ?? "" },
  };
}

/** The list, or the single mirror of older documents. */
function parseMirrors(fields: Fields): Mirror[] {
  const single = fields.object("mirror");
  const percent = parsePercent(fields, "mirrorPercentage") ?? fields.number("mirrorPercent", 0, 100);
  if (single !== undefined) {
    if (fields.has("mirrors")) throw fields.error("mirrors", "must not be there beside 'mirror'");
    return [{ ...parseDestination(single), percent }];
  }
  return fields.list("mirrors").map((mirror) => {
    mirror.only("destination", "percentage");
    return { ...parseDestination(required(mirror, "destination")), percent: parsePercent(mirror, "percentage") };
  });
}
