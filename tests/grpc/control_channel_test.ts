import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { setImmediate } from "node:timers";
import { type ControlChannel, GRPC_VARIABLES, openControlChannel } from "../../lib/grpc/control_channel.ts";
import { GrpcServer } from "../../lib/grpc/server.ts";
import { serveHttp2 } from "../../lib/http/http2/server_connection.ts";
import { systemClock } from "../../lib/internal/clock.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { listen } from "../../lib/transport/acceptor.ts";
import type { ByteStream } from "../../lib/transport/byte_stream.ts";
import { HandleRegistry } from "../../lib/transport/handle_registry.ts";

/** Calls the echo method; resolves with the reply, or the text of the error. */
function echo({ client, grpc }: ControlChannel, text: string): Promise<string> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      "/test.Echo/Echo",
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes: Buffer) => bytes,
      new TextEncoder().encode(text),
      new grpc.Metadata(),
      (error, reply) => resolve(error === null ? new TextDecoder().decode(reply) : error.details),
    );
  });
}

/** Serves the echo method until disposed of. */
async function server() {
  const registry = new HandleRegistry();
  const options = { registry, clock: systemClock, logger: silentLogger };
  const grpc = new GrpcServer(options);
  grpc.unary("/test.Echo/Echo", (request) => Promise.resolve(request));
  const streams = new Set<ByteStream>();
  const acceptor = await listen({ hostname: "127.0.0.1", port: 0 }, (connection) => {
    const stream = connection.plaintext();
    streams.add(stream);
    serveHttp2(stream, grpc.handler, options);
  }, options);
  const cut = () => {
    for (const stream of streams) stream.destroy();
  };
  return {
    address: acceptor.addr,
    cut,
    async [Symbol.asyncDispose]() {
      await acceptor.close();
      cut();
      await registry.idle();
    },
  };
}

/** Accepts connections and says nothing. */
async function silentServer() {
  const registry = new HandleRegistry();
  const streams: ByteStream[] = [];
  const acceptor = await listen(
    { hostname: "127.0.0.1", port: 0 },
    (connection) => void streams.push(connection.plaintext()),
    { registry, clock: systemClock, logger: silentLogger },
  );
  return {
    address: acceptor.addr,
    async [Symbol.asyncDispose]() {
      await acceptor.close();
      for (const stream of streams) stream.destroy();
      await registry.idle();
    },
  };
}

Deno.test("a channel connects by name, again after its connection was cut, and leaves nothing open", async () => {
  await using peer = await server();
  const registry = new HandleRegistry();
  const channel = await openControlChannel({ hostname: "localhost", port: peer.address.port, tls: null, registry });
  assert.equal(registry.count("channel"), 1);
  assert.equal(await echo(channel, "one"), "one");
  peer.cut();
  let reply = "";
  for (let tries = 0; tries < 50 && reply !== "two"; tries++) reply = await echo(channel, "two");
  assert.equal(reply, "two");
  await Promise.all([channel.close(), channel.close()]);
  assert.equal(registry.total, 0);
});

Deno.test("without permission to read the library's variables the error names the flag", async () => {
  const module = new URL("../../lib/grpc/control_channel.ts", import.meta.url).href;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const code = `const { loadGrpc } = await import("${module}");
    const error = await loadGrpc().then(() => null, (error) => error);
    console.log(error === null ? "loaded" : error.code + " " + error.problems[0].hint);`;
  const run = async (flags: readonly string[]) => {
    const script = await Deno.makeTempFile({ suffix: ".ts" });
    try {
      await Deno.writeTextFile(script, code);
      const args = ["run", "--no-check", "--no-prompt", `--config=${config}`, ...flags, script];
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
      return new TextDecoder().decode(stdout).trim() || new TextDecoder().decode(stderr);
    } finally {
      await Deno.remove(script);
    }
  };
  const flag = `--allow-env=${GRPC_VARIABLES.join(",")}`;
  const [without, with_] = await Promise.all([run([]), run([flag])]);
  assert.equal(without, `PERMISSION_MISSING Run with ${flag}`);
  assert.equal(with_, "loaded");
});

Deno.test("a refused connection fails the call, and leaves nothing behind", async () => {
  const peer = await server();
  const { port } = peer.address;
  await peer[Symbol.asyncDispose]();
  const registry = new HandleRegistry();
  const channel = await openControlChannel({ hostname: "127.0.0.1", port, tls: null, registry });
  assert.match(await echo(channel, "x"), /ECONNREFUSED/);
  await channel.close();
  assert.equal(registry.total, 0);
});

// The sanitizers of the runtime look for what the library would leave: the first turns are before, in and after the
// moment the socket is there.
for (const [who, silent, moments] of [["a server", false, 10], ["a server that never answers", true, 2]] as const) {
  Deno.test(`a channel to ${who} is closed while it connects, at any moment, and leaves nothing behind`, async () => {
    await using peer = silent ? await silentServer() : await server();
    const registry = new HandleRegistry();
    for (let turns = 0; turns < moments; turns++) {
      const { port } = peer.address;
      const channel = await openControlChannel({ hostname: "127.0.0.1", port, tls: null, registry });
      const reply = echo(channel, "x");
      for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
      await channel.close();
      await reply;
      assert.equal(registry.total, 0);
    }
  });
}
