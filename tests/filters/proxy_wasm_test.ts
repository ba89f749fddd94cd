/** The filters of `filters/proxy_wasm/`, as built. */
import assert from "node:assert/strict";
import { HeaderList } from "../../lib/http/header_list.ts";
import { Buffer } from "node:buffer";
import { exposeMetrics } from "../../lib/telemetry/exposition.ts";
import { bytesBody, WasmStreamRig } from "../support/wasm_stream.ts";

const filter = (name: string) => Deno.readFile(new URL(`../../filters/proxy_wasm/${name}.wasm`, import.meta.url));
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

Deno.test("request_id: gives an id to a request that has none, and tells it in the response", async () => {
  await using rig = new WasmStreamRig(await filter("request_id"));
  await rig.started();
  const { response } = await rig.send();
  const given = rig.received[0]!.request.headers.get("x-request-id");
  assert.match(given!, UUID);
  assert.equal(response.headers.get("x-request-id"), given);
});

Deno.test("request_id: keeps an id, under the name of its configuration", async () => {
  const configuration = Buffer.from('{"header":"x-trace"}');
  await using rig = new WasmStreamRig(await filter("request_id"), { configuration });
  await rig.started();
  const { response } = await rig.send({ headers: new HeaderList(["x-trace", "abc"]) });
  assert.equal(rig.received[0]!.request.headers.get("x-trace"), "abc");
  assert.equal(response.headers.get("x-trace"), "abc");
  assert.equal(response.headers.get("x-request-id"), undefined);
});

Deno.test("request_id: refuses a configuration it cannot read", async () => {
  for (
    const text of ["x-trace", '{"header":""}', '{"header":"a b"}', '{"header":"', `{"header":"${"a".repeat(200)}"}`]
  ) {
    await using rig = new WasmStreamRig(await filter("request_id"), { configuration: Buffer.from(text) });
    await assert.rejects(rig.started(), text);
  }
});

const MASKED: readonly (readonly [text: string, masked: string])[] = [
  ["card 4111111111111111.", "card ************1111."],
  ["4111-1111-1111-1111", "****-****-****-1111"],
  ["4111 1111 1111 1111 and 4111 1111 1111 1112", "**** **** **** 1111 and 4111 1111 1111 1112"],
  ["no card: 123456789012", "no card: 123456789012"],
  ["alice.b+c@example.com", "a********@example.com"],
  ["@nobody and a@", "@nobody and a@"],
  ["", ""],
];

for (const [text, masked] of MASKED) {
  Deno.test(`mask: '${text}' becomes '${masked}'`, async () => {
    await using rig = new WasmStreamRig(await filter("mask"));
    await rig.started();
    const answer = (type: string) => {
      rig.upstream = () =>
        Promise.resolve({ status: 200, headers: new HeaderList(["content-type", type]), body: bytesBody(text) });
      return rig.send();
    };
    assert.equal((await answer("application/json")).text, masked);
    assert.equal((await answer("text/plain; charset=utf-8")).text, masked);
    assert.equal((await answer("application/octet-stream")).text, text);
  });
}

Deno.test("mask in AssemblyScript: names in addresses", async () => {
  await using rig = new WasmStreamRig(await filter("mask_as"));
  await rig.started();
  const headers = new HeaderList(["content-type", "text/plain"]);
  rig.upstream = () => Promise.resolve({ status: 200, headers, body: bytesBody("alice@example.com") });
  assert.equal((await rig.send()).text, "a****@example.com");
});

Deno.test("metrics: counts by method and class of status", async () => {
  const configuration = Buffer.from('{"name":"shown_total"}');
  await using rig = new WasmStreamRig(await filter("metrics"), { configuration });
  await rig.started();
  await rig.send();
  await rig.send();
  rig.upstream = () => Promise.resolve({ status: 404, headers: new HeaderList([]), body: null });
  await rig.send({ method: "DELETE" }).catch(() => {});
  const text = exposeMetrics(rig.environment.metrics);
  assert.match(text, /^shown_total\{method="GET",response_class="2xx"\} 2$/m);
});
