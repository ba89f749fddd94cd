import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import type { ByteStream } from "../../lib/transport/byte_stream.ts";
import { acceptAnyPeer } from "../../lib/transport/peer_rules.ts";
import { TestCa } from "../support/test_ca.ts";
import { Recorder, TransportRig, within } from "../support/transport_rig.ts";

const ca = await TestCa.create();
const certificate = await ca.issue();
const trust = ca.bundle();

interface Pair {
  rig: TransportRig;
  /** The end that connected. */
  near: ByteStream;
  /** The end that accepted. */
  far: ByteStream;
}

/** Two connected streams over loopback sockets. */
async function connected(kind: "tcp" | "tls"): Promise<Pair> {
  const far = Promise.withResolvers<ByteStream>();
  const rig = await TransportRig.start((connection) => {
    if (kind === "tcp") return far.resolve(connection.plaintext());
    const tls = { certificate, trust, requireClientCertificate: true, acceptSans: acceptAnyPeer, alpn: [] };
    connection.startTls(tls).then(far.resolve, far.reject);
  });
  const tls = kind === "tcp" ? null : { certificate, trust, acceptSans: acceptAnyPeer, alpn: [], sni: "" };
  const near = await rig.connector.connect({ address: rig.acceptor.addr, tls, connectTimeoutMs: 2_000 });
  return { rig, near, far: await within(far.promise, () => "not accepted") };
}

for (const kind of ["tcp", "tls"] as const) {
  Deno.test(`${kind}: each half closes on its own, and the last one closes the stream once`, async () => {
    const { rig, near, far } = await connected(kind);
    const [a, b] = [new Recorder(near, false), new Recorder(far, false)];
    near.writeAscii("question");
    near.end();
    near.write(new Uint8Array([1]));
    await b.ended();
    assert.equal(b.text, "question");
    far.writeAscii("answer");
    await a.received("answer");
    assert.deepEqual(a.events, []);
    far.end();
    await Promise.all([a.closed(), b.closed()]);
    assert.deepEqual(a.events, ["end", "close"]);
    assert.deepEqual(b.events, ["end", "close"]);
    assert.equal(a.error, null);
    near.destroy();
    near.end();
    near.writeAscii("too late");
    await rig.close();
  });

  Deno.test(`${kind}: an exception of the receiver ends its stream, not the process`, async () => {
    const { rig, near, far } = await connected(kind);
    const closed = Promise.withResolvers<Error | null>();
    far.start({
      onData: () => {
        throw new TypeError("Cannot parse this");
      },
      onEnd() {},
      onDrain() {},
      onClose: closed.resolve,
    });
    const recorder = new Recorder(near);
    near.writeAscii("x");
    assert.match((await within(closed.promise, () => "not closed"))!.message, /Cannot parse this/);
    await recorder.closed();
    await rig.close();
  });

  Deno.test(`${kind}: exceptions of onEnd and onClose stay inside`, async () => {
    const { rig, near, far } = await connected(kind);
    const events: string[] = [];
    const closed = Promise.withResolvers<void>();
    far.start({
      onData() {},
      onEnd() {
        events.push("end");
        throw new TypeError("Cannot end");
      },
      onDrain() {},
      onClose() {
        events.push("close");
        closed.resolve();
        throw new TypeError("Cannot close");
      },
    });
    new Recorder(near);
    near.end();
    await within(closed.promise, () => "not closed");
    assert.deepEqual(events, ["end", "close"]);
    await rig.close();
  });

  Deno.test(`${kind}: strings and bytes keep their order and their values, corked or behind a full buffer`, async () => {
    const { rig, near, far } = await connected(kind);
    const recorder = new Recorder(far);
    const expected: Uint8Array[] = [];
    const ascii = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join("") + "\r\n";
    const binary = Uint8Array.from({ length: 256 }, (_, i) => i);
    const big = new Uint8Array(300_000).map((_, i) => i * 7);
    for (let i = 0; i < 4; i++) {
      if (i % 2 === 0) near.cork();
      near.writeAscii(ascii);
      near.write(binary);
      near.write(big);
      near.writeAscii(ascii);
      if (i % 2 === 0) near.uncork();
      expected.push(new TextEncoder().encode(ascii), binary, big, new TextEncoder().encode(ascii));
    }
    near.end();
    await recorder.closed();
    assert.equal(Buffer.compare(Buffer.concat(recorder.chunks), Buffer.concat(expected)), 0);
    await rig.close();
  });

  Deno.test(`${kind}: a slow reader holds the writer back, and nothing is lost`, async () => {
    const { rig, near, far } = await connected(kind);
    const chunk = new Uint8Array(64 * 1024).fill(0x61);
    const drained = Promise.withResolvers<void>();
    near.start({ onData() {}, onEnd: () => near.end(), onDrain: () => drained.resolve(), onClose() {} });
    const recorder = new Recorder(far);
    far.pause();
    let written = 0;
    while (near.write(chunk) && written < 1000) written++;
    for (let i = 0; i < 200; i++, written++) near.write(chunk);
    assert.ok(near.writableLength > 0);
    const before = recorder.chunks.length;
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(recorder.chunks.length <= before + 1, "a paused stream delivers");
    far.resume();
    await within(drained.promise, () => "never drained");
    assert.equal(near.writableLength, 0);
    near.end();
    await recorder.closed();
    const total = recorder.chunks.reduce((sum, { length }) => sum + length, 0);
    assert.equal(total, (written + 1) * chunk.length);
    await rig.close();
  });

  Deno.test(`${kind}: bytes that arrive before start wait, and a second receiver takes over`, async () => {
    const { rig, near, far } = await connected(kind);
    near.writeAscii("early");
    const first = new Recorder(far, false);
    await first.received("early");
    const second = new Recorder(far);
    near.writeAscii("later");
    near.end();
    await new Recorder(near).closed();
    await second.closed();
    assert.equal(first.text, "early");
    assert.equal(second.text, "later");
    assert.deepEqual(first.events, []);
    await rig.close();
  });

  Deno.test(`${kind}: destroy closes at once, with its error, once`, async () => {
    const { rig, near, far } = await connected(kind);
    const [a, b] = [new Recorder(near), new Recorder(far)];
    near.destroy(new Error("Enough"));
    near.destroy(new Error("Again"));
    await Promise.all([a.closed(), b.closed()]);
    assert.equal(a.error!.message, "Enough");
    assert.equal(a.events.filter((event) => event === "close").length, 1);
    await rig.close();
  });

  Deno.test(`${kind}: a stream that closed before start still tells its receiver`, async () => {
    const { rig, near, far } = await connected(kind);
    near.destroy(new Error("Enough"));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const recorder = new Recorder(near);
    await recorder.closed();
    assert.equal(recorder.error!.message, "Enough");
    await new Recorder(far).closed();
    await rig.close();
  });
}
