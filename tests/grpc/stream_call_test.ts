import * as grpc from "@grpc/grpc-js";
import assert from "node:assert/strict";
import { once } from "node:events";
import { type Greeting, type Hello, received, withGreeter } from "../support/greeter.ts";

type Readable = grpc.ServerReadableStream<Hello, Greeting>;
type Writable = grpc.ServerWritableStream<Hello, Greeting>;
type Duplex = grpc.ServerDuplexStream<Hello, Greeting>;

Deno.test("a stream of requests is read by iteration or by events, and answered once", async () => {
  const collect = (call: Readable, callback: grpc.sendUnaryData<Greeting>) => {
    const names: string[] = [];
    if (call.metadata.get("x-none").length > 0) return;
    call.on("data", ({ name }: Hello) => names.push(name));
    call.on("end", () => callback(null, { text: names.join() }));
  };
  const iterate = async (call: Readable, callback: grpc.sendUnaryData<Greeting>) => {
    const names: string[] = [];
    for await (const { name } of call) names.push(name);
    const trailer = new grpc.Metadata();
    trailer.set("x-count", String(names.length));
    callback(null, { text: names.join() }, trailer);
  };
  for (const handler of [collect, iterate]) {
    await withGreeter({ collect: handler }, async ({ client }) => {
      const names = Array.from({ length: 200 }, (_, i) => `name ${i}`);
      const { greeting, status } = await client.collect((call) => {
        for (const name of names) call.write({ name });
        call.end();
      });
      assert.equal(greeting!.text, names.join());
      if (handler === iterate) assert.deepEqual(status.metadata.get("x-count"), ["200"]);
      assert.equal((await client.collect((call) => call.end())).greeting!.text, "");
    });
  }
});

Deno.test("an answer before the last request ends the call", async () => {
  const closed = Promise.withResolvers<void>();
  const collect = (call: Readable, callback: grpc.sendUnaryData<Greeting>) => {
    call.on("close", closed.resolve);
    call.once("data", ({ name }: Hello) => callback(null, { text: name }));
  };
  await withGreeter({ collect }, async ({ client }) => {
    const { greeting } = await client.collect((call) => call.write({ name: "first" }));
    assert.equal(greeting!.text, "first");
    await closed.promise;
  });
});

Deno.test("a stream of responses: head, messages, trailers", async () => {
  const repeat = (call: Writable) => {
    const head = new grpc.Metadata();
    head.set("x-head", "h");
    call.sendMetadata(head);
    for (let i = 0; i < 3; i++) call.write({ text: `${call.request.name} ${i}` });
    const trailer = new grpc.Metadata();
    trailer.set("x-trailer", "t");
    call.end(trailer);
  };
  await withGreeter({ repeat }, async ({ client }) => {
    const { texts, status, head } = await received(client.repeat("again"));
    assert.deepEqual(texts, ["again 0", "again 1", "again 2"]);
    assert.equal(status.code, grpc.status.OK);
    assert.deepEqual(head.get("x-head"), ["h"]);
    assert.deepEqual(status.metadata.get("x-trailer"), ["t"]);
  });
});

Deno.test("a writer is held back by a slow reader, and goes on when it reads", async () => {
  const text = "x".repeat(32_000);
  let written = 0;
  const full = Promise.withResolvers<void>();
  const repeat = async (call: Writable) => {
    for (; written < 300; written++) {
      if (call.write({ text })) continue;
      full.resolve();
      await once(call, "drain");
    }
    call.end();
  };
  await withGreeter({ repeat }, async ({ client }) => {
    const call = client.repeat("much");
    await full.promise;
    assert.ok(written < 300, `${written} messages of 32 kB were written and none was read`);
    const { texts, status } = await received(call);
    assert.equal(texts.length, 300);
    assert.equal(status.code, grpc.status.OK);
  });
});

Deno.test("streams in both directions at once", async () => {
  const chat = async (call: Duplex) => {
    for await (const { name } of call) {
      call.write({ text: `to ${name}` });
      // Leaving the loop ends neither direction.
      if (name === "9") break;
    }
    for await (const { name } of call) call.write({ text: `to ${name}` });
    call.end();
  };
  await withGreeter({ chat }, async ({ client }) => {
    const call = client.chat();
    let next = 0;
    call.on("data", () => ++next < 20 ? void call.write({ name: String(next) }) : void call.end());
    call.write({ name: "0" });
    const { texts, status } = await received(call);
    assert.deepEqual(texts, Array.from({ length: 20 }, (_, i) => `to ${i}`));
    assert.equal(status.code, grpc.status.OK);
  });
});

Deno.test("a stream ends in an error by event, by destroy, by a throw and by a rejection", async () => {
  const error = Object.assign(new Error("Enough"), {
    code: grpc.status.ABORTED,
    details: "enough",
    metadata: trailer(),
  });
  const ways: Record<string, (call: Writable) => unknown> = {
    event: (call) => call.emit("error", error),
    status: (call) => call.emit("error", { code: grpc.status.ABORTED, details: "enough", metadata: trailer() }),
    destroy: (call) => call.destroy(error),
    throw: () => {
      throw error;
    },
    reject: () => Promise.reject(error),
    unserializable: (call) => call.write({ text: "unserializable" }),
    plain: (call) => call.destroy(),
  };
  const repeat = (call: Writable) => {
    call.write({ text: "before" });
    return ways[call.request.name]!(call);
  };
  await withGreeter({ repeat: repeat as (call: Writable) => void }, async ({ client, log }) => {
    const outcomes: Record<string, unknown[]> = {};
    for (const way of Object.keys(ways)) {
      const { status, texts } = await received(client.repeat(way));
      outcomes[way] = [status.code, status.details, status.metadata.get("x-trailer"), texts];
    }
    const aborted = [grpc.status.ABORTED, "enough", ["t"], ["before"]];
    const unknown = [grpc.status.UNKNOWN, "Unknown error", [], ["before"]];
    assert.deepEqual(outcomes, {
      event: aborted,
      status: aborted,
      destroy: aborted,
      throw: unknown,
      reject: unknown,
      unserializable: [grpc.status.INTERNAL, "Error serializing response", [], ["before"]],
      plain: [grpc.status.CANCELLED, "The server destroyed the call", [], ["before"]],
    });
    assert.equal(log.lines.filter(({ message }) => /handler failed/.test(message)).length, 2, String(log));
  });
});

Deno.test("a request in the middle of a stream that cannot be read ends the call", async () => {
  const cancelled = Promise.withResolvers<boolean>();
  const chat = (call: Duplex) => {
    call.on("cancelled", () => cancelled.resolve(call.cancelled));
    call.on("data", ({ name }: Hello) => {
      if (name === "bomb") throw new Error("Listener");
      call.write({ text: name });
    });
  };
  await withGreeter({ chat }, async ({ client, log }) => {
    const call = client.chat();
    call.write({ name: "fine" });
    call.write({ name: "x".repeat(2000) });
    const { status, texts } = await received(call);
    assert.deepEqual(texts, ["fine"]);
    assert.equal(status.code, grpc.status.RESOURCE_EXHAUSTED);
    assert.equal(await cancelled.promise, true);
    const bomb = client.chat();
    bomb.write({ name: "bomb" });
    assert.equal((await received(bomb)).status.code, grpc.status.UNKNOWN);
    assert.match(String(log), /handler failed/);
  }, { maxReceiveBytes: 1000 });
});

Deno.test("a client that gives up, and a deadline, end a stream for its handler", async () => {
  let told = Promise.withResolvers<unknown[]>();
  const chat = (call: Duplex) => {
    call.write({ text: "begun" });
    call.on("cancelled", (reason: string) => told.resolve([reason, call.cancelled]));
    call.on("close", () => call.write({ text: "Nobody reads it" }));
  };
  await withGreeter({ chat }, async ({ client }) => {
    const call = client.chat();
    call.once("data", () => call.cancel());
    const { status } = await received(call);
    assert.equal(status.code, grpc.status.CANCELLED);
    assert.deepEqual(await told.promise, ["cancelled", true]);
    told = Promise.withResolvers();
    const late = await received(client.chat({ deadline: Date.now() + 50 }));
    assert.equal(late.status.code, grpc.status.DEADLINE_EXCEEDED);
    assert.deepEqual(await told.promise, ["cancelled", true]);
  });
});

Deno.test("a handler that waits for more requests is let go when its call is over", async () => {
  const failed = Promise.withResolvers<unknown>();
  const chat = async (call: Duplex) => {
    call.end();
    try {
      for await (const _ of call) continue;
      failed.resolve(null);
    } catch (error) {
      failed.resolve(error);
    }
  };
  await withGreeter({ chat }, async ({ client, log }) => {
    const { status } = await received(client.chat());
    assert.equal(status.code, grpc.status.OK);
    assert.equal(await failed.promise, null);
    assert.equal(String(log), "");
  });
});

function trailer(): grpc.Metadata {
  const metadata = new grpc.Metadata();
  metadata.set("x-trailer", "t");
  return metadata;
}
