import { packAny } from "../../protobuf/registry.ts";
import type {
  EnvoyConfigCoreV3TransportSocket,
  EnvoyExtensionsTransport_socketsTlsV3CommonTlsContext,
  EnvoyExtensionsTransport_socketsTlsV3SdsSecretConfig,
  EnvoyTypeMatcherV3StringMatcher,
} from "../../protobuf/gen/messages.ts";
import type { ClientTls } from "../kinds/client_tls.ts";

const TLS_PARAMS = { tlsMinimumProtocolVersion: "TLSv1_2", tlsMaximumProtocolVersion: "TLSv1_3" } as const;

const SERVER_CIPHERS = [
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "AES256-GCM-SHA384",
  "AES128-GCM-SHA256",
];

/** A secret that the proxy's own agent serves: `default`, `ROOTCA`, or a file. */
export function sdsSecret(name: string): EnvoyExtensionsTransport_socketsTlsV3SdsSecretConfig {
  const file = name.startsWith("file-");
  return {
    name,
    sdsConfig: {
      apiConfigSource: {
        apiType: "GRPC",
        transportApiVersion: "V3",
        grpcServices: [{ envoyGrpc: { clusterName: "sds-grpc" } }],
        setNodeOnFirstMessageOnly: true,
      },
      resourceApiVersion: "V3",
      // Mesh secrets are waited for without limit; file secrets keep Envoy's default.
      ...(file ? {} : { initialFetchTimeout: {} }),
    },
  };
}

/** Mutual TLS with the mesh's identities. */
function meshTls(
  names: readonly EnvoyTypeMatcherV3StringMatcher[],
  alpn: readonly string[],
): EnvoyExtensionsTransport_socketsTlsV3CommonTlsContext {
  return {
    tlsParams: TLS_PARAMS,
    alpnProtocols: [...alpn],
    tlsCertificateSdsSecretConfigs: [sdsSecret("default")],
    combinedValidationContext: {
      defaultValidationContext: { matchSubjectAltNames: [...names] },
      validationContextSdsSecretConfig: sdsSecret("ROOTCA"),
    },
  };
}

/** What a sidecar presents to its callers: it asks for a certificate of the mesh's trust domain. */
export function inboundTls(trustDomain: string, alpn: readonly string[]): EnvoyConfigCoreV3TransportSocket {
  const common = meshTls([{ prefix: `spiffe://${trustDomain}/` }], alpn);
  return {
    name: "envoy.transport_sockets.tls",
    typedConfig: packAny("envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", {
      commonTlsContext: { ...common, tlsParams: { ...TLS_PARAMS, cipherSuites: SERVER_CIPHERS } },
      requireClientCertificate: { value: true },
    }),
  };
}

/** Mutual TLS to endpoints whose identity is one of `sans`. */
export function outboundMeshTls(
  sans: readonly string[],
  sni: string,
  alpn: readonly string[],
): EnvoyConfigCoreV3TransportSocket {
  return outboundTls({ commonTlsContext: meshTls(sans.map((exact) => ({ exact })), alpn), sni });
}

/** TLS origination: `SIMPLE` or `MUTUAL`. Without verification the validation context is empty. */
export function originatedTls(tls: ClientTls, alpn: readonly string[]): EnvoyConfigCoreV3TransportSocket {
  return outboundTls({
    commonTlsContext: {
      tlsParams: TLS_PARAMS,
      ...(alpn.length === 0 ? {} : { alpnProtocols: [...alpn] }),
      ...(tls.credentialName === undefined ? filesOf(tls) : secretsOf(tls, tls.credentialName)),
    },
    ...(tls.sni === undefined ? {} : { sni: tls.sni }),
  });
}

type CommonTlsContext = EnvoyExtensionsTransport_socketsTlsV3CommonTlsContext;

/** Certificates in files that the proxy's own agent serves. */
function filesOf(tls: ClientTls): CommonTlsContext {
  const { clientCertificate, privateKey, caCertificates, caCrl } = tls;
  const certificate = tls.mode === "MUTUAL"
    ? { tlsCertificateSdsSecretConfigs: [sdsSecret(`file-cert:${clientCertificate}~${privateKey}`)] }
    : {};
  if (tls.insecureSkipVerify) return { ...certificate, validationContext: {} };
  return {
    ...certificate,
    combinedValidationContext: {
      defaultValidationContext: {
        matchSubjectAltNames: exactNames(tls),
        ...(caCrl === undefined ? {} : { crl: { filename: caCrl } }),
      },
      validationContextSdsSecretConfig: sdsSecret(`file-root:${caCertificates ?? "system"}`),
    },
  };
}

/** Certificates in a secret of the cluster that istiod serves. */
function secretsOf(tls: ClientTls, name: string): CommonTlsContext {
  const certificate = tls.mode === "MUTUAL" ? { tlsCertificateSdsSecretConfigs: [adsSecret(name)] } : {};
  if (tls.insecureSkipVerify) return certificate;
  return {
    ...certificate,
    combinedValidationContext: {
      defaultValidationContext: { matchSubjectAltNames: exactNames(tls) },
      validationContextSdsSecretConfig: adsSecret(`${name}-cacert`),
    },
  };
}

function exactNames({ subjectAltNames }: ClientTls): EnvoyTypeMatcherV3StringMatcher[] {
  return subjectAltNames.map((exact) => ({ exact }));
}

/** A secret of the client's namespace, over the discovery stream. */
function adsSecret(name: string): EnvoyExtensionsTransport_socketsTlsV3SdsSecretConfig {
  return {
    name: /^[a-z-]+:\/\//.test(name) ? name : `kubernetes://${name}`,
    sdsConfig: { ads: {}, resourceApiVersion: "V3" },
  };
}

function outboundTls(
  context: { commonTlsContext: EnvoyExtensionsTransport_socketsTlsV3CommonTlsContext; sni?: string },
): EnvoyConfigCoreV3TransportSocket {
  return {
    name: "envoy.transport_sockets.tls",
    typedConfig: packAny("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", context),
  };
}

/** Plaintext. */
export function rawBuffer(): EnvoyConfigCoreV3TransportSocket {
  return {
    name: "envoy.transport_sockets.raw_buffer",
    typedConfig: packAny("envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer", {}),
  };
}
