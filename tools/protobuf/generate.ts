/**
 * Writes `lib/protobuf/gen/`: the descriptors of every message in `roots.ts` with all they refer to, and a
 * TypeScript interface for each. With `--check` it writes nothing and fails when the checked-in files differ.
 *
 * The Envoy definitions come from the npm package `@grpc/grpc-js-xds`, Istio's are in `istio/`, and so are those of Envoy
 * that the package has in an older form.
 */
import protobuf from "protobufjs";
import { NEWER_FIELDS } from "./newer_fields.ts";
import { ROOT_MESSAGES } from "./roots.ts";

const OUTPUT = new URL("../../lib/protobuf/gen/", import.meta.url);
const ISTIO = new URL("./istio/", import.meta.url);
const ISTIO_PACKAGES: Record<string, string> = {
  "istio.v1.auth.": "ca.proto",
  "istio.networking.nds.": "nds.proto",
  "istio.mesh.": "proxy_config.proto",
  "istio.envoy.config.filter.http.alpn.": "alpn.proto",
  "envoy.tcp.metadataexchange.": "metadata_exchange.proto",
  "stats.": "stats.proto",
  "grpc.health.": "health.proto",
  "envoy.extensions.filters.http.header_mutation.": "header_mutation.proto",
  "envoy.Cookie": "session_cookie.proto",
  "envoy.extensions.load_balancing_policies.override_host.": "override_host.proto",
  "envoy.extensions.wasm.v3.ReloadConfig": "wasm.proto",
  "envoy.source.extensions.common.wasm.": "wasm_foreign.proto",
};

/** The folder of the downloaded npm package that holds the Envoy definitions. */
async function envoyDefinitions(): Promise<string> {
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("../../import_map.json", import.meta.url)));
  const specifier: string = imports["@grpc/grpc-js-xds"];
  const version = specifier.slice(specifier.lastIndexOf("@") + 1);
  await run(["cache", specifier]);
  const { npmCache } = JSON.parse(await run(["info", "--json"]));
  for await (const registry of Deno.readDir(npmCache)) {
    const path = `${npmCache}/${registry.name}/@grpc/grpc-js-xds/${version}/deps`;
    try {
      await Deno.stat(path);
      return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error(`Cannot find the Envoy definitions: '${specifier}' is not in the npm cache, run "deno cache" first`);
}

async function run(args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  if (!success) throw new Error(`Cannot run 'deno ${args.join(" ")}': ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

async function* protoFiles(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* protoFiles(path);
    else if (entry.name.endsWith(".proto")) yield path;
  }
}

/** Finds the file that defines each root message by reading package and message names. */
async function definingFiles(deps: string): Promise<string[]> {
  const found = new Map<string, string>();
  for (const folder of ["envoy-api/envoy", "googleapis/google/rpc", "xds"]) {
    for await (const path of protoFiles(`${deps}/${folder}`)) {
      const text = await Deno.readTextFile(path);
      const pkg = /^package ([\w.]+);/m.exec(text)?.[1];
      for (const [, name] of text.matchAll(/^message (\w+)/gm)) found.set(`${pkg}.${name}`, path);
    }
  }
  const files = new Set<string>();
  for (const name of ROOT_MESSAGES) {
    if (name.startsWith("google.protobuf.")) continue;
    const own = Object.entries(ISTIO_PACKAGES).find(([prefix]) => name.startsWith(prefix));
    const file = own ? new URL(own[1], ISTIO).pathname : found.get(name);
    if (file === undefined) throw new Error(`Cannot find the definition of '${name}'`);
    files.add(file);
  }
  return [...files].sort();
}

async function loadRoot(): Promise<protobuf.Root> {
  const deps = await envoyDefinitions();
  const folders = ["envoy-api", "googleapis", "protoc-gen-validate", "xds"].map((name) => `${deps}/${name}`);
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => {
    if (target.startsWith("/")) return target;
    // Options and annotations describe no bytes on the wire.
    if (/(^|\/)(annotations|validate|descriptor)(\/|\.)/.test(target)) return null;
    if (target.startsWith("google/protobuf/") && protobuf.common.get(target)) return target;
    for (const folder of folders) {
      try {
        Deno.statSync(`${folder}/${target}`);
        return `${folder}/${target}`;
      } catch { /* the next folder */ }
    }
    return target;
  };
  const files = await definingFiles(deps);
  root.loadSync([...files, "google/protobuf/wrappers.proto", "google/protobuf/struct.proto"], { keepCase: false });
  for (const [message, fields] of Object.entries(NEWER_FIELDS)) {
    const type = root.lookupType(message);
    for (const { name, id, type: of } of fields) {
      const field = new protobuf.Field(camelCase(name), id, of);
      type.add(field);
      field.resolve();
    }
  }
  root.resolveAll();
  return root;
}

/** All messages and enums reachable from the roots, by full name. */
function reachable(root: protobuf.Root): Map<string, protobuf.Type | protobuf.Enum> {
  const seen = new Map<string, protobuf.Type | protobuf.Enum>();
  const visit = (type: protobuf.Type | protobuf.Enum) => {
    const name = type.fullName.slice(1);
    if (seen.has(name)) return;
    seen.set(name, type);
    if (type instanceof protobuf.Enum) return;
    for (const field of type.fieldsArray) {
      const target = field.resolvedType;
      if (target !== null) visit(target);
    }
  };
  for (const name of ROOT_MESSAGES) visit(root.lookupType(name));
  return new Map([...seen].sort(([a], [b]) => a < b ? -1 : 1));
}

type Json = { [key: string]: Json | string | number | boolean | string[] };

/** One flat map from full name to its fields: `[name, id, type, rule]`, the form `registry.ts` expands on demand. */
function describe(types: Map<string, protobuf.Type | protobuf.Enum>): Json {
  const out: Record<string, Json> = {};
  for (const [name, type] of types) {
    if (type instanceof protobuf.Enum) {
      out[name] = { values: type.values as unknown as Json };
      continue;
    }
    const fields: Record<string, Json> = {};
    for (const field of type.fieldsArray) {
      const entry: Json = { id: field.id, type: typeName(field) };
      if (field instanceof protobuf.MapField) entry.keyType = field.keyType;
      else if (field.repeated) entry.rule = "repeated";
      if (
        field.repeated && !(field instanceof protobuf.MapField) && !field.packed &&
        field.type in protobuf.types.packed
      ) {
        entry.unpacked = true;
      }
      fields[camelCase(field.name)] = entry;
    }
    out[name] = { fields };
  }
  return out;
}

function typeName(field: protobuf.Field): string {
  return field.resolvedType === null ? field.type : field.resolvedType.fullName.slice(1);
}

/** The bundled `google.protobuf` types keep their snake case, all others are camel case already. */
function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

const SCALARS: Record<string, string> = {
  string: "string",
  bytes: "Uint8Array",
  bool: "boolean",
  double: "number",
  float: "number",
};

function tsName(fullName: string): string {
  return fullName.split(".").map((part) => part[0]!.toUpperCase() + part.slice(1)).join("");
}

function tsType(field: protobuf.Field): string {
  const target = field.resolvedType;
  const single = target === null
    ? SCALARS[field.type] ?? "number"
    : target instanceof protobuf.Enum
    ? "EnumValue"
    : tsName(target.fullName.slice(1));
  if (field instanceof protobuf.MapField) return `Record<string, ${single}>`;
  return field.repeated ? `${single}[]` : single;
}

function interfaces(types: Map<string, protobuf.Type | protobuf.Enum>): string {
  const lines = [
    "// Generated by tools/protobuf/generate.ts. Do not edit: run `deno task generate`.",
    "// deno-fmt-ignore-file",
    "",
    "/** An enum value: its name, or its number where the name is not known to these descriptors. */",
    "export type EnumValue = string | number;",
    "",
  ];
  const map: string[] = [];
  for (const [name, type] of types) {
    if (type instanceof protobuf.Enum) continue;
    lines.push(`/** \`${name}\` */`, `export interface ${tsName(name)} {`);
    for (const field of type.fieldsArray) lines.push(`  ${camelCase(field.name)}?: ${tsType(field)};`);
    lines.push("}", "");
    map.push(`  "${name}": ${tsName(name)};`);
  }
  lines.push(
    "/** Every message known to the descriptors, by full name. */",
    "export interface MessageMap {",
    ...map,
    "}",
    "",
  );
  return lines.join("\n");
}

async function main(): Promise<void> {
  const types = reachable(await loadRoot());
  const files: Record<string, string> = {
    "descriptors.json": JSON.stringify(describe(types)).replaceAll('},"', '},\n"') + "\n",
    "messages.ts": interfaces(types),
  };
  let differs = false;
  for (const [name, text] of Object.entries(files)) {
    const path = new URL(name, OUTPUT);
    if (!Deno.args.includes("--check")) {
      await Deno.writeTextFile(path, text);
    } else if (await Deno.readTextFile(path) !== text) {
      console.error(`Generated file '${name}' is out of date: run "deno task generate"`);
      differs = true;
    }
  }
  console.log(`${types.size} messages and enums`);
  if (differs) Deno.exit(1);
}

await main();
