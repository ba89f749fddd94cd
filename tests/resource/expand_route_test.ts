import assert from "node:assert/strict";
import { encode } from "../../lib/protobuf/registry.ts";
import type { EnvoyConfigRouteV3RouteConfiguration as Message } from "../../lib/protobuf/gen/messages.ts";
import { expandRoute } from "../../lib/resource/expand_route.ts";
import { NO_FILTER_PARSERS } from "../../lib/resource/filter_parsers.ts";
import { parseRoute } from "../../lib/resource/parse_route.ts";
import type { RouteConfiguration } from "../../lib/resource/route.ts";
import { readRecording, RECORDING_PARSERS, recordingNames } from "../vector/recording.ts";

const MESSAGE = "envoy.config.route.v3.RouteConfiguration";

function host(name: string, cluster: string) {
  return { name, domains: [`${name}.example`], routes: [{ match: { prefix: "/" }, route: { cluster } }] };
}

function expand(
  message: Message,
  former: RouteConfiguration | null = null,
  onInvalid: (name: string, errors: readonly string[]) => void = () => {},
): RouteConfiguration {
  const result = expandRoute(encode(MESSAGE, message), NO_FILTER_PARSERS, former, onInvalid);
  assert.ok(result.ok, result.ok ? "" : result.errors.join());
  return result.value;
}

Deno.test("Every recorded route configuration expands to what it parses to", () => {
  let count = 0;
  for (const name of recordingNames()) {
    for (const { kind, update } of readRecording(name).updates) {
      for (const bytes of kind === "route" ? update.changed.values() : []) {
        const parsed = parseRoute(bytes, RECORDING_PARSERS);
        const expanded = expandRoute(bytes, RECORDING_PARSERS, null, assert.fail);
        assert.ok(parsed.ok && expanded.ok);
        const { virtualHosts, hostsByDomain: _, ...rest } = expanded.value;
        const { virtualHosts: expected, hostsByDomain: __, ...others } = parsed.value;
        assert.deepEqual(rest, others);
        assert.deepEqual(
          virtualHosts.map((host) =>
            Object.fromEntries(Object.keys(expected[0]!).map((key) => [key, host[key as never]]))
          ),
          expected,
        );
        count++;
      }
    }
  }
  assert.ok(count > 50, String(count));
});

Deno.test("Virtual hosts that are the same pass from version to version, others are read anew", () => {
  const first = expand({ name: "80", virtualHosts: [host("a", "1"), host("b", "1"), host("c", "1")] });
  const [a, b] = [first.hostsByDomain!.exact("a.example"), first.hostsByDomain!.exact("b.example")];
  const second = expand({ name: "80", virtualHosts: [host("new", "1"), host("a", "1"), host("b", "2")] }, first);
  assert.equal(second.hostsByDomain!.exact("a.example"), a);
  assert.notEqual(second.hostsByDomain!.exact("b.example"), b);
  assert.equal(second.hostsByDomain!.exact("c.example"), null);
  assert.equal(second.virtualHosts.length, 3);
});

Deno.test("No virtual host passes on where what stands around them has changed", () => {
  const virtualHosts = [host("a", "1")];
  const first = expand({ name: "80", virtualHosts });
  const a = first.hostsByDomain!.exact("a.example");
  const second = expand({ name: "80", virtualHosts, maxDirectResponseBodySizeBytes: { value: 1 } }, first);
  assert.notEqual(second.hostsByDomain!.exact("a.example"), a);
});

Deno.test("A virtual host that turns out to be invalid refuses its requests and is reported, the others serve", () => {
  const reports: string[] = [];
  const bad = { name: "bad", domains: ["bad.example"], routes: [{ match: { prefix: "/" } }] };
  const configuration = expand(
    { name: "80", virtualHosts: [bad, host("good", "1")] },
    null,
    (name, errors) => reports.push(`${name}: ${errors.join("; ")}`),
  );
  assert.deepEqual(reports, []);
  const [route] = configuration.hostsByDomain!.exact("bad.example")!.routes;
  assert.deepEqual(route!.action, {
    kind: "direct_response",
    status: 500,
    body: "Cannot route the request: its virtual host is invalid, the log says why",
  });
  assert.deepEqual(reports, ["bad: Cannot use 'virtual_hosts[bad].routes[0]': it must have an action"]);
  assert.equal(configuration.hostsByDomain!.exact("good.example")!.routes[0]!.action.kind, "forward");
});

Deno.test("Bytes that are no route configuration are an error", () => {
  const result = expandRoute(Uint8Array.of(0x12, 5, 1), NO_FILTER_PARSERS, null, assert.fail);
  assert.ok(!result.ok);
  assert.match(result.errors[0]!, /^Cannot read 3 bytes as 'envoy.config.route.v3.RouteConfiguration': /);
});
