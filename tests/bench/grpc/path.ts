import { freePort, startEnvoy } from "../../interop/envoy.ts";
import { clientSidecar, serverSidecar } from "../../interop/envoy_config.ts";
import { benchWorkload, echoService, type Ground, measuredPath, type Path, ready, startProgram } from "../http/path.ts";
import { startXdsServer } from "./xds_server.ts";

function program(name: string, args: string[], env: Record<string, string>) {
  return startProgram(`../grpc/${name}`, args, env);
}

/** grpc-js to grpc-js over mutual TLS. */
export async function directPath({ certificates }: Ground): Promise<Path> {
  const port = freePort();
  const env = { ENMESH_BENCH_CERTS: JSON.stringify(certificates) };
  const server = program("server_grpcjs.ts", [String(port), "tls"], env);
  await ready(server);
  const client = program("client_grpcjs.ts", [`127.0.0.1:${port}`, "tls"], env);
  return measuredPath("grpc-js", client, [server.pid, client.pid], [server, client]);
}

/** The same programs in plaintext, with an Envoy on each side and mutual TLS between the two. */
export async function pairPath({ certificates }: Ground): Promise<Path> {
  const [application, inbound, outbound] = [freePort(), freePort(), freePort()];
  const env = { ENMESH_BENCH_CERTS: JSON.stringify(certificates) };
  const server = program("server_grpcjs.ts", [String(application)], env);
  await ready(server);
  const far = await startEnvoy(serverSidecar({
    port: inbound,
    application: { hostname: "127.0.0.1", port: application },
    http2: true,
    certificates,
    strict: true,
  }));
  const near = await startEnvoy(clientSidecar({
    port: outbound,
    upstream: { hostname: "127.0.0.1", port: inbound },
    certificates,
    sans: ["spiffe://cluster.local/ns/default/sa/echo"],
    sni: "outbound_.80_._.echo.default.svc.cluster.local",
    alpn: ["istio-h2", "istio", "h2"],
    http2: true,
  }));
  const client = program("client_grpcjs.ts", [`127.0.0.1:${outbound}`], env);
  return measuredPath("pair", client, [server.pid, far.pid, near.pid, client.pid], [server, far, near, client]);
}

/** A proxyless client on grpc-js-xds to grpc-js, in plaintext: what Istio offers such clients without a sidecar. */
export async function proxylessPath({ certificates }: Ground): Promise<Path> {
  const port = freePort();
  const target = "echo.default:80";
  const server = program("server_grpcjs.ts", [String(port)], { ENMESH_BENCH_CERTS: JSON.stringify(certificates) });
  await ready(server);
  const xds = await startXdsServer(target, port);
  const bootstrap = {
    xds_servers: [{
      server_uri: `127.0.0.1:${xds.port}`,
      channel_creds: [{ type: "insecure" }],
      server_features: ["xds_v3"],
    }],
    node: { id: "sidecar~127.0.0.1~caller-1.default~default.svc.cluster.local", locality: { region: "here" } },
  };
  const client = program("client_xds.ts", [`xds:///${target}`], {
    GRPC_XDS_BOOTSTRAP_CONFIG: JSON.stringify(bootstrap),
  });
  return measuredPath("xds", client, [server.pid, client.pid], [server, xds, client]);
}

/** The same stub on `mesh.grpcChannel`, the same implementation on `mesh.serveGrpc`. */
export async function enmeshPath({ istiod }: Ground): Promise<Path> {
  const port = freePort();
  const env = async (name: string) => ({ ENMESH_BENCH_JOIN: JSON.stringify(await benchWorkload(istiod, name)) });
  istiod.apply(echoService("echo", port, "grpc"));
  const server = program("server_enmesh.ts", [String(port)], await env("echo"));
  await ready(server);
  const client = program("client_enmesh.ts", ["echo.default:80"], await env("caller"));
  return measuredPath("enmesh", client, [server.pid, client.pid], [server, client]);
}
