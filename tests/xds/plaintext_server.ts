import { systemClock } from "../../lib/internal/clock.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { GrpcServer } from "../../lib/grpc/server.ts";
import type { GrpcServerCall } from "../../lib/grpc/server_call.ts";
import type { HttpServerConnection } from "../../lib/http/codec.ts";
import { serveHttp2 } from "../../lib/http/http2/server_connection.ts";
import { encode } from "../../lib/protobuf/registry.ts";
import type { EnvoyServiceDiscoveryV3DeltaDiscoveryResponse as Response } from "../../lib/protobuf/gen/messages.ts";
import { type Acceptor, listen } from "../../lib/transport/acceptor.ts";
import { HandleRegistry } from "../../lib/transport/handle_registry.ts";
import type { RawConnection } from "../../lib/transport/raw_connection.ts";

const PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

/** A discovery server in plaintext that says what a test wants, right or wrong. */
export class PlaintextServer implements AsyncDisposable {
  readonly registry = new HandleRegistry();
  /** Authorization headers seen, in order. */
  readonly authorizations: (string | null)[] = [];
  readonly #connections = new Set<RawConnection>();
  readonly #http = new Set<HttpServerConnection>();
  #acceptor!: Acceptor;

  /** @param onStream Called for each stream; the stream ends when its promise settles. */
  static async start(
    onStream: (call: GrpcServerCall, requests: AsyncIterable<Uint8Array>, index: number) => Promise<void>,
  ): Promise<PlaintextServer> {
    const server = new PlaintextServer();
    const grpc = new GrpcServer({ clock: systemClock, logger: silentLogger });
    let streams = 0;
    grpc.bidi(PATH, (requests, call) => {
      server.authorizations.push(call.metadata.get("authorization") ?? null);
      return onStream(call, requests, streams++);
    });
    const options = { registry: server.registry, clock: systemClock, logger: silentLogger };
    server.#acceptor = await listen({ hostname: "127.0.0.1", port: 0 }, (connection) => {
      server.#connections.add(connection);
      const http = serveHttp2(connection.plaintext(), grpc.handler, { clock: systemClock, logger: silentLogger });
      server.#http.add(http);
    }, options);
    return server;
  }

  get address(): { hostname: string; port: number } {
    return this.#acceptor.addr;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#acceptor.close();
    for (const connection of this.#connections) connection.destroy();
    await Promise.all([...this.#http].map(({ closed }) => closed));
    await this.registry.idle();
  }
}

/** A response, encoded. */
export function encodeResponse(response: Response): Uint8Array {
  return encode("envoy.service.discovery.v3.DeltaDiscoveryResponse", response);
}
