import type { EnvoyConfigCoreV3TypedExtensionConfig, EnvoyConfigRouteV3RouteAction } from "../protobuf/gen/messages.ts";
import { messageName, unpackAny } from "../protobuf/registry.ts";
import { type Issues, reasonOf } from "./issues.ts";
import { parseNumber } from "./parse_common.ts";
import { headerName } from "./parse_header_mutations.ts";
import type { InternalRedirectPolicy, RedirectPredicate } from "./route.ts";

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const PREDICATES = "envoy.extensions.internal_redirect";
const ALLOW_LISTED = `${PREDICATES}.allow_listed_routes.v3.AllowListedRoutesConfig` as const;

/**
 * Reads the internal redirects of a route, in the form of today (`internal_redirect_policy`) or the deprecated one. With
 * a predicate that is not supported no redirect is followed: the caller gets it, as without a policy.
 *
 * @param path The route action.
 */
export function parseInternalRedirect(
  issues: Issues,
  path: string,
  action: EnvoyConfigRouteV3RouteAction,
): InternalRedirectPolicy | null {
  const policy = action.internalRedirectPolicy;
  if (policy === undefined) {
    if (action.internalRedirectAction !== "HANDLE_INTERNAL_REDIRECT") return null;
    return {
      maxRedirects: parseNumber(issues, `${path}.max_internal_redirects`, action.maxInternalRedirects, 1),
      statuses: [302],
      allowCrossScheme: false,
      responseHeadersToCopy: [],
      predicates: [],
    };
  }
  const policyPath = `${path}.internal_redirect_policy`;
  const predicates: RedirectPredicate[] = [];
  let supported = true;
  for (const [index, extension] of (policy.predicates ?? []).entries()) {
    const predicate = parsePredicate(issues, `${policyPath}.predicates[${index}]`, extension);
    if (predicate === null) supported = false;
    else predicates.push(predicate);
  }
  const codes = policy.redirectResponseCodes ?? [];
  const redirect: InternalRedirectPolicy = {
    maxRedirects: parseNumber(issues, `${policyPath}.max_internal_redirects`, policy.maxInternalRedirects, 1),
    // Envoy leaves out what is no redirect.
    statuses: codes.length === 0 ? [302] : codes.filter((code) => REDIRECTS.has(code)),
    allowCrossScheme: policy.allowCrossSchemeRedirect ?? false,
    responseHeadersToCopy: (policy.responseHeadersToCopy ?? []).map((name, index) =>
      headerName(issues, `${policyPath}.response_headers_to_copy[${index}]`, name)
    ),
    predicates,
  };
  return supported ? redirect : null;
}

function parsePredicate(
  issues: Issues,
  path: string,
  { name, typedConfig }: EnvoyConfigCoreV3TypedExtensionConfig,
): RedirectPredicate | null {
  switch (messageName(typedConfig?.typeUrl ?? "")) {
    case `${PREDICATES}.previous_routes.v3.PreviousRoutesConfig`:
      return { kind: "previous_routes" };
    case `${PREDICATES}.safe_cross_scheme.v3.SafeCrossSchemeConfig`:
      return { kind: "safe_cross_scheme" };
    case ALLOW_LISTED:
      try {
        return { kind: "allow_listed_routes", routes: unpackAny(ALLOW_LISTED, typedConfig!).allowedRouteNames ?? [] };
      } catch (error) {
        issues.invalid(`${path}.typed_config`, `it cannot be read (${reasonOf(error)})`);
        return null;
      }
  }
  issues.unsupport(path, name ?? "");
  return null;
}
