import assert from "node:assert/strict";
import { parseGrpcTarget } from "../../lib/grpc/channel_target.ts";

Deno.test("targets name a host and a port", () => {
  const cases: [string, string, number, string][] = [
    ["greeter.default:50051", "greeter.default", 50051, "greeter.default:50051"],
    ["Greeter", "greeter", 80, "greeter"],
    ["localhost:1", "localhost", 1, "localhost:1"],
    ["dns:greeter:443", "greeter", 443, "greeter:443"],
    ["dns:///greeter:443", "greeter", 443, "greeter:443"],
    ["dns://8.8.8.8/greeter:443", "greeter", 443, "greeter:443"],
    ["10.0.0.1:80", "10.0.0.1", 80, "10.0.0.1:80"],
    ["ipv4:10.0.0.1:8080", "10.0.0.1", 8080, "10.0.0.1:8080"],
    ["[::1]:50051", "[::1]", 50051, "[::1]:50051"],
    ["[::1]", "[::1]", 80, "[::1]"],
    ["fd00::0:1", "[fd00::1]", 80, "[fd00::1]"],
    ["ipv6:[::1]:7", "[::1]", 7, "[::1]:7"],
  ];
  for (const [target, hostname, port, authority] of cases) {
    const url = parseGrpcTarget(target);
    assert.deepEqual([url.hostname, url.port, url.authority], [hostname, port, authority], target);
    assert.equal(url.protocol, "http:");
  }
});

Deno.test("a target that is none says so", () => {
  const cases: [string, RegExp][] = [
    ["", /it is empty/],
    ["xds:///greeter", /no resolver for 'xds:'/],
    ["unix:/tmp/socket", /no resolver for 'unix:'/],
    ["http://greeter:80", /no resolver for 'http:'/],
    ["greeter:0", /port '0'/],
    ["greeter:65536", /port '65536'/],
    ["greeter:http", /no resolver/],
    [":80", /no host/],
    ["a b:80", /no host/],
    ["user@host:80", /no host/],
    ["[::zz]:80", /no host/],
    ["ipv4:10.0.0.1:80,10.0.0.2:80", /no host/],
    ["dns:///", /no host/],
  ];
  for (const [target, message] of cases) {
    assert.throws(() => parseGrpcTarget(target), (error: unknown) => {
      assert.ok(error instanceof TypeError);
      assert.match(error.message, message, target);
      assert.ok(error.message.includes(`'${target}'`));
      return true;
    });
  }
  assert.throws(() => parseGrpcTarget(undefined as unknown as string), TypeError);
});
