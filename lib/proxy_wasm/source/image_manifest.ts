import { FetchFailure } from "./fetch_failure.ts";

/** Media types of manifests and indexes, in the order they are preferred. */
export const MANIFEST_TYPES: readonly string[] = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];

/** A blob of an image. */
export interface Layer {
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

/** What a registry has under a name: an image, or a list of images to choose from. */
export type Manifest =
  | { readonly kind: "image"; readonly layers: readonly Layer[] }
  | { readonly kind: "index"; readonly chosen: string };

/** How a layer holds a module. */
export interface ModuleLayer extends Layer {
  /** An archive with a file `plugin.wasm` in it, or the module itself. */
  readonly form: "archive" | "module";
}

/** Istio: "compat" images, whose last layer is an archive. */
const ARCHIVES: ReadonlySet<string> = new Set([
  "application/vnd.docker.image.rootfs.diff.tar.gzip",
  "application/vnd.oci.image.layer.v1.tar+gzip",
]);
/** Istio's artifacts, and what the tools of the CNCF's Wasm group write. */
const MODULES: ReadonlySet<string> = new Set([
  "application/vnd.module.wasm.content.layer.v1+wasm",
  "application/vnd.wasm.content.layer.v1+wasm",
  "application/wasm",
]);
const DIGEST = /^sha256:[0-9a-f]{64}$/;

interface RawDescriptor {
  readonly mediaType?: unknown;
  readonly digest?: unknown;
  readonly size?: unknown;
  readonly platform?: { readonly os?: unknown; readonly architecture?: unknown };
}

/** Reads a manifest or an index. @throws {FetchFailure} When it is neither. */
export function parseManifest(bytes: Uint8Array): Manifest {
  let parsed: { layers?: unknown; manifests?: unknown };
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) ?? {};
  } catch {
    throw new FetchFailure("the manifest of the image is not valid JSON", false);
  }
  if (Array.isArray(parsed.manifests)) return { kind: "index", chosen: choose(parsed.manifests) };
  if (!Array.isArray(parsed.layers)) throw new FetchFailure("the manifest of the image has no layers", false);
  return { kind: "image", layers: parsed.layers.map(layerOf) };
}

/** The layer that holds the module. @throws {FetchFailure} When none does. */
export function moduleLayer(layers: readonly Layer[]): ModuleLayer {
  const last = layers.at(-1);
  if (last !== undefined && ARCHIVES.has(last.mediaType)) return { ...last, form: "archive" };
  const module = layers.find(({ mediaType }) => MODULES.has(mediaType));
  if (module !== undefined) return { ...module, form: "module" };
  const found = layers.map(({ mediaType }) => mediaType).join("', '");
  throw new FetchFailure(
    `the image holds no Wasm module: its last layer must be an archive with plugin.wasm, or one layer a module, ` +
      `current media types are '${found}'`,
    false,
  );
}

/** Modules are the same on every platform: the usual one of Istio's tools, one for Wasm, or the first there is. */
function choose(manifests: readonly RawDescriptor[]): string {
  const of = (os: RegExp, architecture: string) =>
    manifests.find(({ platform }) => os.test(String(platform?.os)) && platform?.architecture === architecture);
  const chosen = of(/^linux$/, "amd64") ?? of(/^wasi/, "wasm") ?? manifests[0];
  if (chosen === undefined) throw new FetchFailure("the index of the image is empty", false);
  return digestOf(chosen);
}

function layerOf(raw: RawDescriptor): Layer {
  if (typeof raw?.mediaType !== "string" || typeof raw.size !== "number" || !(raw.size >= 0)) {
    throw new FetchFailure("the manifest of the image has a layer without media type or size", false);
  }
  return { mediaType: raw.mediaType, digest: digestOf(raw), size: raw.size };
}

function digestOf(raw: RawDescriptor): string {
  if (typeof raw?.digest === "string" && DIGEST.test(raw.digest)) return raw.digest;
  throw new FetchFailure(`the manifest of the image has no valid digest, current value is '${raw?.digest}'`, false);
}
