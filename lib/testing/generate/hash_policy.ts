import type { EnvoyConfigRouteV3RouteActionHashPolicy as HashPolicy } from "../../protobuf/gen/messages.ts";
import type { ConsistentHash } from "../kinds/load_balancer.ts";
import { duration, type GenerateContext } from "./context.ts";

/** What requests to a service without a VirtualService are hashed by. */
export function serviceHash(context: GenerateContext, hostname: string, port: number): ConsistentHash | undefined {
  const policy = context.view.destinationRule(hostname, context.node)?.value.policy;
  return policy?.ports.get(port)?.loadBalancer?.consistentHash ?? policy?.loadBalancer?.consistentHash;
}

/**
 * What requests to a destination of a VirtualService are hashed by. A port's level counts only where the destination
 * names the port, as in istiod.
 */
export function destinationHash(
  context: GenerateContext,
  { host, subset, port }: { readonly host: string; readonly subset: string; readonly port: number | undefined },
): ConsistentHash | undefined {
  const rule = context.view.destinationRule(host, context.node);
  const named = rule?.value.subsets.find(({ name }) => name === subset)?.policy;
  const own = rule?.value.policy;
  const level = (policy: typeof own) => port === undefined ? undefined : policy?.ports.get(port)?.loadBalancer;
  return level(named)?.consistentHash ?? named?.loadBalancer?.consistentHash ?? level(own)?.consistentHash ??
    own?.loadBalancer?.consistentHash;
}

/** Envoy's form of it. */
export function hashPolicy({ key }: ConsistentHash): HashPolicy {
  switch (key.kind) {
    case "header":
      return { header: { headerName: key.name } };
    case "cookie":
      return {
        cookie: {
          name: key.name,
          ...(key.ttlMs === undefined ? {} : { ttl: duration(key.ttlMs) }),
          ...(key.path ? { path: key.path } : {}),
          ...(key.attributes.length === 0 ? {} : { attributes: key.attributes.map((attribute) => ({ ...attribute })) }),
        },
      };
    case "sourceIp":
      return { connectionProperties: { sourceIp: true } };
    case "query":
      return { queryParameter: { name: key.name } };
  }
}
