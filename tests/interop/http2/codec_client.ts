import { systemClock } from "../../../lib/internal/clock.ts";
import { silentLogger } from "../../../lib/internal/logger.ts";
import { BytesBody, readAll } from "../../../lib/http/body.ts";
import type { Body } from "../../../lib/http/body.ts";
import type { HttpClientConnection } from "../../../lib/http/codec.ts";
import { Exchange } from "../../../lib/http/exchange.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import { connectHttp2 } from "../../../lib/http/http2/client_connection.ts";
import type { HttpRequest, HttpResponse } from "../../../lib/http/message.ts";
import type { Connector, ConnectTarget } from "../../../lib/transport/connector.ts";

/** Opens a connection of our HTTP/2 client, below the mesh: trailers and single connections are visible here only. */
export async function codecClient(
  connector: Connector,
  port: number,
  tls: ConnectTarget["tls"] = null,
): Promise<HttpClientConnection> {
  const address = { hostname: "127.0.0.1", port };
  const stream = await connector.connect({ address, tls, connectTimeoutMs: 5_000 });
  return connectHttp2(stream, { clock: systemClock, logger: silentLogger });
}

/** A request of that client. */
export function codecRequest(path: string, body: Body | null = null, fields: string[] = []): HttpRequest {
  return {
    method: body === null ? "GET" : "POST",
    scheme: "http",
    authority: "localhost",
    path,
    headers: new HeaderList(fields),
    body,
    protocol: "HTTP/2",
  };
}

/** What came back, whole. */
export interface Answer {
  readonly response: HttpResponse;
  readonly bytes: Uint8Array;
  /** Trailer fields as name, value, name, value; empty for none. */
  readonly trailers: readonly string[];
}

/** Sends a request and reads the answer to its end. */
export async function exchange(connection: HttpClientConnection, request: HttpRequest): Promise<Answer> {
  const response = await connection.send(request, new Exchange());
  const bytes = (await readAll(response.body))!;
  return { response, bytes, trailers: response.body?.trailers?.pairs ?? [] };
}

/** Content with a trailer. */
export function withTrailer(bytes: Uint8Array, ...fields: string[]): Body {
  return new BytesBody(bytes, new HeaderList(fields));
}
