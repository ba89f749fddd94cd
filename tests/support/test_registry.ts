/** A container registry on loopback: serves real image layouts, asks for credentials, and fails as it is told. */
import { createHash } from "node:crypto";
import { gzip, tar } from "./tar.ts";

/** How an image holds its module. */
export type ImageForm = "docker" | "oci-compat" | "oci-artifact" | "oci-wasm";

/** What a request is answered with instead of what it asks for. */
export type RegistryFault =
  | { readonly status: number }
  /** Says that there is more, and hangs up. */
  | { readonly truncate: true }
  /** Other bytes of the same length. */
  | { readonly corrupt: true }
  /** Nothing, until the registry closes. */
  | { readonly hang: true }
  | { readonly redirect: string };

/** Settings of {@linkcode TestRegistry}. */
export interface TestRegistryOptions {
  /** How access is asked for. @default {"none"} */
  readonly auth?: "none" | "basic" | "bearer";
  readonly username?: string;
  readonly password?: string;
  /** Speaks TLS with this certificate. @default {plaintext} */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Where tokens are given, instead of here. */
  readonly realm?: string;
}

const ARTIFACT_TYPES: Record<ImageForm, { manifest: string; config: string; layer: string }> = {
  docker: {
    manifest: "application/vnd.docker.distribution.manifest.v2+json",
    config: "application/vnd.docker.container.image.v1+json",
    layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  },
  "oci-compat": {
    manifest: "application/vnd.oci.image.manifest.v1+json",
    config: "application/vnd.oci.image.config.v1+json",
    layer: "application/vnd.oci.image.layer.v1.tar+gzip",
  },
  "oci-artifact": {
    manifest: "application/vnd.oci.image.manifest.v1+json",
    config: "application/vnd.module.wasm.config.v1+json",
    layer: "application/vnd.module.wasm.content.layer.v1+wasm",
  },
  "oci-wasm": {
    manifest: "application/vnd.oci.image.manifest.v1+json",
    config: "application/vnd.wasm.config.v0+json",
    layer: "application/wasm",
  },
};
const INDEX = "application/vnd.oci.image.index.v1+json";

interface Stored {
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** SHA-256, hexadecimal. */
export function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** See the module. */
export class TestRegistry {
  /** `METHOD PATH` of every request, in order. */
  readonly requests: string[] = [];
  /** `authorization` of every request, `""` for none. */
  readonly authorizations: string[] = [];
  /** What the next requests for a path are answered with, by a part of the path. */
  readonly faults = new Map<string, RegistryFault[]>();
  readonly #options: TestRegistryOptions;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #blobs = new Map<string, Stored>();
  readonly #manifests = new Map<string, Stored>();
  readonly #files = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #closing = Promise.withResolvers<void>();
  readonly #stop = new AbortController();

  private constructor(options: TestRegistryOptions) {
    this.#options = options;
    const settings = { hostname: "127.0.0.1", port: 0, onListen: () => {}, signal: this.#stop.signal };
    const handler = (request: Request) => this.#answer(request);
    this.#server = options.tls === undefined
      ? Deno.serve(settings, handler)
      : Deno.serve({ ...settings, ...options.tls }, handler);
  }

  /** Runs a test on a registry and closes it. */
  static async use(test: (registry: TestRegistry) => Promise<void>, options: TestRegistryOptions = {}): Promise<void> {
    const registry = new TestRegistry(options);
    try {
      await test(registry);
    } finally {
      await registry.close();
    }
  }

  /** `127.0.0.1:PORT`. */
  get host(): string {
    return `127.0.0.1:${this.#server.addr.port}`;
  }

  /** Serves a file at `/files/NAME`; its URL. */
  file(name: string, content: Uint8Array): string {
    this.#files.set(`/files/${name}`, new Uint8Array(content));
    return `${this.#options.tls === undefined ? "http" : "https"}://${this.host}/files/${name}`;
  }

  /** Stores an image under a name and tag; the digest of its manifest. */
  async image(repository: string, tag: string, module: Uint8Array, form: ImageForm = "oci-compat"): Promise<string> {
    const types = ARTIFACT_TYPES[form];
    const archived = form === "docker" || form === "oci-compat";
    const content = archived ? await gzip(tar({ "etc/readme": new Uint8Array(3), "./plugin.wasm": module })) : module;
    const layers = [this.#blob(types.layer, content)];
    if (form === "docker") layers.unshift(this.#blob(types.layer, await gzip(tar({ base: new Uint8Array(9) }))));
    if (form === "oci-artifact") {
      layers.push(this.#blob("application/vnd.module.wasm.runtime-config.v1+json", new Uint8Array(2)));
    }
    return this.manifest(repository, tag, types.manifest, {
      schemaVersion: 2,
      mediaType: types.manifest,
      config: this.#blob(types.config, new TextEncoder().encode("{}")),
      layers,
    });
  }

  /** Stores an index that leads to manifests; its digest. */
  index(repository: string, tag: string, manifests: readonly object[]): string {
    return this.manifest(repository, tag, INDEX, { schemaVersion: 2, mediaType: INDEX, manifests });
  }

  /** Stores a manifest, whatever is in it; its digest. */
  manifest(repository: string, tag: string, type: string, content: object | string): string {
    const bytes = new TextEncoder().encode(typeof content === "string" ? content : JSON.stringify(content));
    const digest = `sha256:${digestOf(bytes)}`;
    for (const name of [tag, digest]) this.#manifests.set(`${repository} ${name}`, { type, bytes });
    return digest;
  }

  /** Answers the next requests for a path otherwise. */
  fail(path: string, ...faults: RegistryFault[]): void {
    this.faults.set(path, faults);
  }

  /** How many requests had this in their path. */
  count(part: string): number {
    return this.requests.filter((request) => request.includes(part)).length;
  }

  async close(): Promise<void> {
    this.#closing.resolve();
    this.#stop.abort();
    await this.#server.finished;
  }

  #blob(mediaType: string, content: Uint8Array): { mediaType: string; digest: string; size: number } {
    const digest = `sha256:${digestOf(content)}`;
    this.#blobs.set(digest, { type: "application/octet-stream", bytes: new Uint8Array(content) });
    return { mediaType, digest, size: content.length };
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const authorization = request.headers.get("authorization") ?? "";
    this.requests.push(`${request.method} ${pathname}${search}`);
    this.authorizations.push(authorization);
    const fault = [...this.faults].find(([part]) => pathname.includes(part))?.[1].shift();
    if (fault !== undefined && "status" in fault) return new Response("failed", { status: fault.status });
    if (fault !== undefined && "redirect" in fault) {
      return new Response(null, { status: 307, headers: { location: fault.redirect } });
    }
    if (fault !== undefined && "hang" in fault) {
      await this.#closing.promise;
      return new Response(null, { status: 503 });
    }
    if (pathname === "/token") return this.#token(authorization);
    const refused = pathname.startsWith("/v2/") ? this.#refusal(authorization, pathname) : null;
    if (refused !== null) return refused;
    const stored = this.#find(pathname);
    if (stored === null) return new Response("unknown", { status: 404 });
    return this.#send(stored, fault);
  }

  #find(pathname: string): Stored | null {
    if (pathname === "/v2/") return { type: "application/json", bytes: new TextEncoder().encode("{}") };
    const file = this.#files.get(pathname);
    if (file !== undefined) return { type: "application/wasm", bytes: file };
    const [, repository, kind, name] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(pathname) ?? [];
    return (kind === "manifests" ? this.#manifests.get(`${repository} ${name}`) : this.#blobs.get(name ?? "")) ?? null;
  }

  #send({ type, bytes }: Stored, fault: RegistryFault | undefined): Response {
    const headers: Record<string, string> = { "content-type": type, "content-length": String(bytes.length) };
    if (fault === undefined) return new Response(bytes, { headers });
    if ("corrupt" in fault) return new Response(bytes.map((byte) => byte ^ 0x55), { headers });
    const half = bytes.subarray(0, bytes.length >> 1);
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(half),
      pull: (controller) => controller.close(),
    });
    return new Response(stream, { headers });
  }

  get #basic(): string {
    const { username = "user", password = "pass" } = this.#options;
    return `Basic ${btoa(`${username}:${password}`)}`;
  }

  #token(authorization: string): Response {
    return authorization === this.#basic
      ? Response.json({ token: "the-token", expires_in: 60 })
      : new Response("who?", { status: 401 });
  }

  #refusal(authorization: string, pathname: string): Response | null {
    const { auth = "none", realm = `http://${this.host}/token` } = this.#options;
    if (auth === "none" || authorization === (auth === "basic" ? this.#basic : "Bearer the-token")) return null;
    const repository = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(pathname)?.[1];
    const scope = repository === undefined ? "" : `,scope="repository:${repository}:pull"`;
    const challenge = auth === "basic" ? 'Basic realm="here"' : `Bearer realm="${realm}",service="tests"${scope}`;
    return new Response("no", { status: 401, headers: { "www-authenticate": challenge } });
  }
}

/** A Docker configuration with credentials for a registry. */
export function dockerConfig(host: string, username = "user", password = "pass"): string {
  return JSON.stringify({ auths: { [host]: { auth: btoa(`${username}:${password}`) } } });
}
