import type { Clock } from "../../internal/clock.ts";
import type { Logger } from "../../internal/logger.ts";
import { registryCredentials } from "./docker_config.ts";
import type { DiskCache } from "./disk_cache.ts";
import { FetchFailure } from "./fetch_failure.ts";
import type { HttpGet } from "./http_get.ts";
import { moduleLayer, parseManifest } from "./image_manifest.ts";
import { type ImageReference, parseImageReference } from "./image_reference.ts";
import { JoinedWork } from "./joined_work.ts";
import type { MemoryCache } from "./memory_cache.ts";
import type { ModuleRequest } from "./module_request.ts";
import { shownUrl } from "./module_url.ts";
import { RegistryClient } from "./registry_client.ts";
import { sha256 } from "./sha256.ts";
import { isWasm, moduleInDownload, moduleInLayer } from "./unpack_module.ts";

/** What a {@linkcode ModuleFetcher} works with. */
export interface ModuleFetcherOptions {
  readonly http: HttpGet;
  readonly memory: MemoryCache;
  /** `null` keeps modules in memory only. */
  readonly disk: DiskCache | null;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Most bytes of a module, and of what it comes in. Istio: 256 MiB. */
  readonly maxBytes: number;
  /**
   * Hosts, with their port where they have one, whose certificate need not be good and that may speak plaintext; `*` for
   * all. Istio: `WASM_INSECURE_REGISTRIES`.
   */
  readonly insecureRegistries: ReadonlySet<string>;
  /** The Docker configuration for images without a pull secret (`DOCKER_CONFIG`); `null` where there is none. */
  readonly dockerConfig: () => Promise<string | null>;
}

/** A module that was had, and the digest of the image it came in, where it came in one. */
interface Fetched {
  readonly bytes: Uint8Array;
  readonly digest: string;
  /** Digests of manifests, each as good as that of the module where one is asked for. */
  readonly images: readonly string[];
}

/**
 * Has Wasm modules fetched, checked and kept, as Istio's agent does before Envoy sees them.
 *
 * A module is kept by its own SHA-256; what a URL or the digest of an image stood for is kept beside it. The same
 * request at the same time is made once.
 */
export class ModuleFetcher {
  readonly #options: ModuleFetcherOptions;
  readonly #joined = new JoinedWork<Uint8Array>();
  /** What names stood for, as on disk. */
  readonly #references = new Map<string, string>();
  /** By object: the version that was served last, and with what. */
  readonly #served = new Map<string, { readonly version: string; readonly url: string; readonly digest: string }>();

  /** @param options Where modules come from and are kept. */
  constructor(options: ModuleFetcherOptions) {
    this.#options = options;
  }

  /**
   * The module.
   *
   * @param request Which, and as whom.
   * @param signal Gives up.
   * @throws {Error} When it cannot be had; the message names the URL and the reason, and no credentials.
   */
  async fetch(request: ModuleRequest, signal: AbortSignal): Promise<Uint8Array> {
    const { url, sha256: wanted, timeoutMs, pullPolicy, pullSecret, resource } = request;
    const secret = pullSecret === null ? null : sha256(pullSecret);
    const key = JSON.stringify([url, wanted, timeoutMs, pullPolicy, secret, resource]);
    return await this.#joined.join(key, (stop) => this.#bounded(request, stop), signal);
  }

  async #bounded(request: ModuleRequest, signal: AbortSignal): Promise<Uint8Array> {
    const { clock } = this.#options;
    const stop = new AbortController();
    const late = new FetchFailure(`it did not arrive within '${request.timeoutMs}' ms`, true);
    const timer = clock.timer(request.timeoutMs, () => stop.abort(late), { ref: true });
    const abort = () => stop.abort(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      return await this.#module(request, stop.signal);
    } catch (error) {
      signal.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`Cannot fetch module '${shownUrl(request.url)}': ${lowerFirst(reason)}`, { cause: error });
    } finally {
      timer.cancel();
      signal.removeEventListener("abort", abort);
    }
  }

  async #module(request: ModuleRequest, signal: AbortSignal): Promise<Uint8Array> {
    const { logger } = this.#options;
    const known = await this.#known(request);
    if (known !== null) return known;
    const started = this.#options.clock.monotonic();
    const fetched = request.url.startsWith("oci://")
      ? await this.#fromRegistry(request, signal)
      : await this.#fromServer(request, signal);
    if (!isWasm(fetched.bytes)) throw new FetchFailure("what was fetched is no Wasm module", false);
    if (request.sha256 !== "" && ![fetched.digest, ...fetched.images].includes(request.sha256)) {
      const actual = [fetched.digest, ...fetched.images].join("', '");
      throw new FetchFailure(`it has SHA-256 '${actual}', which does not match '${request.sha256}'`, false);
    }
    await this.#keep(request, fetched);
    logger.log("info", `Fetched Wasm module '${shownUrl(request.url)}'`, {
      sha256: fetched.digest,
      bytes: fetched.bytes.length,
      ms: Math.round(this.#options.clock.monotonic() - started),
    });
    return fetched.bytes;
  }

  /** The module where nothing has to be asked. */
  async #known(request: ModuleRequest): Promise<Uint8Array | null> {
    const { url, sha256: wanted, resource } = request;
    if (wanted !== "") {
      const own = await this.#kept(wanted) ?? await this.#keptImage(wanted);
      if (own !== null) return own;
    }
    if (!url.startsWith("oci://")) return null;
    const { digest } = referenceOf(url);
    if (digest !== null) return await this.#keptImage(digest.slice("sha256:".length));
    if (wanted !== "") return null;
    if (isKeptByTag(request)) {
      const known = await this.#reference(urlKey(url));
      if (known !== null) return await this.#kept(known);
    }
    // The very same object is not pulled twice, not even with `Always`: Istio's agent tells by its version.
    const served = resource === null ? undefined : this.#served.get(resource.name);
    if (served === undefined || served.version !== resource?.version || served.url !== url) return null;
    return await this.#kept(served.digest);
  }

  async #fromServer({ url, sha256: wanted }: ModuleRequest, signal: AbortSignal): Promise<Fetched> {
    const { http, maxBytes } = this.#options;
    const insecure = this.#isInsecure(URL.parse(url)?.host ?? "");
    const { status, content } = await http.get({ url, headers: {}, maxBytes, insecure, signal });
    if (status !== 200) throw new FetchFailure(`the server answered with status '${status}'`, false);
    // A digest may also be that of the archive a module comes in.
    const whole = sha256(content);
    const bytes = await moduleInDownload(content, maxBytes);
    return { bytes, digest: sha256(bytes), images: whole === wanted ? [whole] : [] };
  }

  async #fromRegistry({ url, pullSecret }: ModuleRequest, signal: AbortSignal): Promise<Fetched> {
    const { http, maxBytes, dockerConfig } = this.#options;
    if (pullSecret === "") {
      throw new FetchFailure(
        "its pull secret is missing; check that imagePullSecret names a Secret in the namespace",
        false,
      );
    }
    const { registry, repository, tag, digest } = referenceOf(url);
    const config = pullSecret ?? await dockerConfig();
    const credentials = config === null ? null : registryCredentials(config, registry);
    const insecure = this.#isInsecure(registry);
    const client = new RegistryClient({ http, registry, repository, credentials, insecure, signal });
    let manifest = await client.manifest(digest ?? tag!);
    const images = [manifest.digest];
    for (let parsed = parseManifest(manifest.bytes);; parsed = parseManifest(manifest.bytes)) {
      if (parsed.kind === "image") {
        const digests = images.map((image) => image.slice("sha256:".length));
        for (const image of digests) {
          const kept = await this.#keptImage(image);
          if (kept !== null) return { bytes: kept, digest: sha256(kept), images: digests };
        }
        const layer = moduleLayer(parsed.layers);
        const blob = await client.blob(layer.digest, maxBytes);
        const bytes = layer.form === "archive" ? await moduleInLayer(blob, maxBytes) : blob;
        return { bytes, digest: sha256(bytes), images: digests };
      }
      if (images.length > 3) throw new FetchFailure("the index of the image leads to indexes only", false);
      manifest = await client.manifest(parsed.chosen);
      images.push(manifest.digest);
    }
  }

  async #keep({ url, resource }: ModuleRequest, { bytes, digest, images }: Fetched): Promise<void> {
    const { memory, disk } = this.#options;
    memory.set(digest, bytes);
    await disk?.set(digest, bytes);
    for (const image of images) await this.#setReference(imageKey(image), digest);
    if (url.startsWith("oci://")) await this.#setReference(urlKey(url), digest);
    if (resource !== null) remember(this.#served, resource.name, { version: resource.version, url, digest });
  }

  async #kept(digest: string): Promise<Uint8Array | null> {
    const { memory, disk } = this.#options;
    const inMemory = memory.get(digest);
    if (inMemory !== null) return inMemory;
    const onDisk = await disk?.get(digest) ?? null;
    if (onDisk !== null) memory.set(digest, onDisk);
    return onDisk;
  }

  async #keptImage(image: string): Promise<Uint8Array | null> {
    const digest = await this.#reference(imageKey(image));
    return digest === null ? null : await this.#kept(digest);
  }

  async #reference(key: string): Promise<string | null> {
    return this.#references.get(key) ?? await this.#options.disk?.reference(key) ?? null;
  }

  async #setReference(key: string, digest: string): Promise<void> {
    remember(this.#references, key, digest);
    await this.#options.disk?.setReference(key, digest);
  }

  #isInsecure(host: string): boolean {
    const { insecureRegistries } = this.#options;
    return insecureRegistries.has("*") || insecureRegistries.has(host);
  }
}

function referenceOf(url: string): ImageReference {
  return parseImageReference(url.slice("oci://".length));
}

/** Whether an image is taken as known by its tag: by default all are but `latest`. */
function isKeptByTag({ url, pullPolicy }: ModuleRequest): boolean {
  return pullPolicy === null ? referenceOf(url).tag !== "latest" : pullPolicy === "IfNotPresent";
}

/** A control plane that names ever new modules does not grow what is remembered. */
const MAX_REMEMBERED = 1_000;

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > MAX_REMEMBERED) map.delete(map.keys().next().value!);
}

function urlKey(url: string): string {
  return `url ${url}`;
}

function imageKey(image: string): string {
  return `image ${image}`;
}

function lowerFirst(text: string): string {
  // What begins with a name or a quote is left as it is.
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
