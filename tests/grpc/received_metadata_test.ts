import { Metadata } from "@grpc/grpc-js";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ReceivedMetadata } from "../../lib/grpc/received_metadata.ts";

const FIELDS = ["x-a", "1", "x-a", "2", "x-b-bin", "AQ==, Ag", "x-c", "é", "bad name", "1"];

Deno.test("received metadata is of the caller's class and does all that one does", () => {
  const received = new ReceivedMetadata();
  const made = received.create(new Metadata({ waitForReady: true }), FIELDS);
  assert.ok(made instanceof Metadata);
  assert.deepEqual(made.toJSON(), { "x-a": ["1", "2"], "x-b-bin": [Buffer.from([1]), Buffer.from([2])] });
  assert.deepEqual(made.getOptions(), {});
  made.add("x-a", "3");
  made.remove("x-b-bin");
  const copy = made.clone();
  made.set("x-a", "other");
  assert.deepEqual(copy.getMap(), { "x-a": "1" });
  assert.deepEqual(copy.get("x-a"), ["1", "2", "3"]);
  const merged = new Metadata();
  merged.merge(received.create(new Metadata(), FIELDS));
  assert.deepEqual(merged.get("X-A"), ["1", "2"]);
  made.setOpaque("grpc.x", 1);
  assert.equal(made.getOpaque("grpc.x"), 1);
});

Deno.test("a copy of the library that keeps its entries elsewhere is filled by its methods", () => {
  class Other {
    readonly elsewhere = new Map<string, unknown[]>();
    add(name: string, value: unknown) {
      this.elsewhere.set(name, [...this.elsewhere.get(name) ?? [], value]);
    }
    clone() {
      const copy = new Other();
      for (const [name, values] of this.elsewhere) copy.elsewhere.set(name, values);
      return copy;
    }
    getMap() {
      return Object.fromEntries(this.elsewhere);
    }
    remove(name: string) {
      this.elsewhere.delete(name);
    }
    setOptions() {}
  }
  const like = new Other();
  like.add("x-mine", "sent");
  const made = new ReceivedMetadata().create(like as unknown as Metadata, FIELDS) as unknown as Other;
  assert.ok(made instanceof Other);
  assert.deepEqual([...made.elsewhere], [["x-a", ["1", "2"]], ["x-b-bin", [Buffer.from([1]), Buffer.from([2])]]]);
});
