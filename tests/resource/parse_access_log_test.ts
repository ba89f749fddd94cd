import assert from "node:assert/strict";
import type {
  EnvoyConfigAccesslogV3AccessLogFilter as Filter,
  EnvoyExtensionsAccess_loggersFileV3FileAccessLog as FileLog,
} from "../../lib/protobuf/gen/messages.ts";
import { packAny } from "../../lib/protobuf/registry.ts";
import { jsonToStruct } from "../../lib/protobuf/well_known.ts";
import { Issues } from "../../lib/resource/issues.ts";
import { parseAccessLogs } from "../../lib/resource/parse_access_log.ts";

const FILE = "envoy.extensions.access_loggers.file.v3.FileAccessLog";

function parse(file: FileLog, filter?: Filter) {
  const issues = new Issues();
  const typedConfig = packAny(FILE, { path: "/dev/stdout", ...file });
  const logs = parseAccessLogs(issues, "access_log", [{ name: "file", typedConfig, ...(filter && { filter }) }]);
  return { log: logs[0], issues };
}

const cel = (expression: string): Filter => ({
  extensionFilter: {
    typedConfig: packAny("envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter", { expression }),
  },
});
const flags = (...names: string[]): Filter => ({ responseFlagFilter: { flags: names } });

Deno.test("Formats: text, JSON, the deprecated fields, and the default", () => {
  const format = (file: FileLog) => parse(file).log?.format;
  assert.equal(format({}), null);
  assert.deepEqual(format({ logFormat: { textFormatSource: { inlineString: "%X%" } } }), { text: "%X%" });
  assert.deepEqual(format({ logFormat: { textFormat: "%X%" } }), { text: "%X%" });
  assert.equal(format({ logFormat: { textFormat: "" } }), null);
  assert.deepEqual(format({ logFormat: { jsonFormat: jsonToStruct({ a: "%X%", b: { c: 1 } }) } }), {
    json: { a: "%X%", b: { c: 1 } },
  });
  assert.deepEqual(format({ format: "%X%" }), { text: "%X%" });
  assert.deepEqual(format({ jsonFormat: jsonToStruct({ a: "%X%" }) }), { json: { a: "%X%" } });
});

Deno.test("Standard output and standard error have loggers of their own", () => {
  const issues = new Issues();
  const logs = parseAccessLogs(issues, "access_log", [
    { name: "o", typedConfig: packAny("envoy.extensions.access_loggers.stream.v3.StdoutAccessLog", {}) },
    { name: "e", typedConfig: packAny("envoy.extensions.access_loggers.stream.v3.StderrAccessLog", {}) },
  ]);
  assert.deepEqual(logs.map(({ path }) => path), ["/dev/stdout", "/dev/stderr"]);
});

Deno.test("Filters: flags, expressions, and both", () => {
  const filters = (filter: Filter) => {
    const { log } = parse({}, filter);
    return [log?.responseFlagFilter, log?.expression];
  };
  assert.deepEqual(filters(flags("NR")), [["NR"], null]);
  assert.deepEqual(filters({ responseFlagFilter: {} }), [[], null]);
  assert.deepEqual(filters(cel("a > 1")), [null, "a > 1"]);
  const and = (...parts: Filter[]): Filter => ({ andFilter: { filters: parts } });
  assert.deepEqual(filters(and(flags("NR"), cel("a"), cel("b"))), [["NR"], "(a) && (b)"]);
  assert.deepEqual(filters(and(flags("NR", "UH"), flags("UH", "UF"))), [["UH"], null]);
  assert.deepEqual(filters(and(flags(), flags("UF"))), [["UF"], null]);
  assert.deepEqual(filters(and(flags("NR"), flags("UF"))), [["-"], null], "no flag at all, not any flag");
});

Deno.test("Logs of another kind, or with another filter, are reported and left out", () => {
  const issues = new Issues();
  const logs = parseAccessLogs(issues, "access_log", [
    { name: "odd", typedConfig: packAny("google.protobuf.StringValue", {}) },
    { name: "file", typedConfig: packAny(FILE, { path: "/x" }), filter: { notHealthCheckFilter: {} } },
    { name: "good", typedConfig: packAny(FILE, { path: "/y" }) },
  ]);
  assert.deepEqual(logs.map(({ path }) => path), ["/y"]);
  assert.deepEqual(issues.unsupported.map(({ path }) => path), [
    "access_log[0].typed_config",
    "access_log[1].filter",
  ]);
});

Deno.test("A file log without a path is refused", () => {
  assert.deepEqual(parse({ path: "" }).issues.errors, [
    "Cannot use 'access_log[0].typed_config.path': it must not be empty, current value is ''",
  ]);
});
