import type { HttpRequest } from "../http/message.ts";
import { pseudoHeader } from "../http/pseudo_header.ts";
import type { FractionalPercent, StringMatch } from "../resource/common.ts";
import { MATCH_EVERYTHING } from "../resource/match_everything.ts";
import type { HeaderMatch, QueryParameterMatch, RouteMatch } from "../resource/route.ts";
import { queryParameter } from "./request_path.ts";
import { compileRouteMatch, type RouteMatcher } from "./route_matcher.ts";

/** One condition of a route, by itself. */
export interface RouteCondition {
  /** Whether it holds: the route's own matcher of a match that has nothing but this condition. */
  readonly holds: RouteMatcher;
  /** What it asks for, for example `path prefix '/v2'`. */
  readonly text: string;
  /** Why it does not hold for a request, for example `path prefix '/v2' does not match '/v1/x'`. */
  why(request: HttpRequest, path: string): string;
}

/** A match that every request fulfils. */
const ANYTHING: RouteMatch = { ...MATCH_EVERYTHING, path: { kind: "prefix", value: "" } };

/**
 * Takes a match apart, in the order in which the matcher asks: path, fraction, gRPC, headers, query parameters,
 * metadata. Each part is asked by the matcher itself, so that an explanation cannot say anything else than it does.
 */
export function routeConditions(match: RouteMatch): RouteCondition[] {
  const { path, caseSensitive, runtimeFraction, grpc, headers, queryParameters, dynamicMetadata } = match;
  const only = (part: Partial<RouteMatch>): RouteMatcher => compileRouteMatch({ ...ANYTHING, ...part });
  return [
    { holds: only({ path, caseSensitive }), ...describePath(match) },
    ...(runtimeFraction === null ? [] : [{
      holds: only({ runtimeFraction }),
      text: `${percent(runtimeFraction)} of requests`,
      why: () => `only ${percent(runtimeFraction)} of requests are taken, and this one was not drawn`,
    }]),
    ...(grpc
      ? [{
        holds: only({ grpc }),
        text: "gRPC",
        why: ({ headers }: HttpRequest) =>
          `content-type is ${shown(headers.get("content-type"))}, wanted 'application/grpc'`,
      }]
      : []),
    ...headers.map((header) => ({ holds: only({ headers: [header] }), ...describeHeader(header) })),
    ...queryParameters.map((each) => ({ holds: only({ queryParameters: [each] }), ...describeQuery(each) })),
    ...dynamicMetadata.map((each) => ({
      holds: only({ dynamicMetadata: [each] }),
      text: `metadata '${each.filter}'`,
      why: () => `metadata '${[each.filter, ...each.path].join(".")}', which filters set, is not what is wanted`,
    })),
    // Whatever else a match may ask for, in words that hold for anything.
    {
      holds: compileRouteMatch({ ...match, ...ANYTHING }),
      text: "",
      why: () => "a further condition does not hold",
    },
  ];
}

function describePath({ path, caseSensitive }: RouteMatch): Pick<RouteCondition, "text" | "why"> {
  if (path.kind === "connect") {
    return { text: "method CONNECT", why: ({ method }) => `method is '${method}', wanted 'CONNECT'` };
  }
  const text = `${PATH_WORDS[path.kind]} '${path.value}'${caseSensitive ? "" : " in any case"}`;
  return { text, why: (_, actual) => `${text} does not match '${actual}'` };
}

const PATH_WORDS = {
  prefix: "path prefix",
  path: "exact path",
  path_separated_prefix: "path prefix, by whole segments,",
  regex: "path regex",
  template: "path template",
};

function describeHeader(header: HeaderMatch): Pick<RouteCondition, "text" | "why"> {
  const { name, match, invert } = header;
  const subject = PSEUDO_HEADERS[name] ?? `header '${name}'`;
  const wanted = match.kind === "present"
    ? match.present !== invert ? "present" : "absent"
    : `${invert ? "anything but " : ""}${
      match.kind === "string" ? wantedString(match.string) : `a number from ${match.start} to below ${match.end}`
    }`;
  return {
    text: `${subject} ${wanted}`,
    why(request) {
      const value = pseudoHeader(request, name) ?? request.headers.getJoined(name);
      const found = value === undefined ? "absent" : match.kind === "present" ? "present" : `'${value}'`;
      return `${subject} is ${found}, wanted ${wanted}`;
    },
  };
}

const PSEUDO_HEADERS: Readonly<Record<string, string>> = {
  ":method": "method",
  ":scheme": "scheme",
  ":authority": "host",
  "host": "host",
  ":path": "path with query",
};

function describeQuery({ name, match }: QueryParameterMatch): Pick<RouteCondition, "text" | "why"> {
  const subject = `query parameter '${name}'`;
  const wanted = match.kind !== "present" ? wantedString(match) : match.present ? "present" : "absent";
  return {
    text: `${subject} ${wanted}`,
    why({ path }) {
      const value = queryParameter(path, name);
      return `${subject} is ${value === null ? "absent" : `'${value}'`}, wanted ${wanted}`;
    },
  };
}

function wantedString({ kind, value, ignoreCase }: StringMatch): string {
  return `${kind} '${value}'${ignoreCase && kind !== "regex" ? " in any case" : ""}`;
}

function percent({ numerator, denominator }: FractionalPercent): string {
  return `${Number((numerator * 100 / denominator).toPrecision(4))}%`;
}

function shown(value: string | undefined): string {
  return value === undefined ? "absent" : `'${value}'`;
}
