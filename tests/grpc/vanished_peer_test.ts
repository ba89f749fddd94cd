/** A server that vanishes in the middle of a stream, without a last byte: the keepalive of the connection finds out. */
import * as grpc from "@grpc/grpc-js";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { frameMessage } from "../../lib/grpc/framing.ts";
import { clientKeepaliveMs } from "../../lib/http/carrier.ts";
import { connectHttp2 } from "../../lib/http/http2/client_connection.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import type { ByteStream } from "../../lib/transport/byte_stream.ts";
import { block, frame, Http2Peer } from "../support/http2_peer.ts";
import { streamPair } from "../support/stream_pair.ts";
import { fakeChannel } from "./fake_transport.ts";

/** A stream as it is between two enmesh peers. */
function carried(stream: ByteStream): ByteStream {
  const tls = { alpn: "enmesh-h2", sni: null, version: "TLSv1.3", cipher: "", peer: null, localPrincipal: null };
  return Object.defineProperty(stream, "info", { value: { ...stream.info, tls } });
}

Deno.test("a server that vanishes in the middle of a stream ends the call as UNAVAILABLE", async () => {
  const [ours, theirs] = streamPair();
  const stream = carried(ours);
  const keepaliveMs = clientKeepaliveMs(stream);
  assert.equal(keepaliveMs, 20_000);
  const { clock, client, channel } = fakeChannel((request, call) => connection.send(request, call.exchange));
  const connection = connectHttp2(stream, { clock, logger: silentLogger, keepaliveMs });
  const peer = new Http2Peer(theirs, "server");
  peer.hello();
  const call = client.makeServerStreamRequest("/t.T/Stream", (text: string) => Buffer.from(text), String, "");
  await peer.next("HEADERS");
  peer.send(
    frame("HEADERS", 4, 1, block(":status", "200", "content-type", "application/grpc")),
    frame("DATA", 0, 1, frameMessage(new TextEncoder().encode("one"))),
  );
  const messages: string[] = [];
  const status = new Promise<grpc.StatusObject>((resolve) => {
    call.on("error", () => {});
    call.on("status", resolve);
  });
  const first = new Promise<void>((resolve) =>
    call.on("data", (message: string) => {
      messages.push(message);
      resolve();
    })
  );
  await first;
  // From now on the peer is silent. Half of the interval may pass before the silence counts.
  await clock.advance(1.5 * keepaliveMs);
  await peer.next("PING");
  assert.equal(connection.state, "open");
  await clock.advance(10_000);
  const { code, details } = await status;
  assert.equal(code, grpc.status.UNAVAILABLE);
  assert.match(details, /PING/);
  assert.deepEqual(messages, ["one"]);
  channel.close();
  assert.equal(connection.state, "closed");
});
