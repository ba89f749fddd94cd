import { DOCKER_HUB } from "./image_reference.ts";

/** What a registry is shown. Secret. */
export type RegistryCredentials =
  | { readonly kind: "basic"; readonly username: string; readonly password: string }
  | { readonly kind: "token"; readonly token: string };

interface AuthEntry {
  readonly auth?: unknown;
  readonly username?: unknown;
  readonly password?: unknown;
  readonly registrytoken?: unknown;
}

/** The key of Docker Hub in these files. */
const HUB_KEY = "https://index.docker.io/v1/";

/**
 * The credentials for a registry in a Docker configuration (`.dockerconfigjson`, `config.json`); `null` where there are
 * none. Credential helpers are programs, which are not run.
 *
 * @throws {Error} When it is no such file; the message does not quote it.
 */
export function registryCredentials(config: string, registry: string): RegistryCredentials | null {
  const auths = authsOf(config);
  const wanted = registry === DOCKER_HUB ? HUB_KEY : registry;
  const key = Object.hasOwn(auths, wanted) ? wanted : Object.keys(auths).find((key) => hostOf(key) === hostOf(wanted));
  const entry = key === undefined ? undefined : auths[key];
  if (typeof entry !== "object" || entry === null) return null;
  return credentialsOf(entry as AuthEntry);
}

function authsOf(config: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(config);
  } catch {
    // The parser quotes what it cannot read.
    throw new Error("The pull secret is not valid JSON");
  }
  const auths = (parsed as { auths?: unknown } | null)?.auths;
  return typeof auths === "object" && auths !== null ? auths as Record<string, unknown> : {};
}

function credentialsOf({ auth, username, password, registrytoken }: AuthEntry): RegistryCredentials | null {
  if (typeof registrytoken === "string" && registrytoken !== "") return { kind: "token", token: registrytoken };
  if (typeof auth === "string" && auth !== "") {
    let text: string;
    try {
      text = new TextDecoder().decode(Uint8Array.fromBase64(auth));
    } catch {
      throw new Error("The pull secret has an 'auth' that is not base64");
    }
    const colon = text.indexOf(":");
    if (colon === -1) throw new Error("The pull secret has an 'auth' without a colon in it");
    return { kind: "basic", username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, "") };
  }
  if (typeof username !== "string" || username === "") return null;
  return { kind: "basic", username, password: typeof password === "string" ? password : "" };
}

/** Host and port of a key, which may be a URL. */
function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, "").replace(/\/.*$/s, "").toLowerCase();
}
