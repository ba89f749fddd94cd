import assert from "node:assert/strict";
import { ACCEPTED_DIFFERENCES, LEFT_OUT } from "./accepted_differences.ts";
import { type Decoded, differences, generated, recorded } from "./recording.ts";

const CASES: readonly [string, readonly string[]][] = [
  ["basic", ["sleep", "httpbin", "cart"]],
  ["tls-modes", ["sleep", "httpbin"]],
  ["canary", ["sleep", "httpbin"]],
  ["resilience", ["sleep", "httpbin"]],
  ["locality", ["sleep", "httpbin"]],
  ["hashing", ["sleep", "httpbin"]],
  ["tcp", ["sleep", "httpbin"]],
  ["grpc", ["sleep", "httpbin"]],
  ["external-registry-only", ["sleep", "httpbin"]],
];

for (const [scenario, nodes] of CASES) {
  for (const type of ["CDS", "EDS", "LDS", "RDS", "NDS"] as const) {
    Deno.test(`${type} of '${scenario}' equals what a real istiod sent`, () => {
      for (const node of nodes) {
        const real = recorded(scenario, node, type);
        assert.ok(real.size > 0, `no recording of ${type}`);
        const policy = scenario === "external-registry-only" ? "REGISTRY_ONLY" : "ALLOW_ANY";
        const fake = generated(scenario, node, type, LEFT_OUT[scenario]!, policy);
        const found: string[] = [];
        for (const name of new Set([...real.keys(), ...fake.keys()])) {
          for (const line of differences(sorted(real.get(name)), sorted(fake.get(name)))) {
            found.push(`${scenario}/${node} ${type} ${name} ${line}`);
          }
        }
        const unexpected = found.filter((line) => !ACCEPTED_DIFFERENCES.some(({ pattern }) => pattern.test(line)));
        assert.deepEqual(unexpected, []);
      }
    });
  }
}

/** Virtual hosts come in any order: compared by name. Everything else keeps its order. */
function sorted(resource: Decoded | undefined): Decoded | undefined {
  const message = (resource as { message?: { [key: string]: Decoded } } | undefined)?.message;
  const hosts = message?.virtualHosts as { name: string }[] | undefined;
  if (hosts !== undefined) message!.virtualHosts = Object.fromEntries(hosts.map((host) => [host.name, host]));
  return resource;
}
