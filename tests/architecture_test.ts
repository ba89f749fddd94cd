/** The rules of ARCHITECTURE.md that a machine can check: each has failed at least once before it was trusted. */
import assert from "node:assert/strict";

/** Folders of `lib/` (and `filters`) in the order in which imports may point: a file may import from the left. */
const ORDER = [
  "errors",
  "internal",
  "protobuf",
  "matcher",
  "formatter",
  "telemetry",
  "resource",
  "transport",
  "http",
  "grpc",
  "tcp",
  "bootstrap",
  "identity",
  "xds",
  "router",
  "load_balancer",
  "upstream",
  "filter",
  "proxy_wasm",
  "component",
  "filters",
  "stacks",
  "admin",
  "mesh",
  "testing",
  "cli",
];

/** Files of `lib/` itself and the stage each belongs to. */
const FILES: Record<string, string> = {
  "lib/errors.ts": "errors",
  "lib/filters.ts": "stacks",
  "lib/outbound.ts": "stacks",
  "lib/outbound_client.ts": "stacks",
  "lib/fetch.ts": "stacks",
  "lib/web_socket.ts": "stacks",
  "lib/upgrade_web_socket.ts": "stacks",
  "lib/grpc_peer.ts": "stacks",
  "lib/grpc_signal.ts": "stacks",
  "lib/grpc_transport.ts": "stacks",
  "lib/inbound.ts": "stacks",
  "lib/inbound_server.ts": "stacks",
  "lib/plain_listener.ts": "stacks",
  "lib/serve.ts": "stacks",
  "lib/serve_grpc_options.ts": "stacks",
  "lib/serve_handler.ts": "stacks",
  "lib/configuration.ts": "mesh",
  "lib/mesh.ts": "mesh",
  "lib/mesh_admin_view.ts": "mesh",
  "lib/mesh_cluster_view.ts": "mesh",
  "lib/mesh_credentials.ts": "mesh",
  "lib/mesh_grpc_server.ts": "mesh",
  "lib/mesh_module_fetcher.ts": "mesh",
  "lib/mesh_runtime.ts": "mesh",
  "lib/mesh_server.ts": "mesh",
  "lib/mesh_snapshot.ts": "mesh",
  "lib/mesh_wasm.ts": "mesh",
  "mod.ts": "cli",
};

const ROOT = new URL("../", import.meta.url);

interface Source {
  readonly path: string;
  readonly text: string;
  readonly stage: string;
}

function* walk(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(new URL(folder, ROOT))) {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory) yield* walk(`${path}/`);
    else if (path.endsWith(".ts")) yield path;
  }
}

function stageOf(path: string): string {
  const named = FILES[path];
  if (named !== undefined) return named;
  if (path.startsWith("filters/")) return "filters";
  return path.split("/")[1]!;
}

function sources(): Source[] {
  return [...walk("lib/"), ...walk("filters/"), "mod.ts"]
    .filter((path) => !path.startsWith("lib/protobuf/gen/"))
    .map((path) => ({ path, text: Deno.readTextFileSync(new URL(path, ROOT)), stage: stageOf(path) }));
}

/** Comments and template text aside, roughly: enough to look for forbidden words. */
function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");
}

Deno.test("every file belongs to a known stage", () => {
  const strangers = sources().filter(({ stage }) => !ORDER.includes(stage)).map(({ path }) => path);
  assert.deepEqual(strangers, []);
});

Deno.test("imports point one way", () => {
  const back: string[] = [];
  for (const { path, text, stage } of sources()) {
    for (const [, specifier] of code(text).matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) {
      const target = new URL(specifier!, new URL(path, ROOT)).pathname.slice(ROOT.pathname.length);
      if (!target.endsWith(".ts")) continue;
      if (ORDER.indexOf(stageOf(target)) > ORDER.indexOf(stage)) back.push(`${path} -> ${target}`);
    }
  }
  assert.deepEqual(back, []);
});

Deno.test("external packages are named through the import map only", () => {
  const direct: string[] = [];
  for (const { path, text } of sources()) {
    if (/from "(npm|jsr|https?):/.test(code(text))) direct.push(path);
  }
  assert.deepEqual(direct, []);
});

Deno.test("sockets are opened in transport/ only", () => {
  const elsewhere: string[] = [];
  const forbidden =
    /\bDeno\.(connect|connectTls|listen|listenTls|listenDatagram|serve|resolveDns)\(|"node:(net|tls|http|https|http2|dns|dgram)"/;
  for (const { path, text, stage } of sources()) {
    if (stage !== "transport" && forbidden.test(code(text))) elsewhere.push(path);
  }
  assert.deepEqual(elsewhere, []);
});

Deno.test("the environment, the clock and randomness are injected", () => {
  const allowed = new Set(["lib/internal/clock.ts", "lib/testing/fake_clock.ts", "lib/bootstrap/environment.ts"]);
  const found: string[] = [];
  for (const { path, text } of sources()) {
    if (allowed.has(path)) continue;
    if (/\bDeno\.env\b|\bDate\.now\(\)|\bsetTimeout\(|\bsetInterval\(/.test(code(text))) found.push(path);
  }
  assert.deepEqual(found, []);
});

Deno.test("no default exports, no any, no console, no unfinished work", () => {
  const found: string[] = [];
  for (const { path, text } of sources()) {
    const body = code(text);
    if (/^export default /m.test(body)) found.push(`${path}: default export`);
    if (/(: any\b|\bas any\b|<any>)/.test(body)) found.push(`${path}: any`);
    if (/\bconsole\./.test(body) && !path.startsWith("lib/cli/")) found.push(`${path}: console`);
    if (/\b(TODO|FIXME|XXX)\b/.test(text)) found.push(`${path}: unfinished work`);
  }
  assert.deepEqual(found, []);
});

Deno.test("mod.ts holds a module doc and export lines, nothing else", () => {
  for (const { path, text } of sources()) {
    if (!path.endsWith("mod.ts")) continue;
    const rest = code(text).replace(/export (type )?\{[\s\S]*?\} from "[^"]+";/g, "").replace(
      /export (type )?\* from "[^"]+";/g,
      "",
    );
    assert.equal(rest.trim(), "", `${path} holds more than exports`);
  }
});
