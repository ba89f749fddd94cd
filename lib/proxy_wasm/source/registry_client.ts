import type { AuthChallenge } from "./auth_challenge.ts";
import { parseAuthChallenge } from "./auth_challenge.ts";
import type { RegistryCredentials } from "./docker_config.ts";
import { FetchFailure } from "./fetch_failure.ts";
import type { Downloaded, HttpGet } from "./http_get.ts";
import { MANIFEST_TYPES } from "./image_manifest.ts";
import { isLoopback, shownUrl } from "./module_url.ts";
import { sha256 } from "./sha256.ts";

/** What a {@linkcode RegistryClient} works with. */
export interface RegistryClientOptions {
  readonly http: HttpGet;
  /** Host and port. */
  readonly registry: string;
  readonly repository: string;
  /** `null` asks without. */
  readonly credentials: RegistryCredentials | null;
  /** Whether the registry may have a certificate that nobody vouches for, or none at all. */
  readonly insecure: boolean;
  readonly signal: AbortSignal;
}

const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
const MAX_TOKEN_BYTES = 1024 * 1024;

/**
 * Reads from one repository (OCI distribution specification, the pulling part). It asks without credentials first and
 * answers the challenge that comes back: a token of the service the registry names, or the credentials themselves.
 */
export class RegistryClient {
  readonly #options: RegistryClientOptions;
  #scheme: "https" | "http" | null;
  #authorization: string | null;

  /** @param options Where to read, and as whom. */
  constructor(options: RegistryClientOptions) {
    this.#options = options;
    this.#scheme = null;
    this.#authorization = options.credentials?.kind === "token" ? `Bearer ${options.credentials.token}` : null;
  }

  /**
   * A manifest or index by tag or digest, and its own digest.
   *
   * @throws {FetchFailure} When it cannot be had, or is not what the digest says.
   */
  async manifest(reference: string): Promise<{ digest: string; bytes: Uint8Array }> {
    const accept = MANIFEST_TYPES.join(", ");
    const { status, headers, content } = await this.#get(`manifests/${reference}`, { accept }, MAX_MANIFEST_BYTES);
    if (status === 404) throw new FetchFailure(`the registry has no image '${reference}' there; check its name`, false);
    this.#expectOk(status, `the manifest '${reference}'`);
    const digest = `sha256:${sha256(content)}`;
    const expected = reference.startsWith("sha256:") ? reference : headers.get("docker-content-digest") ?? digest;
    if (expected !== digest) {
      throw new FetchFailure(`the manifest has digest '${digest}', which does not match '${expected}'`, true);
    }
    return { digest, bytes: content };
  }

  /**
   * A blob by digest.
   *
   * @param maxBytes Most bytes taken.
   * @throws {FetchFailure} When it cannot be had, or is not what the digest says.
   */
  async blob(digest: string, maxBytes: number): Promise<Uint8Array> {
    const { status, content } = await this.#get(`blobs/${digest}`, {}, maxBytes);
    this.#expectOk(status, `the layer '${digest}'`);
    const actual = `sha256:${sha256(content)}`;
    if (actual !== digest) {
      throw new FetchFailure(`the layer has digest '${actual}', which does not match '${digest}'`, true);
    }
    return content;
  }

  async #get(path: string, headers: Record<string, string>, maxBytes: number): Promise<Downloaded> {
    const answer = await this.#ask(path, headers, maxBytes);
    if (answer.status !== 401 || this.#options.credentials?.kind === "token") return answer;
    const challenges = answer.headers.getAll("www-authenticate").map(parseAuthChallenge).filter((item) =>
      item !== null
    );
    this.#authorization = await this.#answer(challenges);
    return await this.#ask(path, headers, maxBytes);
  }

  /** Over TLS; a registry that may be insecure, and speaks no TLS, is asked in plaintext. */
  async #ask(path: string, headers: Record<string, string>, maxBytes: number): Promise<Downloaded> {
    const { http, registry, repository, insecure, signal } = this.#options;
    const authorization = this.#authorization;
    const ask = (scheme: "https" | "http") =>
      http.get({
        url: `${scheme}://${hostOf(registry)}/v2/${repository}/${path}`,
        headers: authorization === null ? headers : { ...headers, authorization },
        maxBytes,
        insecure,
        signal,
      });
    if (this.#scheme !== null) return await ask(this.#scheme);
    const plaintext = insecure || isLoopback(hostnameOf(registry));
    if (plaintext && !await this.#speaksTls()) {
      this.#scheme = "http";
    } else {
      this.#scheme = "https";
    }
    return await ask(this.#scheme);
  }

  /** Whether anything comes back over TLS, whatever it is. One try: a plaintext server never speaks it. */
  async #speaksTls(): Promise<boolean> {
    const { http, registry, insecure, signal } = this.#options;
    try {
      const url = `https://${hostOf(registry)}/v2/`;
      await http.get({ url, headers: {}, maxBytes: MAX_TOKEN_BYTES, insecure, signal, maxTries: 1 });
      return true;
    } catch (error) {
      signal.throwIfAborted();
      // Answered and not understood is answered; a certificate that is refused is TLS, too.
      return error instanceof FetchFailure && (error.answered || !error.retryable);
    }
  }

  async #answer(challenges: readonly AuthChallenge[]): Promise<string> {
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    if (bearer !== undefined) return `Bearer ${await this.#token(bearer)}`;
    const basic = challenges.some(({ scheme }) => scheme === "basic") ? this.#basic() : null;
    if (basic !== null) return basic;
    throw new FetchFailure(
      challenges.length === 0
        ? "the registry refuses access without saying how to get it"
        : `the registry asks for credentials; set imagePullSecret to a Secret that has them for '${this.#options.registry}'`,
      false,
    );
  }

  #basic(): string | null {
    const { credentials } = this.#options;
    if (credentials?.kind !== "basic") return null;
    const user = new TextEncoder().encode(`${credentials.username}:${credentials.password}`);
    return `Basic ${user.toBase64()}`;
  }

  async #token({ parameters }: AuthChallenge): Promise<string> {
    const { http, repository, insecure, signal } = this.#options;
    const realm = URL.parse(parameters.get("realm") ?? "");
    const plaintext = insecure || (realm !== null && isLoopback(realm.hostname));
    if (realm === null || (realm.protocol !== "https:" && !(plaintext && realm.protocol === "http:"))) {
      const value = shownUrl(parameters.get("realm") ?? "");
      throw new FetchFailure(
        `the registry names no service of tokens that may be asked, current realm is '${value}'`,
        false,
      );
    }
    const service = parameters.get("service");
    if (service !== undefined) realm.searchParams.set("service", service);
    realm.searchParams.set("scope", parameters.get("scope") ?? `repository:${repository}:pull`);
    const basic = this.#basic();
    const headers: Record<string, string> = basic === null ? {} : { authorization: basic };
    const { status, content } = await http.get({
      url: realm.href,
      headers,
      maxBytes: MAX_TOKEN_BYTES,
      insecure,
      signal,
    });
    this.#expectOk(status, "a token");
    let answer: { token?: unknown; access_token?: unknown } | null;
    try {
      answer = JSON.parse(new TextDecoder().decode(content));
    } catch {
      answer = null;
    }
    const token = answer?.token ?? answer?.access_token;
    if (typeof token === "string" && /^[\x21-\x7e]+$/.test(token)) return token;
    throw new FetchFailure(`the service of tokens at '${shownUrl(realm.href)}' gave none`, false);
  }

  #expectOk(status: number, what: string): void {
    if (status === 200) return;
    const { credentials, registry } = this.#options;
    const why = status === 401 || status === 403
      ? credentials === null
        ? `; set imagePullSecret to a Secret that has credentials for '${registry}'`
        : `; check the credentials for '${registry}' in the pull secret`
      : "";
    throw new FetchFailure(`the registry refuses ${what} with status '${status}'${why}`, false);
  }
}

/** Docker Hub answers under another name than images have. */
function hostOf(registry: string): string {
  return registry === "index.docker.io" ? "registry-1.docker.io" : registry;
}

function hostnameOf(registry: string): string {
  return registry.replace(/:\d+$/, "");
}
