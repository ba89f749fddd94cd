import { modulePath } from "../../../tools/filters/proxy_wasm.ts";
import type { CaseRequest, JsonObject } from "../differential/case.ts";
import type { WasmRule } from "../wasm_conformance/rule.ts";

const PERSON = "200 content-type=text/plain chunk:alice@example.com,4111-1111-1111-1111";
const CARD = "200 content-type=application/json chunk:alice@exam chunk:ple.com,4111111111111111";

/** Modules of toolchains, in the form of the rules of the conformance suite. @param rustModule Path of the Rust module. */
export async function sdkRules(rustModule: string): Promise<WasmRule[]> {
  const shipped = (name: string) => Deno.readFile(modulePath(name));
  return [
    rule("C: request_id", await shipped("request_id"), [{ path: "/given", headers: [["x-trace", "the-given"]] }], {
      configuration: text('{ "header": "x-trace" }'),
    }),
    rule("C: mask", await shipped("mask"), [{ script: [CARD] }]),
    rule("C: mask leaves others alone", await shipped("mask"), [{ script: ["200 content-type=image/png"] }]),
    rule("AssemblyScript: mask", await shipped("mask_as"), [{ script: [PERSON] }]),
    rule("AssemblyScript: metrics", await shipped("metrics"), [{}, { script: ["404"] }]),
    rule("AssemblyScript: header_tag", await shipped("header_tag_as"), [{}]),
    rule(
      "Rust: headers, content and calls",
      await Deno.readFile(rustModule),
      [
        { path: "/plain" },
        { path: "/deny" },
        { path: "/ask" },
        { path: "/post", method: "POST", chunks: ["some ", "text"] },
      ],
      { configuration: text("tagged") },
      /^log /,
    ),
  ];
}

function rule(
  name: string,
  bytes: Uint8Array,
  requests: readonly CaseRequest[],
  plugin: JsonObject = {},
  lastLine: RegExp = /$^/,
): WasmRule {
  const lastLines = lastLine.source === "$^" ? 0 : Infinity;
  const modules = [{ bytes, plugin, vm: {} }];
  return { name, modules, requests, backend: "a", manager: {}, lastLine, lastLines, pauseMs: 0 };
}

function text(value: string): JsonObject {
  return { "@type": "type.googleapis.com/google.protobuf.StringValue", value };
}
