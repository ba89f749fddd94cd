import type { Clock, Timer } from "../internal/clock.ts";
import type { SecretDiscovery, TlsCertificate, TrustBundle } from "../transport/secret_provider.ts";
import { parseSecret } from "./parse_secret.ts";

/** Milliseconds a connection waits for the first answer about a secret; istiod answers within a few. */
const FIRST_ANSWER_MS = 5_000;
/**
 * Milliseconds it waits on after an answer that left the secret out: istiod says nothing about secrets it does not have,
 * and the answer may have been to a question before.
 */
const LEFT_OUT_MS = 250;

/** What arrives of the Secret type; the shape the discovery client hands on. */
export interface SecretUpdate {
  readonly changed: ReadonlyMap<string, Uint8Array>;
  readonly removed: readonly string[];
}

interface Known {
  readonly bytes: Uint8Array;
  readonly certificate: TlsCertificate | null;
  readonly bundle: TrustBundle | null;
}

interface Awaited {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  timer: Timer;
}

/**
 * Secrets that istiod serves over ADS (`kubernetes://NAME` and `kubernetes://NAME-cacert`, from `credentialName`).
 *
 * A name is asked for from the moment a cluster in use refers to it: *unknown* -> `follow` *asked* -> (answer) *held* or
 * (time is up, or it is not there) *missing*; a later answer replaces what is held, a bad one is reported and keeps it.
 * Names that nobody refers to any more are forgotten, keys with them.
 */
export class DiscoveredSecrets implements SecretDiscovery {
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();
  readonly #awaited = new Map<string, Awaited>();
  readonly #wantedListeners = new Set<() => void>();
  readonly #listeners = new Set<() => void>();
  #wanted: ReadonlySet<string> = new Set();
  #version = 0;
  #closed = false;

  /** @param clock Bounds the wait for a first answer. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The names to subscribe to. */
  get wanted(): ReadonlySet<string> {
    return this.#wanted;
  }

  /** Calls `listener` after each change of {@linkcode wanted}. */
  onWanted(listener: () => void): () => void {
    this.#wantedListeners.add(listener);
    return () => void this.#wantedListeners.delete(listener);
  }

  /** Calls `listener` after each change of a secret. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  follow(names: ReadonlySet<string>): void {
    if (this.#closed || names.size === this.#wanted.size && names.isSubsetOf(this.#wanted)) return;
    for (const name of this.#wanted) {
      if (names.has(name)) continue;
      this.#known.delete(name);
      this.#settle(name);
    }
    for (const name of names) if (!this.#wanted.has(name)) this.#await(name);
    this.#wanted = new Set(names);
    for (const listener of [...this.#wantedListeners]) listener();
  }

  firstAnswer(name: string): Promise<void> | null {
    return this.#awaited.get(name)?.promise ?? null;
  }

  /** The certificate of that name; `null` while there is none. */
  certificate(name: string): TlsCertificate | null {
    return this.#known.get(name)?.certificate ?? null;
  }

  /** The roots of that name; `null` while there are none. */
  trustBundle(name: string): TrustBundle | null {
    return this.#known.get(name)?.bundle ?? null;
  }

  /**
   * Takes an update in.
   *
   * @returns Every error, by resource name; what was held under that name before stays in use.
   */
  apply(update: SecretUpdate): readonly { readonly name: string; readonly message: string }[] {
    const errors: { name: string; message: string }[] = [];
    let changed = false;
    for (const [name, bytes] of update.changed) {
      if (!this.#wanted.has(name)) continue;
      const known = this.#known.get(name);
      // The same bytes keep their objects, by which TLS contexts are cached.
      if (known === undefined || !sameBytes(known.bytes, bytes)) {
        const problems = this.#take(name, bytes);
        if (problems.length === 0) changed = true;
        for (const message of problems) errors.push({ name, message });
      }
      this.#settle(name);
    }
    for (const name of update.removed) {
      if (this.#known.delete(name)) changed = true;
      this.#settle(name);
    }
    for (const [name, awaited] of this.#awaited) {
      awaited.timer.cancel();
      awaited.timer = this.#clock.timer(LEFT_OUT_MS, () => this.#settle(name));
    }
    if (changed) { for (const listener of [...this.#listeners]) listener(); }
    return errors;
  }

  /** Ends every wait. */
  close(): void {
    this.#closed = true;
    for (const name of [...this.#awaited.keys()]) this.#settle(name);
  }

  #take(name: string, bytes: Uint8Array): readonly string[] {
    const parsed = parseSecret(bytes);
    if (!parsed.ok) return parsed.errors;
    const secret = parsed.value!;
    if (secret.name !== name) {
      return [`Cannot use 'name': it must be that of the resource, '${name}', current value is '${secret.name}'`];
    }
    const version = ++this.#version;
    this.#known.set(name, {
      bytes: bytes.slice(),
      certificate: secret.kind === "certificate" ? { ...secret.certificate, version } : null,
      bundle: secret.kind === "roots" ? { ...secret.bundle, version } : null,
    });
    return parsed.unsupported.map(({ path, what }) => `Cannot follow '${path}': '${what}' is not supported`);
  }

  #await(name: string): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.timer(FIRST_ANSWER_MS, () => this.#settle(name));
    this.#awaited.set(name, { promise, resolve, timer });
  }

  #settle(name: string): void {
    const awaited = this.#awaited.get(name);
    if (awaited === undefined) return;
    this.#awaited.delete(name);
    awaited.timer.cancel();
    awaited.resolve();
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
