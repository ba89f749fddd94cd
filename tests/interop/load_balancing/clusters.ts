import { Packed, Struct } from "./dual.ts";

/** An endpoint of a test cluster, by the number of its backend. */
export interface TestEndpoint {
  readonly backend: number;
  readonly weight?: number;
  readonly health?: string;
  readonly hostname?: string;
  /** Metadata of `envoy.lb`. */
  readonly labels?: Readonly<Record<string, string | string[]>>;
}

/** A locality of a test cluster. */
export interface TestLocality {
  readonly zone?: string;
  readonly priority?: number;
  readonly weight?: number;
  readonly endpoints: readonly TestEndpoint[];
}

/** Endpoints of backends 0 to `count`, with `overrides` by backend. */
export function endpoints(
  count: number,
  overrides: (backend: number) => Partial<TestEndpoint> = () => ({}),
  from = 0,
): TestEndpoint[] {
  return Array.from({ length: count }, (_, index) => ({ backend: from + index, ...overrides(from + index) }));
}

/** A STATIC cluster of loopback backends. */
export function testCluster(
  name: string,
  ports: readonly number[],
  localities: readonly TestLocality[],
  settings: object,
): object {
  return {
    name,
    connectTimeout: { seconds: 5 },
    ...settings,
    loadAssignment: {
      clusterName: name,
      endpoints: localities.map(({ zone, priority, weight, endpoints }) => ({
        ...(zone === undefined ? {} : { locality: { region: "r", zone } }),
        ...(priority === undefined ? {} : { priority }),
        ...(weight === undefined ? {} : { loadBalancingWeight: { value: weight } }),
        lbEndpoints: endpoints.map(({ backend, weight, health, hostname, labels }) => ({
          endpoint: {
            address: { socketAddress: { address: "127.0.0.1", portValue: ports[backend]! } },
            ...(hostname === undefined ? {} : { hostname }),
          },
          ...(weight === undefined ? {} : { loadBalancingWeight: { value: weight } }),
          ...(health === undefined ? {} : { healthStatus: health }),
          ...(labels === undefined ? {} : { metadata: { filterMetadata: { "envoy.lb": new Struct(labels) } } }),
        })),
      })),
    },
  };
}

const POLICIES = "envoy.extensions.load_balancing_policies.";

/** A `load_balancing_policy` of one policy. */
export function policy(name: string, message: object): object {
  return {
    policies: [{
      typedExtensionConfig: { name: `envoy.load_balancing_policies.${name}`, typedConfig: packed(name, message) },
    }],
  };
}

function packed(name: string, message: object): Packed {
  const type = name.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return new Packed(`${POLICIES}${name}.v3.${type}` as Packed["name"], message);
}

/** Settings of a cluster that hashes. */
export const RING = { lbPolicy: "RING_HASH" };

/** The same, by table. */
export const MAGLEV = { lbPolicy: "MAGLEV" };

/** Localities share by weight. */
export const BY_LOCALITY = { localityWeightedLbConfig: {} };

/** All endpoints in one place. */
export function flat(count: number, overrides?: Parameters<typeof endpoints>[1]): TestLocality[] {
  return [{ endpoints: endpoints(count, overrides) }];
}
