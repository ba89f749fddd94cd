import { loadBootstrap } from "../../../lib/bootstrap/bootstrap.ts";
import { BytesBody } from "../../../lib/http/body.ts";
import { Call } from "../../../lib/http/call.ts";
import { Exchange } from "../../../lib/http/exchange.ts";
import type { Body } from "../../../lib/http/body.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import { FetchUrls } from "../../../lib/http/web/fetch_url.ts";
import { systemClock } from "../../../lib/internal/clock.ts";
import { MeshRuntime } from "../../../lib/mesh_runtime.ts";
import { FakeIstiod } from "../../../lib/testing/mod.ts";
import { LogBook, TYPE } from "../../support/mesh_rig.ts";
import { caseListener, COMMON_CLUSTERS, type DifferentialCase, type JsonObject, resolvePorts } from "./case.ts";
import { encodeJson } from "./encode_json.ts";
import { type Answer, answerHeaders } from "./outcome.ts";
import { readResponse } from "./read_response.ts";
import { PATIENCE_MS, type SentRequest, type Side } from "./side.ts";

/** Ports of the emulated listeners: nothing listens there. */
const FIRST_PORT = 20_001;

/** Joins one mesh that has the listener of each case at a port of its own. */
export async function startEnmeshSide(
  cases: readonly DifferentialCase[],
  ports: Readonly<Record<string, number>>,
): Promise<Side> {
  const istiod = await FakeIstiod.start();
  const named = (type: string, json: JsonObject) => ({
    name: String(json.name),
    value: encodeJson(type, resolvePorts(json, ports)),
  });
  const clusters = [...COMMON_CLUSTERS, ...cases.flatMap((it) => it.clusters ?? [])];
  istiod.push(TYPE.cluster, clusters.map((it) => named("envoy.config.cluster.v3.Cluster", it)));
  istiod.push(
    TYPE.listener,
    cases.map((it, index) =>
      named("envoy.config.listener.v3.Listener", caseListener(it, String(index), "0.0.0.0", FIRST_PORT + index))
    ),
  );
  const logger = new LogBook();
  const options = { ...istiod.workload({ name: "differential", ip: "127.0.0.1" }), besideSidecar: true, logger };
  const runtime = new MeshRuntime({
    bootstrap: await loadBootstrap(options),
    logger,
    clock: systemClock,
    random: Math.random,
  });
  await runtime.join(null);
  await istiod.settled();
  return {
    letter: "m",
    port: (index) => runtime.store.current.outboundListener("0.0.0.0", FIRST_PORT + index) && FIRST_PORT + index,
    refusal: (index) =>
      new RegExp(`(?:^|; )${index}: (.*?)(?=$|; \\d+: )`, "m").exec(istiod.nacks.map((it) => it.message).join("\n"))
        ?.[1] ??
        "",
    log: () => logger.toString(),
    send: (index, request) => send(runtime, FIRST_PORT + index, request),
    async [Symbol.asyncDispose]() {
      await runtime.close({ drain: 0 });
      await istiod.close();
    },
  };
}

/** By `mesh.fetch` where its contract allows exactly this request, else by the client it stands on. */
async function send(runtime: MeshRuntime, port: number, request: SentRequest): Promise<Answer | null> {
  const url = `http://127.0.0.1:${port}${request.path}`;
  const names = request.headers.map(([name]) => name);
  const plain = request.chunks === undefined && !request.http2 && !names.includes("upgrade") &&
    URL.parse(url)?.href === url && !url.includes("#") &&
    new Set(names).size === names.length &&
    ["accept", "accept-language", "accept-encoding", "user-agent"].every((name) => names.includes(name)) &&
    (request.body === null) === ["GET", "HEAD"].includes(request.method) &&
    ["GET", "HEAD", "POST", "PUT", "DELETE"].includes(request.method) &&
    (request.body === null || names.includes("content-type"));
  const impatience = new AbortController();
  const timer = setTimeout(() => impatience.abort(), PATIENCE_MS);
  const { signal } = impatience;
  try {
    if (request.webSocket !== null) return await openWebSocket(runtime, url, request, request.webSocket);
    return await (plain ? sendByFetch(runtime, url, request, signal) : sendByClient(runtime, port, request, signal));
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function sendByFetch(
  runtime: MeshRuntime,
  url: string,
  request: SentRequest,
  signal: AbortSignal,
): Promise<Answer | null> {
  const { method, authority, headers, body } = request;
  const response = await runtime.fetch(url, {
    method,
    headers: { host: authority, ...Object.fromEntries(headers) },
    redirect: "manual",
    signal,
    ...(body === null ? {} : { body: latin1(body) }),
  });
  const read = await readAll(response.body ?? new ReadableStream({ start: (control) => control.close() }));
  // Not by iteration: the runtime leaves empty values out of a list there.
  const names = [...new Set(response.headers.keys())];
  const given = names.filter((name) => name !== "set-cookie").map((name): [string, string] => [
    name,
    response.headers.get(name)!,
  ]);
  for (const cookie of response.headers.getSetCookie()) given.push(["set-cookie", cookie]);
  return { status: response.status, headers: answerHeaders(given), ...read };
}

async function sendByClient(
  runtime: MeshRuntime,
  port: number,
  sent: SentRequest,
  signal: AbortSignal,
): Promise<Answer | null> {
  const { method, path, authority, headers, body } = sent;
  const upgrade = headers.find(([name]) => name === "upgrade")?.[1];
  const request = {
    method,
    scheme: "http",
    authority,
    path,
    headers: new HeaderList(headers.filter(([name]) => name !== "connection" && name !== "upgrade").flat()),
    body: sent.chunks !== undefined ? new GatedBody(sent) : body === null ? null : new BytesBody(latin1(body)),
    protocol: sent.http2 ? "HTTP/2" as const : "HTTP/1.1" as const,
    ...(upgrade === undefined ? {} : { upgrade }),
  };
  const call = new Call({
    direction: "outbound",
    startTime: Date.now(),
    request,
    exchange: new Exchange(),
    downstream: null,
  });
  signal.addEventListener("abort", () => call.exchange.cancel(signal.reason));
  const url = new FetchUrls().read(`http://127.0.0.1:${port}/`);
  const response = await runtime.client.send(url, request, call);
  const { trailers, ...answer } = await readResponse(response);
  return sent.http2 ? { ...answer, trailers } : answer;
}

/** Says a text over a `mesh.webSocket`, and goodbye; the answer holds the text that came back. */
async function openWebSocket(
  runtime: MeshRuntime,
  url: string,
  { authority, headers }: SentRequest,
  text: string,
): Promise<Answer | null> {
  const socket = runtime.webSocket(url.replace("http:", "ws:"), {
    headers: [["host", authority], ...headers.map(([name, value]): [string, string] => [name, value])],
  });
  const closed = new Promise((resolve) => socket.onclose = resolve);
  let body: string | null = null;
  socket.onopen = () => socket.send(text);
  socket.onmessage = ({ data }) => {
    body = data;
    socket.close(1000);
  };
  await closed;
  return body === null ? null : { status: 101, headers: [], body, broken: false };
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<{ body: string; broken: boolean }> {
  let body = "";
  try {
    for await (const chunk of stream) body += String.fromCharCode(...chunk);
    return { body, broken: false };
  } catch {
    return { body, broken: true };
  }
}

function latin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (unit) => unit.charCodeAt(0));
}

/** Content that arrives chunk by chunk, as the gate lets it. */
class GatedBody implements Body {
  readonly length = null;
  readonly #sent: SentRequest;
  #next = 0;
  #ended = false;

  constructor(sent: SentRequest) {
    this.#sent = sent;
  }

  get trailers(): HeaderList | null {
    const { trailers = [] } = this.#sent;
    return this.#ended && trailers.length > 0 ? new HeaderList(trailers.flat()) : null;
  }

  whole(): null {
    return null;
  }

  async read(): Promise<Uint8Array | null> {
    const { chunks = [], gate } = this.#sent;
    const at = this.#next++;
    await gate?.(Math.min(at, chunks.length));
    if (at < chunks.length) return latin1(chunks[at]!);
    this.#ended = true;
    return null;
  }

  cancel(): void {
    this.#next = Infinity;
  }
}
