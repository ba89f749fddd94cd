/** Messages in JSON, against what Istio's own protobuf library wrote of the same bytes. */
import assert from "node:assert/strict";
import { messageToJson } from "../../lib/protobuf/json.ts";
import { isKnownMessage, messageName } from "../../lib/protobuf/registry.ts";
import type { Json } from "../../lib/protobuf/well_known.ts";
import { recordingNames } from "./recording.ts";

const ROOT = new URL("../../../shared/xds/", import.meta.url);

/** Fields of newer Envoys than the descriptors: they are not shown. */
const NEWER: ReadonlySet<string> = new Set(["failure_policy", "dns_jitter"]);

/** Takes out what only one of the two can show: messages that are not in the descriptors, and keys. */
function comparable(json: Json): Json {
  if (Array.isArray(json)) return json.map(comparable);
  if (typeof json !== "object" || json === null) return json;
  const type = json["@type"];
  if (typeof type === "string" && !isKnownMessage(messageName(type))) return { "@type": type };
  const out: { [key: string]: Json } = {};
  for (const [key, value] of Object.entries(json)) {
    if (!NEWER.has(key)) out[key] = key === "private_key" ? null : comparable(value);
  }
  return out;
}

Deno.test("every recorded response reads as Istio's own library writes it", () => {
  let count = 0;
  for (const name of recordingNames()) {
    const folder = new URL(`${name}/`, ROOT);
    const manifest = JSON.parse(Deno.readTextFileSync(new URL("manifest.json", folder)));
    const message = manifest.protocol === "sotw" ? "DiscoveryResponse" : "DeltaDiscoveryResponse";
    for (const { file } of manifest.entries) {
      if (file === undefined) continue;
      const text = Deno.readTextFileSync(new URL(file.replace(/\.binpb$/, ".json"), folder));
      const ours = messageToJson(
        `envoy.service.discovery.v3.${message}`,
        Deno.readFileSync(new URL(file, folder)),
      );
      assert.deepEqual(comparable(ours), comparable(JSON.parse(text)), `${name}/${file}`);
      count++;
    }
  }
  assert.ok(count > 300, String(count));
});
