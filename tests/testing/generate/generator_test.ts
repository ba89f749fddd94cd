import assert from "node:assert/strict";
import { ACCEPTED_DIFFERENCES, LEFT_OUT } from "./accepted_differences.ts";
import { byName } from "./by_name.ts";
import { differences, generated, recorded } from "./recording.ts";

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
  ["wasm", ["sleep", "httpbin"]],
];

for (const [scenario, nodes] of CASES) {
  for (const type of ["CDS", "EDS", "LDS", "RDS", "NDS", "ECDS"] as const) {
    if (type === "ECDS" && scenario !== "wasm") continue;
    Deno.test(`${type} of '${scenario}' equals what a real istiod sent`, () => {
      for (const node of nodes) {
        const real = recorded(scenario, node, type);
        assert.ok(real.size > 0, `no recording of ${type}`);
        const policy = scenario === "external-registry-only" ? "REGISTRY_ONLY" : "ALLOW_ANY";
        const fake = generated(scenario, node, type, LEFT_OUT[scenario]!, policy);
        const found: string[] = [];
        for (const name of new Set([...real.keys(), ...fake.keys()])) {
          for (const line of differences(byName(real.get(name)), byName(fake.get(name)))) {
            found.push(`${scenario}/${node} ${type} ${name} ${line}`);
          }
        }
        const unexpected = found.filter((line) => !ACCEPTED_DIFFERENCES.some(({ pattern }) => pattern.test(line)));
        assert.deepEqual(unexpected, []);
      }
    });
  }
}
