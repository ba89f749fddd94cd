import assert from "node:assert/strict";
import { ForwardClientCert, type ForwardClientCertPolicy } from "../../lib/http/forward_client_cert.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { ConnectionInfo } from "../../lib/transport/byte_stream.ts";

const ADDRESS = { hostname: "127.0.0.1", port: 1 };
const NONE = { subject: false, cert: false, chain: false, dns: false, uri: false };
const ISTIO = { ...NONE, subject: true, dns: true, uri: true };
const PLAINTEXT: ConnectionInfo = { id: 1, local: ADDRESS, remote: ADDRESS, tls: null };
const MUTUAL: ConnectionInfo = {
  ...PLAINTEXT,
  tls: {
    alpn: null,
    sni: null,
    version: "TLSv1.3",
    cipher: "",
    localPrincipal: "spiffe://td/ns/a/sa/server",
    peer: {
      principal: "spiffe://td/ns/a/sa/client",
      uriSans: ["spiffe://td/ns/a/sa/client"],
      dnsSans: ["client.a"],
      subject: "",
      sha256: "ab12",
      certificate: new Uint8Array([1, 2, 3]),
      chain: [new Uint8Array([1, 2, 3])],
    },
  },
};
const ELEMENT = 'By=spiffe://td/ns/a/sa/server;Hash=ab12;Subject="";URI=spiffe://td/ns/a/sa/client;DNS=client.a';

function apply(
  mode: ForwardClientCertPolicy["forwardClientCert"],
  connection: ConnectionInfo,
  received?: string,
): string | undefined {
  const headers = new HeaderList(received === undefined ? [] : ["x-forwarded-client-cert", received]);
  new ForwardClientCert({ forwardClientCert: mode, setCurrentClientCert: ISTIO }).apply(headers, connection);
  return headers.get("x-forwarded-client-cert");
}

Deno.test("ForwardClientCert drops what a plaintext caller claims, in every mode but always_forward_only", () => {
  for (const mode of ["sanitize", "forward_only", "append_forward", "sanitize_set"] as const) {
    assert.equal(apply(mode, PLAINTEXT, "By=spiffe://forged"), undefined, mode);
  }
  assert.equal(apply("always_forward_only", PLAINTEXT, "By=x"), "By=x");
});

Deno.test("ForwardClientCert follows the mode for callers with a verified certificate", () => {
  assert.equal(apply("sanitize", MUTUAL, "By=x"), undefined);
  assert.equal(apply("forward_only", MUTUAL, "By=x"), "By=x");
  assert.equal(apply("append_forward", MUTUAL, "By=x"), `By=x,${ELEMENT}`);
  assert.equal(apply("append_forward", MUTUAL), ELEMENT);
  assert.equal(apply("sanitize_set", MUTUAL, "By=x"), ELEMENT);
});

Deno.test("ForwardClientCert adds the certificate as URL-encoded PEM when asked to", () => {
  const headers = new HeaderList();
  const setCurrentClientCert = { ...NONE, cert: true };
  new ForwardClientCert({ forwardClientCert: "sanitize_set", setCurrentClientCert }).apply(headers, MUTUAL);
  const value = headers.get("x-forwarded-client-cert")!;
  assert.match(value, /;Cert="-----BEGIN%20CERTIFICATE-----%0AAQID%0A-----END%20CERTIFICATE-----%0A"$/);
});
