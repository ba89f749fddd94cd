import type { HttpFilterType } from "../lib/filter/http_filter.ts";
import { routeConfigs } from "../lib/filter/route_config.ts";
import type { Call } from "../lib/http/call.ts";
import type { HeaderList } from "../lib/http/header_list.ts";
import { compileRegex } from "../lib/matcher/regex.ts";
import { compileStringMatch } from "../lib/matcher/string_matcher.ts";
import type {
  EnvoyExtensionsFiltersHttpHeader_mutationV3HeaderChange as HeaderChange,
  EnvoyExtensionsFiltersHttpHeader_mutationV3Mutations as Mutations,
} from "../lib/protobuf/gen/messages.ts";
import { decode } from "../lib/protobuf/registry.ts";
import { Issues } from "../lib/resource/issues.ts";
import { parseStringMatch } from "../lib/resource/parse_common.ts";
import { parseRegexRewrite } from "../lib/resource/parse_forward_action.ts";
import { headerName, parseHeaderAdditions } from "../lib/resource/parse_header_mutations.ts";
import { compileHeaderMutations, type HeaderMutator } from "../lib/router/header_mutator.ts";

const NAME = "envoy.filters.http.header_mutation";
const CONFIG = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation";
const PER_ROUTE = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute";

/** A `Mutations`, ready for use; `null` where nothing changes. */
class HeaderChanges {
  readonly request: HeaderMutator | null;
  readonly response: HeaderMutator | null;

  constructor(issues: Issues, mutations: Mutations | undefined) {
    this.request = compileChanges(issues, "mutations.request_mutations", mutations?.requestMutations);
    this.response = compileChanges(issues, "mutations.response_mutations", mutations?.responseMutations);
    for (
      const [path, given] of [
        ["query_parameter_mutations", mutations?.queryParameterMutations],
        ["response_trailers_mutations", mutations?.responseTrailersMutations],
        ["request_trailers_mutations", mutations?.requestTrailersMutations],
      ] as const
    ) {
      if (given !== undefined) issues.unsupport(`mutations.${path}`, path.replaceAll("_", " "));
    }
  }
}

/** Changes apply one after the other, in the order of the configuration. */
function compileChanges(issues: Issues, path: string, changes: readonly HeaderChange[] = []): HeaderMutator | null {
  const steps = changes.flatMap((change, index) => compileChange(issues, `${path}[${index}]`, change) ?? []);
  if (steps.length === 0) return null;
  return (headers, info) => {
    for (const step of steps) step(headers, info);
  };
}

function compileChange(issues: Issues, path: string, change: HeaderChange): HeaderMutator | null {
  if (change.remove !== undefined) {
    const name = headerName(issues, `${path}.remove`, change.remove);
    return (headers) => void headers.delete(name);
  }
  if (change.append !== undefined) {
    const requestAdd = parseHeaderAdditions(issues, `${path}.append`, [change.append]);
    if (issues.errors.length > 0) return null;
    return compileHeaderMutations([{ requestAdd, requestRemove: [], responseAdd: [], responseRemove: [] }]).request;
  }
  if (change.removeOnMatch !== undefined) {
    const match = parseStringMatch(issues, `${path}.remove_on_match.key_matcher`, change.removeOnMatch.keyMatcher);
    if (match === null || issues.errors.length > 0) return null;
    const matches = compileStringMatch(match);
    return (headers) => {
      const names = new Set<string>();
      for (const [name] of headers.entries()) if (matches(name)) names.add(name);
      for (const name of names) headers.delete(name);
    };
  }
  if (change.regexCopy !== undefined) {
    const { sourceHeader, targetHeader, expression } = change.regexCopy;
    const source = headerName(issues, `${path}.regex_copy.source_header`, sourceHeader);
    const target = headerName(issues, `${path}.regex_copy.target_header`, targetHeader);
    const rewrite = parseRegexRewrite(issues, `${path}.regex_copy.expression`, expression);
    if (rewrite === null || issues.errors.length > 0) return null;
    return regexCopy(source, target, rewrite);
  }
  issues.invalid(path, "it must say what to change");
  return null;
}

function regexCopy(
  source: string,
  target: string,
  { pattern, substitution }: { readonly pattern: string; readonly substitution: string },
): HeaderMutator {
  const regex = compileRegex(pattern);
  return (headers) => {
    const value = headers.get(source);
    if (value !== undefined) headers.set(target, regex.replaceAll(value, substitution));
  };
}

function isChanges(value: object): value is HeaderChanges {
  return value instanceof HeaderChanges;
}

/** What was read, with what of it is not supported; throws every reason where it is not valid. */
function readChanges(mutations: Mutations | undefined): { changes: HeaderChanges; unsupported: readonly string[] } {
  const issues = new Issues();
  const changes = new HeaderChanges(issues, mutations);
  if (issues.errors.length > 0) throw new TypeError(issues.errors.join("; "));
  return { changes, unsupported: issues.unsupported.map(({ path, what }) => `${path}: ${what}`) };
}

/**
 * `envoy.filters.http.header_mutation`: changes headers of requests and responses, by the filter's configuration and then
 * by those of every level of the route that has one. The least specific level comes last and wins, or the most specific
 * one with `most_specific_header_mutations_wins`.
 */
export const headerMutationFilter: HttpFilterType = {
  configTypes: [CONFIG],
  parse(bytes) {
    const config = decode(CONFIG, bytes);
    const { changes, unsupported } = readChanges(config.mutations);
    const mostSpecificLast = config.mostSpecificHeaderMutationsWins ?? false;
    return {
      unsupported,
      create: (_, name = NAME) => {
        return function headerMutation(next) {
          return (request, call) => {
            const ofRoute = routeConfigs(call, name, isChanges);
            if (ofRoute === null) return next(request, call);
            if (mostSpecificLast) ofRoute.reverse();
            const levels = [changes, ...ofRoute];
            apply(levels, "request", request.headers, call);
            const response = next(request, call);
            if (levels.every((level) => level.response === null)) return response;
            return response.then((response) => {
              call.response = response;
              apply(levels, "response", response.headers, call);
              return response;
            });
          };
        };
      },
    };
  },
  perRoute: {
    configTypes: [PER_ROUTE],
    parse: (bytes) => readChanges(decode(PER_ROUTE, bytes).mutations).changes,
  },
};

function apply(
  levels: readonly HeaderChanges[],
  direction: "request" | "response",
  headers: HeaderList,
  call: Call,
): void {
  for (const level of levels) level[direction]?.(headers, call);
}
