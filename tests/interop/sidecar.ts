/** A real Envoy as the sidecar of a workload of FakeIstiod: the same node, the same control plane, the same secrets. */
import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import { decode, encode, packAny, typeUrl } from "../../lib/protobuf/registry.ts";
import type { Json } from "../../lib/protobuf/well_known.ts";
import type { FakeIstiod } from "../../lib/testing/mod.ts";
import { type RunningEnvoy, startEnvoy } from "./envoy.ts";

const SECRET = "envoy.extensions.transport_sockets.tls.v3.Secret";

/** Who the sidecar is. */
export interface SidecarIdentity {
  readonly id: string;
  readonly cluster: string;
  readonly metadata: { readonly [key: string]: Json };
  /** Certificate of the workload with its key, and the roots, PEM. */
  readonly chain: string;
  readonly key: string;
  readonly roots: string;
}

/** Starts Envoy as that workload's sidecar; it is configured by the control plane over mutual TLS. */
export async function startSidecar(istiod: FakeIstiod, identity: SidecarIdentity): Promise<RunningEnvoy> {
  const secrets = await serveSecrets(identity);
  try {
    const envoy = await startEnvoy(bootstrap(istiod, identity, secrets.port));
    return {
      ...envoy,
      async [Symbol.asyncDispose]() {
        await envoy[Symbol.asyncDispose]();
        await secrets.close();
      },
    };
  } catch (error) {
    await secrets.close();
    throw error;
  }
}

function bootstrap(istiod: FakeIstiod, identity: SidecarIdentity, secretsPort: number): unknown {
  const { id, cluster, metadata, chain, key, roots } = identity;
  const http2 = {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicit_http_config: { http2_protocol_options: {} },
    },
  };
  const at = (name: string, port: number, more: object = {}) => ({
    name,
    type: "STATIC",
    connect_timeout: "1s",
    typed_extension_protocol_options: http2,
    load_assignment: {
      cluster_name: name,
      endpoints: [{
        lb_endpoints: [{
          endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } },
        }],
      }],
    },
    ...more,
  });
  const tls = {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
      sni: "localhost",
      common_tls_context: {
        alpn_protocols: ["h2"],
        tls_certificates: [{ certificate_chain: { inline_string: chain }, private_key: { inline_string: key } }],
        validation_context: { trusted_ca: { inline_string: roots } },
      },
    },
  };
  const ads = { ads: {}, resource_api_version: "V3", initial_fetch_timeout: "0s" };
  return {
    node: { id, cluster, metadata },
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
    dynamic_resources: {
      lds_config: ads,
      cds_config: ads,
      ads_config: {
        api_type: "DELTA_GRPC",
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: "xds-grpc" } }],
      },
    },
    static_resources: {
      clusters: [at("xds-grpc", istiod.addr.port, { transport_socket: tls }), at("sds-grpc", secretsPort)],
    },
  };
}

/** The secret service that pilot-agent is beside a sidecar: `default` and `ROOTCA`. */
async function serveSecrets(
  { chain, key, roots }: SidecarIdentity,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const bytes = (text: string) => ({ inlineBytes: new TextEncoder().encode(text) });
  const secrets = {
    default: packAny(SECRET, {
      name: "default",
      tlsCertificate: { certificateChain: bytes(chain), privateKey: bytes(key) },
    }),
    ROOTCA: packAny(SECRET, { name: "ROOTCA", validationContext: { trustedCa: bytes(roots) } }),
  };
  const server = new Server();
  const identity = (value: Buffer) => value;
  server.addService({
    streamSecrets: {
      path: "/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets",
      requestStream: true,
      responseStream: true,
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    },
  }, {
    streamSecrets(call: ServerDuplexStream<Buffer, Buffer>) {
      call.on("data", (data: Buffer) => {
        const request = decode("envoy.service.discovery.v3.DiscoveryRequest", data);
        if ((request.responseNonce ?? "") !== "") return;
        const names = request.resourceNames ?? [];
        const message = encode("envoy.service.discovery.v3.DiscoveryResponse", {
          versionInfo: "1",
          nonce: "1",
          typeUrl: typeUrl(SECRET),
          resources: names.map((name) => secrets[name as keyof typeof secrets]).filter((found) => found !== undefined),
        });
        call.write(Buffer.from(message));
      });
      call.on("end", () => call.end());
      call.on("error", () => {});
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
  return {
    port,
    close: () => {
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}
