import { connect, type Socket } from "node:net";
import { BytesBody } from "../../../lib/http/body.ts";
import { Exchange } from "../../../lib/http/exchange.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import { connectHttp2 } from "../../../lib/http/http2/client_connection.ts";
import { systemClock } from "../../../lib/internal/clock.ts";
import { silentLogger } from "../../../lib/internal/logger.ts";
import { nodeSocketStream } from "../../support/node_socket_stream.ts";
import { startEnvoy } from "../envoy.ts";
import { ADMIN } from "../http_listener.ts";
import { caseListener, COMMON_CLUSTERS, type DifferentialCase, type Json, resolvePorts } from "./case.ts";
import { maskedFrame } from "./echo_web_socket.ts";
import { wireHead, WireReader } from "./http1.ts";
import { type Answer, answerHeaders } from "./outcome.ts";
import { readResponse } from "./read_response.ts";
import { PATIENCE_MS, type SentRequest, type Side } from "./side.ts";

/**
 * Starts one Envoy with a listener for each case. Listeners and clusters come from files, as they would from a control
 * plane: one that is refused leaves the others alone.
 */
export async function startEnvoySide(
  cases: readonly DifferentialCase[],
  ports: Readonly<Record<string, number>>,
): Promise<Side> {
  const folder = await Deno.makeTempDir();
  const listeners = cases.map((it, index) => resolvePorts(caseListener(it, String(index), "127.0.0.1", 0), ports));
  const clusters = resolvePorts([...COMMON_CLUSTERS, ...cases.flatMap((it) => it.clusters ?? [])], ports);
  const envoy = await startEnvoy({
    node: { id: "differential", cluster: "differential" },
    admin: ADMIN,
    dynamic_resources: {
      lds_config: await resourceFile(`${folder}/listeners.json`, "envoy.config.listener.v3.Listener", listeners),
      cds_config: await resourceFile(`${folder}/clusters.json`, "envoy.config.cluster.v3.Cluster", clusters),
    },
  });
  const listening = await listenerPorts(envoy.admin);
  return {
    letter: "e",
    port: (index) => listening.get(String(index)) ?? null,
    refusal: (index) => new RegExp(`lds: listener '${index}' config rejected: (.*)`).exec(envoy.log())?.[1] ?? "",
    log: () => envoy.log(),
    send: (index, request) => exchange(listening.get(String(index))!, request),
    async [Symbol.asyncDispose]() {
      await envoy[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

async function resourceFile(path: string, type: string, resources: readonly Json[]): Promise<unknown> {
  const typed = resources.map((resource) => ({ "@type": `type.googleapis.com/${type}`, ...resource as object }));
  await Deno.writeTextFile(path, JSON.stringify({ version_info: "1", resources: typed }));
  return { resource_api_version: "V3", path_config_source: { path } };
}

async function listenerPorts(admin: string): Promise<Map<string, number>> {
  const response = await fetch(`${admin}/listeners?format=json`);
  const { listener_statuses = [] } = await response.json() as {
    listener_statuses?: { name: string; local_address: { socket_address: { port_value: number } } }[];
  };
  return new Map(listener_statuses.map((it) => [it.name, it.local_address.socket_address.port_value]));
}

/** What `new WebSocket` says by itself. */
const HANDSHAKE: readonly (readonly [string, string])[] = [
  ["connection", "Upgrade"],
  ["upgrade", "websocket"],
  ["sec-websocket-version", "13"],
  ["sec-websocket-key", "MDEyMzQ1Njc4OWFiY2RlZg=="],
];

/** Says a text by the protocol of WebSocket, and goodbye; returns the text that came back. */
async function speak(socket: Socket, reader: WireReader, text: string): Promise<string> {
  socket.write(maskedFrame(0x81, text) + maskedFrame(0x88, "\x03\xe8"), "latin1");
  const [, length = 0] = Array.from(await reader.take(2), (unit) => unit.charCodeAt(0));
  return await reader.take(length);
}

/** Sends a request over HTTP/2 by the codec of enmesh, on a connection of its own. */
async function exchangeHttp2(port: number, request: SentRequest): Promise<Answer | null> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const connection = connectHttp2(nodeSocketStream(socket), { clock: systemClock, logger: silentLogger });
  const impatience = setTimeout(() => connection.close(), PATIENCE_MS);
  try {
    const { method, path, authority, headers, body } = request;
    const length = body === null ? [] : ["content-length", String(body.length)];
    const response = await connection.send({
      method,
      scheme: "http",
      authority,
      path,
      headers: new HeaderList([...headers.flat(), ...length]),
      body: body === null ? null : new BytesBody(Uint8Array.from(body, (unit) => unit.charCodeAt(0))),
      protocol: "HTTP/2",
    }, new Exchange());
    return await readResponse(response);
  } finally {
    clearTimeout(impatience);
    connection.close();
    if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
  }
}

/** Sends a request on a connection of its own. */
async function exchange(port: number, request: SentRequest): Promise<Answer | null> {
  if (request.http2) return await exchangeHttp2(port, request);
  const socket = connect(port, "127.0.0.1");
  const reader = new WireReader(socket);
  const { method, path, authority, headers, body, webSocket, chunks, trailers = [] } = request;
  const length: [string, string][] = chunks !== undefined
    ? [["transfer-encoding", "chunked"]]
    : body === null
    ? []
    : [["content-length", String(body.length)]];
  socket.write(
    wireHead(`${method} ${path} HTTP/1.1`, [
      ["host", authority],
      ...headers,
      ...length,
      ...webSocket === null ? [] : HANDSHAKE,
    ]) + (body ?? ""),
    "latin1",
  );
  if (chunks !== undefined) void sendChunks(socket, chunks, trailers, request.gate);
  const impatience = setTimeout(() => socket.destroy(), PATIENCE_MS);
  try {
    const bodiless = (line: string) => method === "HEAD" || /^HTTP\/1\.1 (101|204|304)/.test(line);
    const message = await reader.next(bodiless);
    if (webSocket !== null && message?.startLine.startsWith("HTTP/1.1 101")) {
      return { status: 101, headers: [], body: await speak(socket, reader, webSocket), broken: false };
    }
    return message === null ? null : {
      status: Number(message.startLine.split(" ")[1]),
      headers: answerHeaders(message.headers),
      body: message.body,
      broken: message.broken,
    };
  } finally {
    clearTimeout(impatience);
    if (!socket.closed) {
      await new Promise((resolve) => {
        socket.once("close", resolve);
        socket.destroy();
      });
    }
  }
}

async function sendChunks(
  socket: Socket,
  chunks: readonly string[],
  trailers: readonly (readonly [string, string])[],
  gate: SentRequest["gate"],
): Promise<void> {
  for (const [index, chunk] of chunks.entries()) {
    await gate?.(index);
    socket.write(`${chunk.length.toString(16)}\r\n${chunk}\r\n`, "latin1");
  }
  await gate?.(chunks.length);
  socket.write(wireHead("0", trailers), "latin1");
}
