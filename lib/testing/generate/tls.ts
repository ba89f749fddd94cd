import { packAny } from "../../protobuf/registry.ts";
import type {
  EnvoyConfigCoreV3TransportSocket,
  EnvoyExtensionsTransport_socketsTlsV3CommonTlsContext,
  EnvoyExtensionsTransport_socketsTlsV3SdsSecretConfig,
  EnvoyTypeMatcherV3StringMatcher,
} from "../../protobuf/gen/messages.ts";

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

/** What a client certificate, a CA file and names of a DestinationRule ask for. */
export interface OriginatedTls {
  readonly clientCertificate: { readonly chain: string; readonly key: string } | undefined;
  readonly caCertificates: string | undefined;
  readonly subjectAltNames: readonly string[];
  readonly insecureSkipVerify: boolean;
  readonly sni: string | undefined;
  readonly alpn: readonly string[];
}

/** TLS origination: `SIMPLE` or `MUTUAL`. Without verification the validation context is empty. */
export function originatedTls(tls: OriginatedTls): EnvoyConfigCoreV3TransportSocket {
  const certificate = tls.clientCertificate;
  return outboundTls({
    commonTlsContext: {
      tlsParams: TLS_PARAMS,
      ...(tls.alpn.length === 0 ? {} : { alpnProtocols: [...tls.alpn] }),
      ...(certificate === undefined
        ? {}
        : { tlsCertificateSdsSecretConfigs: [sdsSecret(`file-cert:${certificate.chain}~${certificate.key}`)] }),
      ...(tls.insecureSkipVerify ? { validationContext: {} } : {
        combinedValidationContext: {
          defaultValidationContext: { matchSubjectAltNames: tls.subjectAltNames.map((exact) => ({ exact })) },
          validationContextSdsSecretConfig: sdsSecret(`file-root:${tls.caCertificates ?? "system"}`),
        },
      }),
    },
    ...(tls.sni === undefined ? {} : { sni: tls.sni }),
  });
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
