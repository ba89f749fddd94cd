import { packAny } from "../../protobuf/registry.ts";
import type { GoogleProtobufAny } from "../../protobuf/gen/messages.ts";
import type { CorsPolicy } from "../kinds/cors_policy.ts";
import { stringMatcher } from "./string_matcher.ts";

/** The CORS filter's configuration of a route. */
export function corsConfig(policy: CorsPolicy): GoogleProtobufAny {
  const list = (name: string, items: readonly string[]) => items.length === 0 ? {} : { [name]: items.join(",") };
  return packAny("envoy.extensions.filters.http.cors.v3.CorsPolicy", {
    ...(policy.allowOrigins.length === 0 ? {} : { allowOriginStringMatch: policy.allowOrigins.map(stringMatcher) }),
    ...list("allowMethods", policy.allowMethods),
    ...list("allowHeaders", policy.allowHeaders),
    ...list("exposeHeaders", policy.exposeHeaders),
    ...(policy.maxAgeSeconds === undefined ? {} : { maxAge: String(policy.maxAgeSeconds) }),
    ...(policy.allowCredentials === undefined
      ? {}
      : { allowCredentials: policy.allowCredentials ? { value: true } : {} }),
    filterEnabled: { defaultValue: { numerator: 100 } },
    forwardNotMatchingPreflights: policy.forwardUnmatchedPreflights ? { value: true } : {},
  });
}
