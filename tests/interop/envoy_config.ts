/** Configurations of a real Envoy as an Istio sidecar, in the shapes istiod gives them. */

/** Files with a workload's certificate, key and the mesh's root. */
export interface CertificateFiles {
  readonly chain: string;
  readonly key: string;
  readonly root: string;
}

/** What a client sidecar needs to know. */
export interface ClientSidecarOptions {
  readonly port: number;
  readonly upstream: { readonly hostname: string; readonly port: number };
  /** `null` speaks plaintext, as to a workload outside of the mesh. */
  readonly certificates: CertificateFiles | null;
  /** SPIFFE ids accepted of the server. */
  readonly sans: readonly string[];
  readonly sni: string;
  /** ALPN offered. @default {["istio-http/1.1", "istio", "http/1.1"]} */
  readonly alpn?: readonly string[];
  /** Speaks HTTP/2 upstream. @default {false} */
  readonly http2?: boolean;
}

/** What a server sidecar needs to know. */
export interface ServerSidecarOptions {
  readonly port: number;
  readonly application: { readonly hostname: string; readonly port: number };
  /** Speaks HTTP/2 to the application. @default {false} */
  readonly http2?: boolean;
  readonly certificates: CertificateFiles;
  /** Whether plaintext is refused. */
  readonly strict: boolean;
  /** Asks clients to go (GOAWAY) after so many requests on a connection. @default {no limit} */
  readonly maxRequestsPerConnection?: number;
  /** Prefix of accepted SPIFFE ids. @default {"spiffe://cluster.local/"} */
  readonly trustDomainPrefix?: string;
}

const ISTIO_ALPN = ["istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1", "istio-h2"];

function address(hostname: string, port: number): unknown {
  return { socket_address: { address: hostname, port_value: port } };
}

function endpoints(name: string, hostname: string, port: number): unknown {
  return { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: address(hostname, port) } }] }] };
}

function secrets(files: CertificateFiles): unknown[] {
  return [{ certificate_chain: { filename: files.chain }, private_key: { filename: files.key } }];
}

function httpConnectionManager(settings: Record<string, unknown>, cluster: string): unknown {
  return {
    name: "envoy.filters.network.http_connection_manager",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
      stat_prefix: cluster,
      codec_type: "AUTO",
      route_config: {
        name: cluster,
        virtual_hosts: [{
          name: cluster,
          domains: ["*"],
          include_request_attempt_count: true,
          routes: [{
            match: { prefix: "/" },
            route: {
              cluster,
              timeout: "0s",
              retry_policy: {
                retry_on: "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
                num_retries: 2,
                retriable_status_codes: [503],
                host_selection_retry_max_attempts: 5,
              },
            },
          }],
        }],
      },
      http_filters: [{
        name: "envoy.filters.http.router",
        typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
      }],
      stream_idle_timeout: "0s",
      normalize_path: true,
      ...settings,
    },
  };
}

const HTTP2_UPSTREAM = {
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

function bootstrap(name: string, listener: unknown, cluster: unknown): unknown {
  return {
    node: { id: name, cluster: name },
    admin: { address: address("127.0.0.1", 0) },
    static_resources: { listeners: [listener], clusters: [cluster] },
  };
}

function upstreamTls(
  { sni, alpn, sans }: Pick<ClientSidecarOptions, "sni" | "alpn" | "sans">,
  certificates: CertificateFiles,
): unknown {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
      sni,
      common_tls_context: {
        alpn_protocols: alpn ?? ["istio-http/1.1", "istio", "http/1.1"],
        tls_params: { tls_minimum_protocol_version: "TLSv1_2", tls_maximum_protocol_version: "TLSv1_3" },
        tls_certificates: secrets(certificates),
        validation_context: {
          trusted_ca: { filename: certificates.root },
          match_typed_subject_alt_names: sans.map((exact) => ({ san_type: "URI", matcher: { exact } })),
        },
      },
    },
  };
}

/** A sidecar in front of a calling application: plaintext in, mutual TLS out. */
export function clientSidecar(options: ClientSidecarOptions): unknown {
  const cluster = {
    name: "outbound",
    type: "STATIC",
    connect_timeout: "10s",
    lb_policy: "LEAST_REQUEST",
    load_assignment: endpoints("outbound", options.upstream.hostname, options.upstream.port),
    ...(options.http2 ? HTTP2_UPSTREAM : {}),
    ...(options.certificates === null ? {} : { transport_socket: upstreamTls(options, options.certificates) }),
  };
  const listener = {
    name: "outbound",
    address: address("127.0.0.1", options.port),
    filter_chains: [{ filters: [httpConnectionManager({}, "outbound")] }],
  };
  return bootstrap("client", listener, cluster);
}

/** What a relay needs to know. */
export interface TlsRelayOptions {
  readonly port: number;
  /** Port of loopback. */
  readonly upstream: number;
  readonly certificates: CertificateFiles;
  readonly alpn: readonly string[];
}

/** Passes the bytes of plaintext connections on over mutual TLS: for clients that show no certificate. */
export function tlsRelay({ port, upstream, certificates, alpn }: TlsRelayOptions): unknown {
  const cluster = {
    name: "outbound",
    type: "STATIC",
    connect_timeout: "10s",
    load_assignment: endpoints("outbound", "127.0.0.1", upstream),
    transport_socket: upstreamTls({ sni: "localhost", alpn, sans: [] }, certificates),
  };
  const listener = {
    name: "relay",
    address: address("127.0.0.1", port),
    filter_chains: [{
      filters: [{
        name: "envoy.filters.network.tcp_proxy",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
          stat_prefix: "relay",
          cluster: "outbound",
        },
      }],
    }],
  };
  return bootstrap("relay", listener, cluster);
}

/** A sidecar in front of a called application: mutual TLS in (plaintext too when permissive), plaintext out. */
export function serverSidecar(options: ServerSidecarOptions): unknown {
  const manager = httpConnectionManager({
    server_name: "istio-envoy",
    forward_client_cert_details: "APPEND_FORWARD",
    set_current_client_cert_details: { subject: true, dns: true, uri: true },
    ...(options.maxRequestsPerConnection === undefined
      ? {}
      : { common_http_protocol_options: { max_requests_per_connection: options.maxRequestsPerConnection } }),
  }, "inbound");
  const chains: unknown[] = [{
    // As istiod says it: where plaintext is served, only Istio's names tell the mesh's TLS from the application's.
    filter_chain_match: {
      transport_protocol: "tls",
      ...(options.strict ? {} : { application_protocols: ISTIO_ALPN }),
    },
    filters: [manager],
    transport_socket: {
      name: "envoy.transport_sockets.tls",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        require_client_certificate: true,
        common_tls_context: {
          alpn_protocols: ["h2", "http/1.1"],
          tls_params: { tls_minimum_protocol_version: "TLSv1_2", tls_maximum_protocol_version: "TLSv1_3" },
          tls_certificates: secrets(options.certificates),
          validation_context: {
            trusted_ca: { filename: options.certificates.root },
            match_typed_subject_alt_names: [{
              san_type: "URI",
              matcher: { prefix: options.trustDomainPrefix ?? "spiffe://cluster.local/" },
            }],
          },
        },
      },
    },
  }];
  if (!options.strict) {
    chains.push({ filter_chain_match: { transport_protocol: "raw_buffer" }, filters: [manager] });
  }
  const listener = {
    name: "virtualInbound",
    address: address("127.0.0.1", options.port),
    listener_filters: [{
      name: "envoy.filters.listener.tls_inspector",
      typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector" },
    }],
    filter_chains: chains,
  };
  const cluster = {
    name: "inbound",
    type: "STATIC",
    connect_timeout: "10s",
    load_assignment: endpoints("inbound", options.application.hostname, options.application.port),
    ...(options.http2 ? HTTP2_UPSTREAM : {}),
  };
  return bootstrap("server", listener, cluster);
}
