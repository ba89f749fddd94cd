import * as grpc from "@grpc/grpc-js";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { GrpcServiceServer } from "../../lib/grpc/service_server.ts";
import { systemClock } from "../../lib/internal/clock.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { grpcPeer } from "../../lib/grpc_peer.ts";
import { grpcSignal } from "../../lib/grpc_signal.ts";
import { type GreeterServer, GreeterService, type Greeting, type Hello, withGreeter } from "../support/greeter.ts";

type Unary = grpc.ServerUnaryCall<Hello, Greeting>;
type Callback = grpc.sendUnaryData<Greeting>;

const greet = (call: Unary, callback: Callback) => callback(null, { text: `hello, ${call.request.name}` });

function services(): GrpcServiceServer {
  return new GrpcServiceServer({
    clock: systemClock,
    logger: silentLogger,
    newMetadata: () => new grpc.Metadata(),
    peerOf: () => ({}),
  });
}

Deno.test("a unary handler written for grpc-js answers, large messages too", async () => {
  await withGreeter({ sayHello: greet }, async ({ client }) => {
    const { greeting, status } = await client.sayHello("world");
    assert.deepEqual(greeting, { text: "hello, world" });
    assert.equal(status.code, grpc.status.OK);
    const long = "x".repeat(1_000_000);
    assert.equal((await client.sayHello(long)).greeting!.text.length, long.length + 7);
    const many = await Promise.all(Array.from({ length: 50 }, (_, i) => client.sayHello(`caller ${i}`)));
    assert.deepEqual(many.map(({ greeting }) => greeting!.text), many.map((_, i) => `hello, caller ${i}`));
  });
});

Deno.test("a handler sees what the client sent, and what it is", async () => {
  let seen: unknown[] = [];
  const sayHello = (call: Unary, callback: Callback) => {
    seen = [
      call.metadata.get("x-key"),
      call.metadata.get("x-bytes-bin").map((value) => [...value as Buffer]),
      call.metadata.get("content-type"),
      call.metadata.get("grpc-timeout"),
      call.getPath(),
      call.getHost(),
      call.getPeer().replace(/:[0-9]+$/, ""),
      call.getAuthContext(),
      Number(call.getDeadline()) > Date.now(),
      call.cancelled,
      grpcPeer(call),
    ];
    call.getMetricsRecorder().recordCPUUtilizationMetric(0.5);
    callback(null, { text: "seen" });
  };
  await withGreeter({ sayHello }, async ({ client, port }) => {
    const metadata = new grpc.Metadata();
    metadata.add("x-key", "one");
    metadata.add("x-key", "two");
    metadata.add("x-bytes-bin", Buffer.from([0, 255, 10]));
    metadata.add("x-bytes-bin", Buffer.from([1]));
    await client.sayHello("", { metadata, options: { deadline: Date.now() + 60_000 } });
    assert.deepEqual(seen, [
      ["one", "two"],
      [[0, 255, 10], [1]],
      [],
      [],
      "/test.Greeter/SayHello",
      `127.0.0.1:${port}`,
      "127.0.0.1",
      {},
      true,
      false,
      null,
    ]);
  });
});

Deno.test("metadata goes back in the head, with the status and with an error", async () => {
  const sayHello = (call: Unary, callback: Callback) => {
    const head = new grpc.Metadata();
    head.add("x-head", "a");
    head.add("x-head", "b");
    const trailer = new grpc.Metadata();
    trailer.add("x-trailer-bin", Buffer.from([7, 0]));
    if (call.request.name !== "error") call.sendMetadata(head);
    if (call.request.name === "fine") return callback(null, { text: "fine" }, trailer);
    callback({ code: grpc.status.NOT_FOUND, details: "no 'ünit' at 100%", metadata: trailer });
  };
  await withGreeter({ sayHello }, async ({ client }) => {
    const fine = await client.sayHello("fine");
    // The client of node joins repeated fields.
    assert.deepEqual(fine.head.get("x-head"), ["a, b"]);
    assert.deepEqual(fine.status.metadata.get("x-trailer-bin"), [Buffer.from([7, 0])]);
    const late = await client.sayHello("late error");
    assert.deepEqual(late.head.get("x-head"), ["a, b"]);
    for (const { status } of [late, await client.sayHello("error")]) {
      assert.equal(status.code, grpc.status.NOT_FOUND);
      assert.equal(status.details, "no 'ünit' at 100%");
      assert.deepEqual(status.metadata.get("x-trailer-bin"), [Buffer.from([7, 0])]);
    }
  });
});

Deno.test("errors of handlers become the statuses grpc-js makes of them", async () => {
  const failures: Record<string, (callback: Callback) => unknown> = {
    error: (callback) => callback(new Error("told")),
    service: (callback) => callback(Object.assign(new Error("told"), { code: 5 })),
    code: (callback) => callback({ code: 9 }),
    text: (callback) => callback({ code: "ENOENT" as unknown as number, details: "unread" }),
    throws: () => {
      throw new Error("Private");
    },
    rejects: () => Promise.reject(new Error("Private")),
    unserializable: (callback) => callback(null, { text: "unserializable" }),
    nothing: (callback) => callback(null),
    twice: (callback) => {
      callback({ code: grpc.status.ABORTED, details: "first" });
      callback(null, { text: "second" });
    },
  };
  await withGreeter(
    { sayHello: (call, callback) => failures[call.request.name]!(callback) },
    async ({ client, log }) => {
      const outcomes: Record<string, [number, string]> = {};
      for (const name of Object.keys(failures)) {
        const { status } = await client.sayHello(name);
        outcomes[name] = [status.code, status.details];
      }
      assert.deepEqual(outcomes, {
        error: [grpc.status.UNKNOWN, "told"],
        service: [grpc.status.NOT_FOUND, "told"],
        code: [grpc.status.FAILED_PRECONDITION, "Unknown Error"],
        text: [grpc.status.UNKNOWN, "Unknown Error"],
        throws: [grpc.status.UNKNOWN, "Unknown error"],
        rejects: [grpc.status.UNKNOWN, "Unknown error"],
        unserializable: [grpc.status.INTERNAL, "Error serializing response"],
        nothing: [grpc.status.INTERNAL, "Error serializing response"],
        twice: [grpc.status.ABORTED, "first"],
      });
      assert.equal(log.lines.filter(({ message }) => /handler failed/.test(message)).length, 2, String(log));
    },
  );
});

Deno.test("a request that cannot be read, and one of no method, are refused", async () => {
  await withGreeter({ sayHello: greet }, async ({ client, server }) => {
    const call = (path: string, bytes: string) =>
      new Promise<grpc.ServiceError | null>((resolve) =>
        client.makeUnaryRequest(path, (value: Buffer) => value, (value: Buffer) => value, Buffer.from(bytes), resolve)
      );
    const unread = await call("/test.Greeter/SayHello", "{");
    assert.equal(unread!.code, grpc.status.INTERNAL);
    assert.equal(unread!.details, "Error deserializing request");
    const unknown = await call("/test.Greeter/Nothing", "{}");
    assert.equal(unknown!.code, grpc.status.UNIMPLEMENTED);
    assert.equal(unknown!.details, "The server does not implement the method /test.Greeter/Nothing");
    // Defined without a handler.
    const missing = await call("/test.Greeter/Collect", "{}");
    assert.equal(missing!.code, grpc.status.UNIMPLEMENTED);
    assert.equal(missing!.details, "The server does not implement the method /test.Greeter/Collect");
    server.removeService(GreeterService);
    assert.equal((await call("/test.Greeter/SayHello", "{}"))!.code, grpc.status.UNIMPLEMENTED);
  });
});

Deno.test("handlers are methods of their implementation, also under their original name", async () => {
  class Greeter {
    readonly #greeting = "hi";
    sayHello(call: Unary, callback: Callback) {
      callback(null, { text: `${this.#greeting}, ${call.request.name}` });
    }
  }
  const greeter = new Greeter();
  await withGreeter({ sayHello: (call, callback) => greeter.sayHello(call, callback) }, async ({ client, server }) => {
    server.removeService(GreeterService);
    server.addService(GreeterService, { originalSayHello: Greeter.prototype.sayHello.bind(greeter) });
    assert.equal((await client.sayHello("you")).greeting!.text, "hi, you");
  });
});

Deno.test("what cannot be added is said at once", () => {
  const server = services();
  assert.throws(() => server.addService({}, {}), /Cannot add an empty service/);
  assert.throws(() => server.addService(null as unknown as Record<string, never>, {}), /two objects/);
  server.addService(GreeterService, {} as GreeterServer);
  assert.throws(
    () => server.addService(GreeterService, {} as GreeterServer),
    /Method handler for \/test.Greeter\/SayHello already provided/,
  );
  server.removeService(GreeterService);
  server.addService(GreeterService, {} as GreeterServer);
});

Deno.test("a deadline ends the call for the client and for the handler", async () => {
  const cancelled = Promise.withResolvers<unknown[]>();
  const sayHello = (call: Unary, callback: Callback) => {
    const signal = grpcSignal(call);
    call.on("cancelled", (reason: string) => {
      callback(null, { text: "too late" });
      cancelled.resolve([reason, call.cancelled, signal.aborted]);
    });
  };
  await withGreeter({ sayHello }, async ({ client }) => {
    // The server's timer alone: this client's own would end the call first.
    const metadata = new grpc.Metadata();
    metadata.set("grpc-timeout", "20m");
    const { status } = await client.sayHello("slow", { metadata });
    assert.equal(status.code, grpc.status.DEADLINE_EXCEEDED);
    assert.deepEqual(await cancelled.promise, ["cancelled", true, true]);
    metadata.set("grpc-timeout", "soon");
    const invalid = await client.sayHello("slow", { metadata });
    assert.equal(invalid.status.code, grpc.status.INTERNAL);
    assert.equal(invalid.status.details, 'Invalid grpc-timeout value "soon"');
  });
});

Deno.test("a client that gives up is told of by event and signal; its handler may fail silently", async () => {
  const aborted = Promise.withResolvers<boolean>();
  const started = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<void>();
  const sayHello = async (call: Unary) => {
    grpcSignal(call).addEventListener("abort", () => aborted.resolve(call.cancelled));
    started.resolve();
    await aborted.promise;
    failed.resolve();
    throw new Error("Nobody waits");
  };
  await withGreeter({ sayHello }, async ({ client, log }) => {
    const outcome = client.sayHello("impatient", { onCall: (call) => void started.promise.then(() => call.cancel()) });
    assert.equal((await outcome).status.code, grpc.status.CANCELLED);
    assert.equal(await aborted.promise, true);
    await failed.promise;
    assert.equal(log.find(/handler failed/), undefined);
  });
});

Deno.test("messages above the limits are RESOURCE_EXHAUSTED", async () => {
  const sayHello = (call: Unary, callback: Callback) => callback(null, { text: "x".repeat(Number(call.request.name)) });
  await withGreeter({ sayHello }, async ({ client }) => {
    assert.equal((await client.sayHello("100")).status.code, grpc.status.OK);
    const sent = await client.sayHello("3000");
    assert.equal(sent.status.code, grpc.status.RESOURCE_EXHAUSTED);
    assert.match(sent.status.details, /^Sent message larger than max \(3011 vs. 2000\)$/);
    const received = await client.sayHello(" ".repeat(1000));
    assert.equal(received.status.code, grpc.status.RESOURCE_EXHAUSTED);
  }, { maxReceiveBytes: 1000, maxSendBytes: 2000 });
});

Deno.test("packed messages are read, and written where that is agreed on", async () => {
  const text = "abc".repeat(10_000);
  const flags = { none: 0, noCompress: 2 };
  const sayHello = (call: Unary, callback: Callback) =>
    callback(
      null,
      { text: call.request.name },
      undefined,
      call.metadata.get("x-flags").length > 0 ? flags.noCompress : flags.none,
    );
  const client = { "grpc.default_compression_algorithm": grpc.compressionAlgorithms.gzip };
  await withGreeter({ sayHello }, async ({ client }) => {
    assert.equal((await client.sayHello(text)).greeting!.text, text);
    const metadata = new grpc.Metadata();
    metadata.set("x-flags", "2");
    assert.equal((await client.sayHello(text, { metadata })).greeting!.text, text);
    assert.equal((await client.sayHello("")).greeting!.text, "");
  }, { client, gzip: true });
  await withGreeter({ sayHello }, async ({ client }) => {
    assert.equal((await client.sayHello(text)).greeting!.text, text);
    const { status } = await client.sayHello("a".repeat(100_000));
    assert.equal(status.code, grpc.status.RESOURCE_EXHAUSTED, "what a message unpacks to counts");
  }, { client, maxReceiveBytes: 50_000 });
});
