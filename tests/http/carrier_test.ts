import assert from "node:assert/strict";
import { CARRIER_ALPN, clientKeepaliveMs, isCarrier, spokenProtocol } from "../../lib/http/carrier.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { ByteStream, ConnectionInfo } from "../../lib/transport/byte_stream.ts";

const PEER = { principal: "spiffe://cluster.local/ns/default/sa/web" };

function connection(alpn: string | null, peer: object | null): ConnectionInfo {
  return { tls: { alpn, sni: null, version: "TLSv1.3", cipher: "", peer, localPrincipal: null } } as ConnectionInfo;
}

Deno.test("the carrier is told by its protocol name", () => {
  assert.equal(isCarrier(connection(CARRIER_ALPN, PEER)), true);
  assert.equal(isCarrier(connection("h2", PEER)), false);
  assert.equal(isCarrier({ tls: null } as ConnectionInfo), false);
});

Deno.test("what was spoken is told by the field that gRPC needs and HTTP/1.1 does not pass on", () => {
  assert.equal(spokenProtocol(new HeaderList(["content-type", "application/grpc", "te", "trailers"])), "HTTP/2");
  assert.equal(spokenProtocol(new HeaderList(["content-type", "text/plain"])), "HTTP/1.1");
});

Deno.test("our own servers are asked often, strangers of the mesh seldom, others never", () => {
  const table: [string, ConnectionInfo, number][] = [
    ["carrier", connection(CARRIER_ALPN, PEER), 20_000],
    ["mutual TLS", connection("h2", PEER), 305_000],
    ["TLS that shows nobody", connection("h2", null), 0],
    ["plaintext", { tls: null } as ConnectionInfo, 0],
  ];
  for (const [what, info, expected] of table) assert.equal(clientKeepaliveMs({ info } as ByteStream), expected, what);
});
