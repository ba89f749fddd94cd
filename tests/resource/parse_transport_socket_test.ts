import assert from "node:assert/strict";
import type { EnvoyConfigCoreV3TransportSocket as Socket } from "../../lib/protobuf/gen/messages.ts";
import { packAny } from "../../lib/protobuf/registry.ts";
import { Issues } from "../../lib/resource/issues.ts";
import { parseUpstreamTransportSocket } from "../../lib/resource/parse_transport_socket.ts";

const TLS = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
const PROXY = "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport";
const raw: Socket = {
  name: "envoy.transport_sockets.raw_buffer",
  typedConfig: packAny("envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer", {}),
};
const tls: Socket = { name: "tls", typedConfig: packAny(TLS, { commonTlsContext: { validationContext: {} } }) };

function parse(socket: Socket) {
  const issues = new Issues();
  const parsed = parseUpstreamTransportSocket(issues, "transport_socket", socket, {
    autoSni: false,
    autoSanValidation: false,
  });
  return { parsed, issues };
}

function proxy(transportSocket: Socket | undefined, version?: string): Socket {
  const inner = transportSocket === undefined ? {} : { transportSocket };
  const config = version === undefined ? {} : { config: { version } };
  return {
    name: "envoy.transport_sockets.upstream_proxy_protocol",
    typedConfig: packAny(PROXY, { ...inner, ...config }),
  };
}

Deno.test("PROXY protocol stands in front of the transport inside of it", () => {
  assert.deepEqual(parse(proxy(raw)).parsed, { kind: "plaintext", proxyProtocol: 1 });
  assert.deepEqual(parse(proxy(raw, "V2")).parsed, { kind: "plaintext", proxyProtocol: 2 });
  const { parsed } = parse(proxy(tls, "V2"));
  assert.equal(parsed.kind, "tls");
  assert.equal(parsed.proxyProtocol, 2);
});

Deno.test("PROXY protocol around nothing, around itself or around something unknown is refused", () => {
  assert.match(parse(proxy(undefined)).issues.errors[0]!, /transport_socket': it must hold the transport inside/);
  assert.match(parse(proxy(proxy(raw))).issues.errors[0]!, /one header/);
  const odd = { name: "odd", typedConfig: packAny("google.protobuf.StringValue", { value: "" }) };
  const { parsed, issues } = parse(proxy(odd));
  assert.equal(parsed.kind, "unsupported");
  assert.equal(issues.unsupported.length, 1);
  const broken = parse({
    name: "p",
    typedConfig: { typeUrl: `type.googleapis.com/${PROXY}`, value: new Uint8Array([8]) },
  });
  assert.equal(broken.parsed.kind, "unsupported");
  assert.match(broken.issues.errors[0]!, /cannot be read/);
});

Deno.test("auto_host_sni and auto_sni_san_validation", () => {
  const context = (fields: object): Socket => ({ name: "tls", typedConfig: packAny(TLS, fields) });
  const both = { autoHostSni: true, autoSniSanValidation: true };
  const { parsed } = parse(context({ ...both, commonTlsContext: { validationContext: {} } }));
  assert.ok(parsed.kind === "tls");
  assert.deepEqual([parsed.context.autoHostSni, parsed.context.autoSniSanValidation], [true, true]);
  const plain = parse(tls).parsed;
  assert.ok(plain.kind === "tls");
  assert.deepEqual([plain.context.autoHostSni, plain.context.autoSniSanValidation], [false, false]);
  assert.match(parse(context(both)).issues.errors[0]!, /auto_sni_san_validation': it needs a validation/);
});
