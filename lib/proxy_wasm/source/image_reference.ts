import { FetchFailure } from "./fetch_failure.ts";

/** What names an image in a registry. */
export interface ImageReference {
  /** Host and port, for example `ghcr.io` or `localhost:5000`. */
  readonly registry: string;
  /** For example `istio-testing/filters/stamp`. */
  readonly repository: string;
  /** `null` where only a digest was written. */
  readonly tag: string | null;
  /** For example `sha256:...`; `null` where none was written. */
  readonly digest: string | null;
}

/** The registry of Docker Hub, for references that name none. */
export const DOCKER_HUB = "index.docker.io";

const HOST = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::\d{1,5})?$/i;
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/**
 * Reads `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`, as Docker does.
 *
 * @param text Without the scheme `oci://`.
 * @throws {FetchFailure} When it is none.
 */
export function parseImageReference(text: string): ImageReference {
  const wrong = (what: string, value: string) =>
    new FetchFailure(`it has no valid ${what}, current value is '${value}'`, false);
  const [named, digest, more] = text.split("@") as [string, string | undefined, string | undefined];
  if (more !== undefined || (digest !== undefined && !DIGEST.test(digest))) {
    throw wrong("digest (sha256: and 64 hexadecimal digits)", text.slice(named.length + 1));
  }
  const slash = named.indexOf("/");
  const first = slash === -1 ? "" : named.slice(0, slash);
  const hasRegistry = /[.:]/.test(first) || first === "localhost";
  const registry = hasRegistry ? first : DOCKER_HUB;
  if (!HOST.test(registry)) throw wrong("registry", registry);
  const path = hasRegistry ? named.slice(slash + 1) : named;
  const colon = path.lastIndexOf(":");
  const tag = colon === -1 ? null : path.slice(colon + 1);
  if (tag !== null && !TAG.test(tag)) throw wrong("tag", tag);
  const written = colon === -1 ? path : path.slice(0, colon);
  const official = isDockerHub(registry) && !written.includes("/");
  const repository = official ? `library/${written}` : written;
  if (!REPOSITORY.test(repository)) throw wrong("repository", written);
  return {
    registry: isDockerHub(registry) ? DOCKER_HUB : registry,
    repository,
    tag: tag ?? (digest === undefined ? "latest" : null),
    digest: digest ?? null,
  };
}

function isDockerHub(registry: string): boolean {
  return registry === "docker.io" || registry === DOCKER_HUB;
}
