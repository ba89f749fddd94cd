import { connect, type Socket } from "node:net";
import { startEnvoy } from "../envoy.ts";
import { caseListener, COMMON_CLUSTERS, type DifferentialCase, type Json, resolvePorts } from "./case.ts";
import { wireHead, WireReader } from "./http1.ts";
import { type Answer, answerHeaders } from "./outcome.ts";
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
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
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

/** Sends a request on a connection of its own. */
async function exchange(port: number, request: SentRequest): Promise<Answer | null> {
  const socket = connect(port, "127.0.0.1");
  const reader = new WireReader(socket);
  const { method, path, authority, headers, body, chunks, trailers = [] } = request;
  const length: [string, string][] = chunks !== undefined
    ? [["transfer-encoding", "chunked"]]
    : body === null
    ? []
    : [["content-length", String(body.length)]];
  socket.write(
    wireHead(`${method} ${path} HTTP/1.1`, [["host", authority], ...headers, ...length]) + (body ?? ""),
    "latin1",
  );
  if (chunks !== undefined) void sendChunks(socket, chunks, trailers, request.gate);
  const impatience = setTimeout(() => socket.destroy(), PATIENCE_MS);
  try {
    const message = await reader.next((line) => method === "HEAD" || /^HTTP\/1\.1 (204|304)/.test(line));
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
