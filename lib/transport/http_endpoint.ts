import { MeshError } from "../errors.ts";

/** A small HTTP server of the process itself (metrics, probes, admin): no part of the mesh's data path. */
export interface HttpEndpoint {
  /** The address listened on. */
  readonly hostname: string;
  /** The port listened on, also where 0 was asked for. */
  readonly port: number;
  /** Stops listening and settles when the last answer is out. */
  close(): Promise<void>;
}

/** Answers one request. */
export type EndpointHandler = (
  request: Request,
  info: { readonly remoteHostname: string },
) => Response | Promise<Response>;

/** Where to listen. */
export interface EndpointOptions {
  /** The address, for example `0.0.0.0` or `127.0.0.1`. */
  readonly hostname: string;
  /** The port; 0 takes a free one. */
  readonly port: number;
}

/**
 * Serves a handler over plain HTTP. The process is not kept alive by it. A handler that throws answers 500 without
 * saying why.
 *
 * @throws {MeshError} `CONFIG_INVALID` when the address is in use, `PERMISSION_MISSING` without `--allow-net` for it.
 */
export function serveEndpoint(options: EndpointOptions, handler: EndpointHandler): HttpEndpoint {
  const { hostname, port } = options;
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve(
      { hostname, port, onListen: () => {}, onError: () => new Response("Internal error\n", { status: 500 }) },
      (request, info) => handler(request, { remoteHostname: info.remoteAddr.hostname }),
    );
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) {
      throw new MeshError(
        "PERMISSION_MISSING",
        `Cannot serve on '${hostname}:${port}': no permission, run with --allow-net=${hostname}:${port}`,
        { cause },
      );
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MeshError(
      "CONFIG_INVALID",
      `Cannot serve on '${hostname}:${port}': ${reason}; choose another port, 0 for any free one`,
      { cause },
    );
  }
  server.unref();
  return { hostname: server.addr.hostname, port: server.addr.port, close: () => server.shutdown() };
}
