import assert from "node:assert/strict";
import { property } from "../../lib/component/property.ts";
import { Call } from "../../lib/http/call.ts";
import { Exchange } from "../../lib/http/exchange.ts";
import { HeaderList } from "../../lib/http/header_list.ts";

Deno.test("attributes by Envoy's names; what is unknown is none", () => {
  const call = new Call({
    direction: "inbound",
    startTime: 1234,
    request: {
      method: "GET",
      scheme: "http",
      authority: "echo",
      path: "/a?b=c?d",
      headers: new HeaderList(["user-agent", "me"]),
      body: null,
      protocol: "HTTP/2",
    },
    exchange: new Exchange(),
    downstream: {
      id: 7,
      local: { hostname: "127.0.0.1", port: 80 },
      remote: { hostname: "10.0.0.1", port: 9000 },
      tls: null,
    },
  });
  const expected: [string, unknown][] = [
    ["request.method", "GET"],
    ["request.path", "/a?b=c?d"],
    ["request.url_path", "/a"],
    ["request.query", "b=c?d"],
    ["request.protocol", "HTTP/2"],
    ["request.useragent", "me"],
    ["request.time", 1234n],
    ["source.address", "10.0.0.1:9000"],
    ["source.port", 9000n],
    ["destination.port", 80n],
    ["connection.id", 7n],
    ["connection.mtls", false],
    ["xds.listener_direction", 1n],
    ["response.code", undefined],
    ["request.id", undefined],
    ["upstream.address", undefined],
    ["nonsense", undefined],
    ["constructor", undefined],
  ];
  for (const [name, value] of expected) assert.equal(property(call, name)?.val, value, name);
});
