import assert from "node:assert/strict";
import type {
  EnvoyExtensionsTransport_socketsTlsV3CommonTlsContext as Common,
  EnvoyExtensionsTransport_socketsTlsV3DownstreamTlsContext as Downstream,
} from "../../lib/protobuf/gen/messages.ts";
import { Issues } from "../../lib/resource/issues.ts";
import { parseDownstreamTlsContext, parseUpstreamTlsContext } from "../../lib/resource/parse_tls_context.ts";

function upstream(commonTlsContext: Common, sni = "") {
  const issues = new Issues();
  return { context: parseUpstreamTlsContext(issues, "tls", { commonTlsContext, sni }), issues };
}

function downstream(message: Downstream) {
  const issues = new Issues();
  return { context: parseDownstreamTlsContext(issues, "tls", message), issues };
}

const PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
const KEY = "-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n";
const CERTIFICATE: Common = { tlsCertificateSdsSecretConfigs: [{ name: "default" }] };

Deno.test("Istio's mutual TLS towards a service", () => {
  const { context, issues } = upstream({
    ...CERTIFICATE,
    tlsParams: { tlsMinimumProtocolVersion: "TLSv1_2", tlsMaximumProtocolVersion: "TLSv1_3" },
    alpnProtocols: ["istio-peer-exchange", "istio"],
    combinedValidationContext: {
      defaultValidationContext: { matchSubjectAltNames: [{ exact: "spiffe://td/ns/a/sa/b" }] },
      validationContextSdsSecretConfig: { name: "ROOTCA" },
    },
  }, "outbound_.80_._.a");
  assert.deepEqual(issues.errors, []);
  assert.deepEqual(context, {
    certificates: [{ kind: "sds", name: "default" }],
    validation: {
      trust: { kind: "sds", name: "ROOTCA" },
      subjectAltNames: [{
        type: "any",
        match: { kind: "exact", value: "spiffe://td/ns/a/sa/b", ignoreCase: false },
      }],
    },
    alpn: ["istio-peer-exchange", "istio"],
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.3",
    sni: "outbound_.80_._.a",
    autoSni: false,
    autoSanValidation: false,
    autoHostSni: false,
    autoSniSanValidation: false,
    requireClientCertificate: false,
  });
});

Deno.test("Where certificates and roots come from", () => {
  const certificates = (common: Common) => upstream(common).context?.certificates;
  assert.deepEqual(certificates({ tlsCertificateSdsSecretConfigs: [{ name: "file-cert:/c.pem~/k.pem" }] }), [
    { kind: "file", chainPath: "/c.pem", keyPath: "/k.pem" },
  ]);
  assert.deepEqual(
    certificates({ tlsCertificates: [{ certificateChain: { filename: "/c" }, privateKey: { filename: "/k" } }] }),
    [{ kind: "file", chainPath: "/c", keyPath: "/k" }],
  );
  const inlineBytes = new TextEncoder().encode(KEY);
  assert.deepEqual(
    certificates({ tlsCertificates: [{ certificateChain: { inlineString: PEM }, privateKey: { inlineBytes } }] }),
    [{ kind: "inline", chain: PEM, key: KEY }],
  );
  const trust = (common: Common) => upstream(common).context?.validation?.trust;
  const byName = (name: string): Common => ({ validationContextSdsSecretConfig: { name } });
  assert.deepEqual(trust(byName("ROOTCA")), { kind: "sds", name: "ROOTCA" });
  assert.deepEqual(trust(byName("file-root:/ca.pem")), { kind: "file", path: "/ca.pem" });
  assert.deepEqual(trust(byName("file-root:system")), { kind: "system" });
  assert.deepEqual(trust({ validationContext: { systemRootCerts: {} } }), { kind: "system" });
  assert.deepEqual(trust({ validationContext: { trustedCa: { inlineString: PEM } } }), { kind: "inline", pem: PEM });
  assert.deepEqual(trust({ validationContext: { trustedCa: { filename: "/ca" } } }), { kind: "file", path: "/ca" });
});

Deno.test("An empty validation context trusts any chain, and no context at all is a different thing", () => {
  assert.deepEqual(upstream({ validationContext: {} }).context?.validation, { trust: null, subjectAltNames: [] });
  assert.equal(upstream({}).context?.validation, null);
});

Deno.test("Names without a trusted CA are refused", () => {
  const { issues } = upstream({ validationContext: { matchSubjectAltNames: [{ exact: "a" }] } });
  assert.match(issues.errors[0]!, /'tls\.common_tls_context\.validation_context': names of a peer mean nothing/);
  const untrusted = upstream({
    validationContext: {
      trustedCa: { inlineString: PEM },
      trustChainVerification: "ACCEPT_UNTRUSTED",
      matchSubjectAltNames: [{ exact: "a" }],
    },
  });
  assert.equal(untrusted.issues.errors.length, 1);
});

Deno.test("Typed names keep their type", () => {
  const { context } = upstream({
    combinedValidationContext: {
      defaultValidationContext: {
        matchTypedSubjectAltNames: [
          { sanType: "URI", matcher: { prefix: "spiffe://td/" } },
          { sanType: "DNS", matcher: { suffix: ".test", ignoreCase: true } },
          { sanType: "IP_ADDRESS", matcher: { exact: "10.0.0.1" } },
          { sanType: "EMAIL", matcher: { contains: "@" } },
        ],
      },
      validationContextSdsSecretConfig: { name: "ROOTCA" },
    },
  });
  assert.deepEqual(context?.validation?.subjectAltNames, [
    { type: "uri", match: { kind: "prefix", value: "spiffe://td/", ignoreCase: false } },
    { type: "dns", match: { kind: "suffix", value: ".test", ignoreCase: true } },
    { type: "ip", match: { kind: "exact", value: "10.0.0.1", ignoreCase: false } },
    { type: "email", match: { kind: "contains", value: "@", ignoreCase: false } },
  ]);
});

Deno.test("What makes peers harder to accept and is unsupported makes the whole context unsupported", () => {
  const ca = { trustedCa: { inlineString: PEM } };
  const cases: Common[] = [
    { validationContext: { ...ca, crl: { inlineString: "x" } } },
    { validationContext: { ...ca, verifyCertificateHash: ["x"] } },
    { validationContext: { ...ca, verifyCertificateSpki: ["x"] } },
    { validationContext: { ...ca, customValidatorConfig: { name: "x" } } },
    { validationContext: { ...ca, requireSignedCertificateTimestamp: { value: true } } },
    { validationContext: { ...ca, matchTypedSubjectAltNames: [{ sanType: "OTHER_NAME", matcher: { exact: "x" } }] } },
    { validationContext: { ...ca, matchSubjectAltNames: [{ custom: { name: "x" } }] } },
    { customHandshaker: { name: "x" } },
  ];
  for (const common of cases) {
    const { context, issues } = upstream(common);
    assert.equal(context, null, JSON.stringify(common));
    assert.equal(issues.unsupported.length, 1, JSON.stringify(common));
    assert.deepEqual(issues.errors, []);
  }
  assert.equal(downstream({ commonTlsContext: CERTIFICATE, requireSni: { value: true } }).context, null);
});

Deno.test("Versions: what is too old is raised or refused, never accepted", () => {
  const versions = (min: string, max: string) =>
    upstream({ tlsParams: { tlsMinimumProtocolVersion: min, tlsMaximumProtocolVersion: max } });
  assert.equal(versions("TLSv1_0", "TLS_AUTO").context?.minVersion, "TLSv1.2");
  assert.equal(versions("TLS_AUTO", "TLS_AUTO").context?.minVersion, null);
  assert.match(versions("TLS_AUTO", "TLSv1_1").issues.errors[0]!, /tls_maximum_protocol_version.*'TLSv1_1'/);
  assert.match(versions("TLSv1_3", "TLSv1_2").issues.errors[0]!, /it must not be above the maximum/);
});

Deno.test("A server must have a certificate, and asks for the client's only where told to", () => {
  assert.match(downstream({}).issues.errors[0]!, /a server must have a certificate/);
  assert.equal(downstream({ commonTlsContext: CERTIFICATE }).context?.requireClientCertificate, false);
  const strict = downstream({ commonTlsContext: CERTIFICATE, requireClientCertificate: { value: true } });
  assert.equal(strict.context?.requireClientCertificate, true);
});

Deno.test("Text that holds no certificate or key is refused, each with its path", () => {
  const { issues } = upstream({
    tlsCertificates: [{ certificateChain: { inlineString: KEY }, privateKey: { inlineString: PEM } }],
    validationContext: { trustedCa: { inlineString: "roots" } },
  });
  const paths = ["tls_certificates[0].certificate_chain", "tls_certificates[0].private_key", "trusted_ca"];
  assert.equal(issues.errors.length, 3, issues.errors.join("\n"));
  for (const path of paths) assert.ok(issues.errors.some((error) => error.includes(`${path}': it must hold a PEM`)));
  assert.equal(
    upstream({
      tlsCertificateSdsSecretConfigs: [{ name: "default" }, { name: "kubernetes://other" }],
    }).issues.errors.length,
    1,
    "a client shows one certificate",
  );
});

Deno.test("Private keys never appear in messages", () => {
  const { issues } = upstream({
    tlsCertificates: [{
      certificateChain: {},
      privateKey: { inlineString: "SECRET" },
      password: { inlineString: "SECRET" },
    }],
    alpnProtocols: [""],
  });
  assert.ok(issues.errors.length > 0);
  assert.doesNotMatch(JSON.stringify([issues.errors, issues.unsupported]), /SECRET/);
});

Deno.test("What the runtime cannot be told of ciphers, curves and signatures is reported, and refuses nothing", () => {
  const istio = [
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
  ];
  const reported = (tlsParams: Common["tlsParams"]) => {
    const { context, issues } = upstream({ ...CERTIFICATE, ...(tlsParams === undefined ? {} : { tlsParams }) });
    assert.notEqual(context, null);
    return issues.unsupported.map(({ path, what }) => `${path.slice(path.indexOf("tls_params."))}: ${what}`);
  };
  assert.deepEqual(reported({ cipherSuites: istio }), []);
  assert.deepEqual(
    reported({ cipherSuites: ["[ECDHE-ECDSA-AES128-GCM-SHA256|x]", ...istio.slice(0, 2), istio[3]!] }),
    [],
  );
  assert.deepEqual(reported({ cipherSuites: istio.slice(0, 2) }), [
    "tls_params.cipher_suites: a list without ECDHE-ECDSA-AES128-GCM-SHA256, ECDHE-RSA-AES128-GCM-SHA256",
  ]);
  assert.deepEqual(reported({ ecdhCurves: ["P-256"], signatureAlgorithms: ["rsa_pss_rsae_sha256"] }), [
    "tls_params.ecdh_curves: P-256",
    "tls_params.signature_algorithms: rsa_pss_rsae_sha256",
  ]);
});
