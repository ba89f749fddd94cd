import { MeshError, type MeshErrorCode } from "../errors.ts";
import { Backoff } from "../internal/backoff.ts";
import type { Clock, Timer } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import type { Random } from "../internal/random.ts";
import type { HandleRegistry } from "../transport/handle_registry.ts";
import type { SecretProvider, TlsCertificate, TrustBundle } from "../transport/secret_provider.ts";
import type { CertificateSource, IssuedSecret } from "./certificate_source.ts";
import { checkSecret } from "./check_secret.ts";
import type { DiscoveredSecrets } from "./discovered_secrets.ts";
import { FileSecrets } from "./file_secrets.ts";
import { RENEWAL_BACKOFF, type RenewalPolicy, renewalTime } from "./renewal.ts";
import { sleep } from "../internal/sleep.ts";
import { parseSpiffeId } from "./spiffe.ts";
import { TrustStore } from "./trust_store.ts";

/** Settings of {@linkcode SecretManager}. */
export interface SecretManagerOptions {
  /** Where our certificate comes from. */
  readonly source: CertificateSource;
  /** Who we believe to be. A certificate for another namespace or service account is refused; `null` takes any. */
  readonly spiffeId: string | null;
  /** Part of the lifetime at which a certificate is renewed. @default {{}} */
  readonly renewal?: RenewalPolicy;
  /** Secrets the control plane serves by name (`credentialName`). @default {none} */
  readonly discovery?: DiscoveredSecrets;
  readonly registry: HandleRegistry;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Who we are in the mesh, as peers see it. Never the key. */
export interface IdentityView {
  /** For example `spiffe://cluster.local/ns/default/sa/sleep`. */
  readonly spiffeId: string;
  /** Start of validity, milliseconds since the epoch. */
  readonly notBefore: number;
  /** End of validity, milliseconds since the epoch. */
  readonly notAfter: number;
  /** Leaf first, PEM. */
  readonly chain: string;
}

/** Failures that another try cannot mend, at the start. */
const PERMANENT: ReadonlySet<MeshErrorCode> = new Set(["IDENTITY_REJECTED", "CONFIG_INVALID", "PERMISSION_MISSING"]);

/**
 * Keeps our certificate and the mesh's roots.
 *
 * States: *new* -> `start()` *waiting* (no certificate yet, tries again with back-off) -> *holding* (a timer renews it;
 * a failed renewal keeps it and tries again) -> `close()` *closed*. A certificate that has expired is not offered: new
 * connections then fail, they never go out in plaintext.
 */
export class SecretManager implements SecretProvider {
  readonly #options: SecretManagerOptions;
  readonly #trust = new TrustStore();
  readonly #files: FileSecrets;
  readonly #listeners = new Set<() => void>();
  readonly #closing = new AbortController();
  readonly #backoff: Backoff;
  #current: TlsCertificate | null = null;
  #version = 0;
  #timer: Timer | null = null;
  #renewing: Promise<void> | null = null;

  /** @param options Source, expectations and what it works with. */
  constructor(options: SecretManagerOptions) {
    this.#options = options;
    this.#files = new FileSecrets(options.clock, options.logger);
    this.#backoff = new Backoff({ ...RENEWAL_BACKOFF, random: options.random });
  }

  /**
   * Gets the first certificate. Transient failures are logged and tried again until the signal says stop.
   *
   * @throws {MeshError} `IDENTITY_REJECTED`, `CONFIG_INVALID` or `PERMISSION_MISSING` when trying again is pointless.
   * An abort rejects with the signal's reason.
   */
  async start(signal: AbortSignal | null = null): Promise<void> {
    const { clock, logger, source } = this.#options;
    const stop = signal === null ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    for (;;) {
      stop.throwIfAborted();
      try {
        this.#accept(await source.fetch(stop));
        return;
      } catch (error) {
        stop.throwIfAborted();
        if (isPermanent(error)) throw error;
        const delay = this.#backoff.next();
        logger.log(
          "warning",
          `No certificate from ${source.description} yet, trying again in ${seconds(delay)}: ${text(error)}`,
        );
        await sleep(clock, delay, stop);
      }
    }
  }

  /**
   * Our certificate as `default`, certificates in files as `file-cert:CHAIN~KEY`, others by the name the control plane
   * serves them under. An expired one is not offered.
   */
  certificate(name: string): TlsCertificate | null {
    const found = name === "default"
      ? this.#current
      : this.#options.discovery?.certificate(name) ?? this.#files.certificate(name);
    return found === null || found.notAfter <= this.#options.clock.now() ? null : found;
  }

  /** The mesh's roots as `ROOTCA`, roots in files as `file-root:PATH`. */
  trustBundle(name: string): TrustBundle | null {
    return name === "ROOTCA"
      ? this.#trust.bundle
      : this.#options.discovery?.trustBundle(name) ?? this.#files.trustBundle(name);
  }

  /** Asks for secrets by name. */
  get discovery(): DiscoveredSecrets | null {
    return this.#options.discovery ?? null;
  }

  /** Calls `listener` after each change of our certificate or of the mesh's roots. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Who we are; `null` before the first certificate. */
  get identity(): IdentityView | null {
    if (this.#current === null) return null;
    const { spiffeId, notBefore, notAfter, chain } = this.#current;
    return { spiffeId: spiffeId ?? "", notBefore, notAfter, chain };
  }

  /**
   * Sets the roots another source knows (`file`, `discovery`), replacing what it said before. When the union changes our
   * certificate is renewed at once, as Istio's agent does: the CA behind it may have changed too.
   *
   * @returns What could not be read.
   */
  setRoots(source: string, pems: readonly string[]): readonly string[] {
    const { changed, problems } = this.#trust.set(source, pems);
    for (const problem of problems) {
      this.#options.logger.log("warning", `Ignored a part of the root certificates of '${source}': ${problem}`);
    }
    if (changed) {
      this.#changed();
      if (this.#current !== null) void this.#renew();
    }
    return problems;
  }

  /** Renews now; resolves when that has succeeded or failed. */
  renew(): Promise<void> {
    return this.#renew();
  }

  /** Stops renewing and ends connections. Secrets stay readable: requests in flight may need them. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new MeshError("MESH_CLOSED", "Cannot get a certificate: the mesh was closed"));
    this.#timer?.cancel();
    this.#timer = null;
    this.#options.discovery?.close();
    await this.#renewing;
    this.#listeners.clear();
    await this.#options.source.close();
  }

  #renew(): Promise<void> {
    this.#renewing ??= this.#fetchAgain().finally(() => this.#renewing = null);
    return this.#renewing;
  }

  async #fetchAgain(): Promise<void> {
    const { source, logger, clock } = this.#options;
    const { signal } = this.#closing;
    this.#timer?.cancel();
    try {
      const secret = await source.fetch(signal);
      if (!signal.aborted) this.#accept(secret);
    } catch (error) {
      if (signal.aborted) return;
      const delay = this.#backoff.next();
      const left = (this.#current?.notAfter ?? 0) - clock.now();
      const state = left > 0
        ? `the one we have is valid for ${seconds(left)}`
        : "the one we had has expired, new connections fail";
      logger.log(
        left > 0 ? "warning" : "error",
        `Cannot renew the certificate, ${state}, trying again in ${seconds(delay)}: ${text(error)}`,
      );
      this.#schedule(delay);
    }
  }

  /** Takes over what the source has given, after checking it as peers will. */
  #accept(secret: IssuedSecret): void {
    const { clock, source, logger } = this.#options;
    const now = clock.now();
    const checked = checkSecret(secret, now);
    if (!checked.ok) {
      const hint = checked.clock ? `; check the clock of this machine, it shows '${new Date(now).toISOString()}'` : "";
      throw new MeshError(
        "CONTROL_PLANE_UNAVAILABLE",
        `Cannot use the certificate of ${source.description}: ${checked.reason}${hint}`,
      );
    }
    this.#checkIdentity(checked.spiffeId);
    this.#backoff.reset();
    const { changed } = this.#trust.set("ca", secret.roots);
    if (this.#current?.chain !== checked.chain) {
      this.#current = {
        chain: checked.chain,
        key: secret.key,
        spiffeId: checked.spiffeId,
        notBefore: checked.notBefore,
        notAfter: checked.notAfter,
        version: ++this.#version,
      };
      logger.log(
        "info",
        `Got a certificate for '${checked.spiffeId}', valid until '${new Date(checked.notAfter).toISOString()}'`,
      );
      this.#changed();
    } else if (changed) this.#changed();
    this.#schedule(this.#delayUntilRenewal(now, checked.notAfter));
  }

  /** Peers and istiod go by the certificate, so a wrong namespace or account must not come to light later. */
  #checkIdentity(issued: string | null): void {
    const { spiffeId: wanted, logger, source } = this.#options;
    if (wanted === null || issued === wanted) return;
    const [ours, theirs] = [parseSpiffeId(wanted), issued === null ? null : parseSpiffeId(issued)];
    const sameWorkload = theirs !== null && ours?.namespace === theirs.namespace &&
      ours.serviceAccount === theirs.serviceAccount;
    if (!sameWorkload) {
      throw new MeshError("IDENTITY_REJECTED", `Cannot use the certificate of ${source.description}`, {
        problems: [{
          subject: "identity",
          message: `it is for '${issued ?? "nobody"}', the configuration says '${wanted}'`,
          hint: "Check namespace and service account (POD_NAMESPACE, SERVICE_ACCOUNT): they must be those of the token",
        }],
      });
    }
    if (this.#current?.spiffeId !== issued) {
      logger.log("warning", `The mesh calls us '${issued}', the configuration says '${wanted}': check TRUST_DOMAIN`);
    }
  }

  #delayUntilRenewal(now: number, notAfter: number): number {
    const { source, random, renewal } = this.#options;
    const due = Math.max(renewalTime(now, notAfter, random, renewal) - now, MIN_DELAY_MS);
    return source.pollMs === null ? due : Math.min(due, source.pollMs);
  }

  #schedule(delayMs: number): void {
    if (this.#closing.signal.aborted) return;
    const { registry, clock } = this.#options;
    this.#timer?.cancel();
    // A timer of the system holds at most 24.8 days.
    const ms = Math.min(delayMs, MAX_TIMER_MS);
    this.#timer = registry.timer(clock, ms, () => {
      if (ms < delayMs) this.#schedule(delayMs - ms);
      else void this.#renew();
    });
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener();
      } catch (error) {
        this.#options.logger.log("error", `A listener for secrets failed: ${text(error)}`);
      }
    }
  }
}

const MIN_DELAY_MS = 100;
const MAX_TIMER_MS = 0x7fffffff;

function isPermanent(error: unknown): boolean {
  return error instanceof MeshError && PERMANENT.has(error.code);
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}
