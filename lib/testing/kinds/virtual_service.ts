import type { Fields } from "../fields.ts";
import { type Kind, specOf } from "./kind.ts";

/** How a string is compared; regular expressions are RE2. */
export interface StringMatch {
  readonly kind: "exact" | "prefix" | "regex";
  readonly value: string;
}

/** A named value and how it is compared; `null` asks only that it is there. */
export interface NamedMatch {
  readonly name: string;
  readonly match: StringMatch | null;
  /** Whether the comparison must fail. */
  readonly invert: boolean;
}

/** What a request must look like. */
export interface HttpMatch {
  readonly uri: StringMatch | undefined;
  readonly ignoreUriCase: boolean;
  readonly method: StringMatch | undefined;
  readonly headers: readonly NamedMatch[];
  readonly queryParams: readonly NamedMatch[];
  /** Port the request was sent to. */
  readonly port: number | undefined;
  /** Labels and namespace of the caller. */
  readonly sourceLabels: Readonly<Record<string, string>>;
  readonly sourceNamespace: string | undefined;
}

/** Header changes, in the order of the document. */
export interface HeaderOperations {
  readonly set: Readonly<Record<string, string>>;
  readonly add: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

/** Header changes of both directions. */
export interface Headers {
  readonly request: HeaderOperations;
  readonly response: HeaderOperations;
}

/** A destination with its share of the requests. */
export interface RouteDestination {
  readonly host: string;
  readonly subset: string;
  readonly port: number | undefined;
  readonly weight: number | undefined;
  readonly headers: Headers;
}

/** Retries of a route; `attempts` 0 turns them off. */
export interface Retries {
  readonly attempts: number;
  readonly perTryTimeoutMs: number | undefined;
  readonly backoffMs: number | undefined;
  readonly retryOn: string | undefined;
  /** Whether a retry prefers endpoints of other priorities than the ones that failed. */
  readonly remoteLocalities: boolean;
}

/** A copy of a share of the requests, in percent, whose answers nobody waits for. */
export interface Mirror {
  readonly host: string;
  readonly subset: string;
  readonly port: number | undefined;
  readonly percent: number;
}

/** Faults put into a share of the requests, in percent. */
export interface Fault {
  readonly delay: { readonly fixedMs: number; readonly percent: number } | undefined;
  readonly abort:
    | { readonly httpStatus: number | undefined; readonly grpcStatus: number | undefined; readonly percent: number }
    | undefined;
}

/** One `http` entry. */
export interface HttpRoute {
  readonly name: string;
  /** Any of them; empty matches every request. */
  readonly matches: readonly HttpMatch[];
  readonly destinations: readonly RouteDestination[];
  readonly redirect:
    | { readonly uri: string | undefined; readonly authority: string | undefined; readonly code: number }
    | undefined;
  readonly directResponse: { readonly status: number; readonly body: string | undefined } | undefined;
  readonly rewrite:
    | {
      readonly uri: string | undefined;
      readonly authority: string | undefined;
      readonly regex: { readonly match: string; readonly rewrite: string } | undefined;
    }
    | undefined;
  readonly timeoutMs: number | undefined;
  readonly retries: Retries | undefined;
  readonly fault: Fault | undefined;
  readonly mirrors: readonly Mirror[];
  readonly headers: Headers;
}

/** An Istio VirtualService for traffic inside the mesh. */
export interface VirtualService {
  /** As written: short names are relative to the object's namespace. */
  readonly hosts: readonly string[];
  readonly http: readonly HttpRoute[];
}

/** `networking.istio.io VirtualService`: `http` routes with everything in the types above. */
export const virtualServiceKind: Kind<"VirtualService", VirtualService> = {
  kind: "VirtualService",
  groups: ["networking.istio.io"],
  pushes: ["clusters", "listeners", "routes"],
  parse(_meta, document) {
    const spec = specOf(document);
    spec.only("hosts", "http");
    const hosts = spec.strings("hosts");
    if (hosts.length === 0) throw spec.error("hosts", "is required");
    return { hosts, http: spec.list("http").map(parseRoute) };
  },
};

function parseRoute(fields: Fields): HttpRoute {
  fields.only(
    "name",
    "match",
    "route",
    "redirect",
    "directResponse",
    "rewrite",
    "timeout",
    "retries",
    "fault",
    "mirrors",
    "mirror",
    "mirrorPercentage",
    "headers",
  );
  const destinations = fields.list("route").map(parseDestination);
  const redirect = fields.object("redirect");
  redirect?.only("uri", "authority", "redirectCode");
  const direct = fields.object("directResponse");
  direct?.only("status", "body");
  const actions = [destinations.length > 0, redirect !== undefined, direct !== undefined];
  if (actions.filter(Boolean).length !== 1) {
    throw fields.error("route", "is required, or one of 'redirect' and 'directResponse' in its place");
  }
  const rewrite = fields.object("rewrite");
  rewrite?.only("uri", "authority", "uriRegexRewrite");
  const regex = rewrite?.object("uriRegexRewrite");
  return {
    name: fields.string("name") ?? "",
    matches: fields.list("match").map(parseMatch),
    destinations,
    redirect: redirect && {
      uri: redirect.string("uri"),
      authority: redirect.string("authority"),
      code: redirect.number("redirectCode", 300, 399) ?? 301,
    },
    directResponse: direct && {
      status: direct.number("status", 200, 599) ?? 200,
      body: direct.object("body")?.string("string"),
    },
    rewrite: rewrite && {
      uri: rewrite.string("uri"),
      authority: rewrite.string("authority"),
      regex: regex && { match: regex.requiredString("match"), rewrite: regex.string("rewrite") ?? "" },
    },
    timeoutMs: fields.durationMs("timeout"),
    retries: parseRetries(fields.object("retries")),
    fault: parseFault(fields.object("fault")),
    mirrors: parseMirrors(fields),
    headers: parseHeaders(fields.object("headers")),
  };
}

/** The list, or the single mirror of older documents. */
function parseMirrors(fields: Fields): Mirror[] {
  const single = fields.object("mirror");
  const percent = fields.object("mirrorPercentage")?.number("value", 0, 100) ?? 100;
  if (single !== undefined) return [{ ...parseTarget(single), percent }];
  return fields.list("mirrors").map((mirror) => {
    mirror.only("destination", "percentage");
    return { ...parseTarget(required(mirror, "destination")), percent: percentOf(mirror) };
  });
}

function parseTarget(destination: Fields): { host: string; subset: string; port: number | undefined } {
  destination.only("host", "subset", "port");
  return {
    host: destination.requiredString("host"),
    subset: destination.string("subset") ?? "",
    port: destination.object("port")?.port("number"),
  };
}

function required(fields: Fields, name: string): Fields {
  const object = fields.object(name);
  if (object === undefined) throw fields.error(name, "is required");
  return object;
}

function parseDestination(fields: Fields): RouteDestination {
  fields.only("destination", "weight", "headers");
  return {
    ...parseTarget(required(fields, "destination")),
    weight: fields.number("weight"),
    headers: parseHeaders(fields.object("headers")),
  };
}

function parseMatch(fields: Fields): HttpMatch {
  fields.only(
    "name",
    "uri",
    "ignoreUriCase",
    "method",
    "headers",
    "withoutHeaders",
    "queryParams",
    "port",
    "sourceLabels",
    "sourceNamespace",
  );
  return {
    uri: parseStringMatch(fields, "uri"),
    ignoreUriCase: fields.boolean("ignoreUriCase") ?? false,
    method: parseStringMatch(fields, "method"),
    headers: [
      ...parseNamed(fields.object("headers"), false),
      ...parseNamed(fields.object("withoutHeaders"), true),
    ],
    queryParams: parseNamed(fields.object("queryParams"), false),
    port: fields.port("port"),
    sourceLabels: fields.stringMap("sourceLabels"),
    sourceNamespace: fields.string("sourceNamespace"),
  };
}

function parseNamed(fields: Fields | undefined, invert: boolean): NamedMatch[] {
  return (fields?.names ?? []).map((name) => ({
    name,
    match: parseStringMatch(fields!, name) ?? null,
    invert,
  }));
}

function parseStringMatch(parent: Fields, name: string): StringMatch | undefined {
  const fields = parent.object(name);
  if (fields === undefined || fields.names.length === 0) return undefined;
  fields.only("exact", "prefix", "regex");
  for (const kind of ["exact", "prefix", "regex"] as const) {
    const value = fields.string(kind);
    if (value !== undefined) return { kind, value };
  }
  return undefined;
}

function parseHeaders(fields: Fields | undefined): Headers {
  fields?.only("request", "response");
  return { request: parseOperations(fields?.object("request")), response: parseOperations(fields?.object("response")) };
}

function parseOperations(fields: Fields | undefined): HeaderOperations {
  fields?.only("set", "add", "remove");
  return {
    set: fields?.stringMap("set") ?? {},
    add: fields?.stringMap("add") ?? {},
    remove: fields?.strings("remove") ?? [],
  };
}

function parseRetries(fields: Fields | undefined): Retries | undefined {
  if (fields === undefined) return undefined;
  fields.only("attempts", "perTryTimeout", "retryOn", "backoff", "retryRemoteLocalities");
  return {
    attempts: fields.number("attempts", 0, 1000) ?? 0,
    perTryTimeoutMs: fields.durationMs("perTryTimeout"),
    backoffMs: fields.durationMs("backoff"),
    retryOn: fields.string("retryOn"),
    remoteLocalities: fields.boolean("retryRemoteLocalities") ?? false,
  };
}

/** Names of gRPC status codes by number (grpc/status.proto). */
const GRPC_STATUS = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

function parseFault(fields: Fields | undefined): Fault | undefined {
  if (fields === undefined) return undefined;
  fields.only("delay", "abort");
  const delay = fields.object("delay");
  delay?.only("fixedDelay", "percentage");
  const abort = fields.object("abort");
  abort?.only("httpStatus", "grpcStatus", "percentage");
  const grpcStatus = abort?.oneOf("grpcStatus", GRPC_STATUS);
  return {
    delay: delay && { fixedMs: delay.durationMs("fixedDelay") ?? 0, percent: percentOf(delay) },
    abort: abort && {
      httpStatus: abort.number("httpStatus", 200, 599),
      grpcStatus: grpcStatus && GRPC_STATUS.indexOf(grpcStatus),
      percent: percentOf(abort),
    },
  };
}

function percentOf(fields: Fields): number {
  return fields.object("percentage")?.number("value", 0, 100) ?? 100;
}
