import { Buffer } from "node:buffer";
import { MeshError } from "../errors.ts";
import { type ControlChannelTls, openControlChannel } from "../grpc/control_channel.ts";
import { type Clock, systemClock } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import type { Random } from "../internal/random.ts";
import { formatAddress } from "../internal/socket_address.ts";
import { decode, encode } from "../protobuf/registry.ts";
import { type Connector, createConnector } from "../transport/connector.ts";
import type { HandleRegistry } from "../transport/handle_registry.ts";
import { matchHostname } from "../transport/peer_rules.ts";
import type { ClientTls } from "../transport/tls_options.ts";
import { CallFailure, explainFailure, isPermanent, isRetriable } from "./ca_failure.ts";
import { sleep } from "../internal/sleep.ts";
import type { TokenSource } from "./token_source.ts";

/** Settings of {@linkcode CaClient}. */
export interface CaClientOptions {
  readonly hostname: string;
  readonly port: number;
  /** `null` speaks plaintext and never sends the token (Istio: only for an address that ends with `:15010`). */
  readonly tls: ControlChannelTls | null;
  /** Reads the roots again before each try: a mesh that rotates its root changes the file. @default {those of `tls`} */
  readonly roots?: () => Promise<string | null>;
  /** Asked again before each request. */
  readonly token: TokenSource;
  /** Metadata `ClusterID`. */
  readonly clusterId: string;
  /** More metadata (`CA_HEADER_*`), names in lower case. @default {{}} */
  readonly headers?: Readonly<Record<string, string>>;
  /** Name of a signer, for CAs that have several (`ISTIO_META_CERT_SIGNER`). @default {null} */
  readonly certSigner?: string | null;
  /** Milliseconds for one try. @default {10_000} */
  readonly timeoutMs?: number;
  readonly registry: HandleRegistry;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** What the CA has answered. */
export interface CertificateReply {
  /** Leaf first, then intermediates, PEM. */
  readonly chain: string;
  /** The CA's roots, PEM; may hold several certificates. */
  readonly roots: string;
}

const UNAVAILABLE = 14;
const METHOD = "/istio.v1.auth.IstioCertificateService/CreateCertificate";
/** Istio's `pkg/security/retry.go`: five retries, 100 ms doubled each time, 10 % jitter. */
const MAX_RETRIES = 5;
const FIRST_DELAY_MS = 100;
const JITTER = 0.1;

/** Asks an Istio CA for certificates: `istio.v1.auth.IstioCertificateService`. */
export class CaClient {
  readonly #options: CaClientOptions;
  readonly #connector: Connector;
  #tls: ControlChannelTls | null;
  /** Made once for the same roots: verified chains are remembered by the identity of the bundle. */
  #probeTls: ClientTls | null;

  /** @param options Where the CA is, and as whom to ask. */
  constructor(options: CaClientOptions) {
    const { tls, registry, clock } = options;
    this.#options = options;
    this.#connector = createConnector({ registry, clock });
    this.#tls = tls;
    this.#probeTls = tls === null ? null : probeTls(tls);
  }

  /** Where the CA is, for messages. */
  get address(): string {
    return formatAddress(this.#options);
  }

  /**
   * Has a certificate signed. Transient failures are tried again five times.
   *
   * @param csr PKCS#10, PEM.
   * @param ttlSeconds Wanted lifetime; 0 leaves it to the CA.
   * @param signal Gives up when aborted.
   * @throws {MeshError} `IDENTITY_REJECTED` when the CA refuses (with what to check), `CONTROL_PLANE_UNAVAILABLE` when
   * it cannot be reached or answers nonsense.
   */
  async sign(csr: string, ttlSeconds: number, signal: AbortSignal): Promise<CertificateReply> {
    const { clock, random, logger } = this.#options;
    for (let tries = 1;; tries++) {
      signal.throwIfAborted();
      let token: string | null = null;
      try {
        await this.#readRoots();
        await this.#probe(signal);
        token = await this.#token();
        return await this.#call(csr, ttlSeconds, token, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof CallFailure)) throw error;
        if (tries > MAX_RETRIES || !isRetriable(error)) throw this.#toError(error, token);
        const delay = FIRST_DELAY_MS * 2 ** (tries - 1) * (1 + (random() * 2 - 1) * JITTER);
        logger.log("debug", `Asking the CA at '${this.address}' again in ${Math.round(delay)} ms: ${error.message}`);
        await sleep(clock, delay, signal);
      }
    }
  }

  async #readRoots(): Promise<void> {
    const { roots } = this.#options;
    if (this.#tls === null || roots === undefined) return;
    const now = await roots();
    if (now === this.#tls.roots) return;
    this.#tls = { ...this.#tls, roots: now };
    this.#probeTls = probeTls(this.#tls);
  }

  /**
   * Connects to the CA and verifies it before the token is asked for. The library's own channel accepts every server
   * that the public roots vouch for beside the configured ones, and it cannot say why it refuses one.
   */
  async #probe(signal: AbortSignal): Promise<void> {
    const { hostname, port, timeoutMs = 10_000 } = this.#options;
    const address = { hostname, port };
    try {
      const stream = await this.#connector.connect({
        address,
        tls: this.#probeTls,
        connectTimeoutMs: timeoutMs,
        signal,
      });
      stream.destroy();
    } catch (error) {
      if (!(error instanceof MeshError) || error.code === "PERMISSION_MISSING") throw error;
      throw new CallFailure(UNAVAILABLE, error.message, error.code === "PEER_NOT_VERIFIED");
    }
  }

  /** The token, on verified TLS only: in plaintext anybody on the way could use it. */
  async #token(): Promise<string | null> {
    if (this.#options.tls === null) return null;
    const { token } = this.#options;
    try {
      return await token.read();
    } catch (error) {
      const denied = error instanceof Deno.errors.NotCapable;
      throw new MeshError(
        denied ? "PERMISSION_MISSING" : "CONFIG_INVALID",
        `Cannot read the token from ${token.description}: ${(error as Error).message}`,
        { cause: error },
      );
    }
  }

  async #call(csr: string, ttlSeconds: number, token: string | null, signal: AbortSignal): Promise<CertificateReply> {
    const { hostname, port, clusterId, headers = {}, certSigner, registry, timeoutMs = 10_000 } = this.#options;
    const channel = await openControlChannel({ hostname, port, tls: this.#tls, registry });
    try {
      // It may have come while the token was read or the library loaded: a listener would not be told.
      signal.throwIfAborted();
      const metadata = new channel.grpc.Metadata();
      for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
      if (clusterId !== "") metadata.set("clusterid", clusterId);
      if (token !== null) metadata.set("authorization", `Bearer ${token}`);
      const request = encode("istio.v1.auth.IstioCertificateRequest", {
        csr,
        validityDuration: ttlSeconds,
        ...(certSigner ? { metadata: { fields: { CertSigner: { stringValue: certSigner } } } } : {}),
      });
      const response = await new Promise<Uint8Array>((resolve, reject) => {
        const call = channel.client.makeUnaryRequest<Uint8Array, Uint8Array>(
          METHOD,
          (bytes) => Buffer.from(bytes),
          (bytes) => bytes,
          request,
          metadata,
          // The library counts deadlines on the clock of the system.
          { deadline: systemClock.now() + timeoutMs },
          (error, reply) => {
            signal.removeEventListener("abort", cancel);
            if (error !== null) reject(new CallFailure(error.code, error.details));
            else resolve(reply ?? new Uint8Array());
          },
        );
        const cancel = (): void => call.cancel();
        signal.addEventListener("abort", cancel, { once: true });
      });
      return readReply(response);
    } finally {
      await channel.close();
    }
  }

  #toError(failure: CallFailure, token: string | null): MeshError {
    const { token: source, tls, clock } = this.#options;
    const problem = explainFailure(failure, {
      tokenDescription: source.description,
      token,
      plaintext: tls === null,
      serverName: tls?.serverName ?? null,
      now: clock.now(),
    });
    return new MeshError(
      isPermanent(failure) ? "IDENTITY_REJECTED" : "CONTROL_PLANE_UNAVAILABLE",
      `Cannot get a certificate from the CA at '${this.address}'`,
      { cause: failure, problems: [problem] },
    );
  }
}

function probeTls({ roots, serverName }: ControlChannelTls): ClientTls {
  return {
    certificate: null,
    trust: roots === null ? "system" : { roots: [roots], version: 0 },
    acceptSans: matchHostname(serverName),
    alpn: ["h2"],
    sni: serverName,
  };
}

/** The last element holds the roots; an answer without it would leave us without anybody to trust. */
function readReply(response: Uint8Array): CertificateReply {
  let chain: readonly string[];
  try {
    chain = decode("istio.v1.auth.IstioCertificateResponse", response).certChain ?? [];
  } catch (error) {
    throw new CallFailure(13, `its answer cannot be read (${(error as Error).message})`);
  }
  if (chain.length < 2) throw new CallFailure(13, `its answer has '${chain.length}' certificates, expected 2 or more`);
  return { chain: chain.slice(0, -1).map(withLineEnd).join(""), roots: chain.at(-1)! };
}

function withLineEnd(pem: string): string {
  return pem.endsWith("\n") ? pem : `${pem}\n`;
}
