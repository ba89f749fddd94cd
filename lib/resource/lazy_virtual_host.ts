import { WireReader } from "../protobuf/wire_reader.ts";
import type { HeaderMutations } from "./common.ts";
import { parseMessage } from "./parse_common.ts";
import { parseVirtualHost, refusingRoute, type Surroundings } from "./parse_route.ts";
import type { PerFilterConfig, RetryPolicy, Route, VirtualHost } from "./route.ts";
import { sameBytes } from "./same_bytes.ts";

const NO_HEADERS: HeaderMutations = { requestAdd: [], requestRemove: [], responseAdd: [], responseRemove: [] };

/** What the virtual hosts of one route configuration share. */
export interface LazyVirtualHostOptions {
  readonly around: Surroundings;
  /** Told once, where a virtual host turns out to be invalid at its first use. */
  readonly onInvalid: (name: string, errors: readonly string[]) => void;
}

/**
 * A virtual host of which only name and domains are read until a request meets it: an application talks to a handful of
 * thousands. One that then turns out to be invalid refuses its requests.
 */
export class LazyVirtualHost implements VirtualHost {
  readonly name: string;
  readonly domains: readonly string[];
  #bytes: Uint8Array;
  readonly #options: LazyVirtualHostOptions;
  #expanded: VirtualHost | null = null;

  /**
   * @param bytes The virtual host on the wire; kept.
   * @param options What it shares with the others.
   * @throws {RangeError} When the bytes are not a message.
   */
  constructor(bytes: Uint8Array, options: LazyVirtualHostOptions) {
    this.#bytes = bytes;
    this.#options = options;
    let name = "";
    const domains: string[] = [];
    const reader = new WireReader(bytes);
    // Field numbers: name 1, domains 2.
    while (reader.next()) {
      if (reader.field === 1) name = reader.string();
      else if (reader.field === 2) domains.push(reader.string().toLowerCase());
    }
    this.name = name;
    this.domains = domains;
  }

  /** Whether a newer version is the same; it is then this object's own memory, for the older one is given up. */
  adopts(newer: Uint8Array): boolean {
    if (!sameBytes(this.#bytes, newer)) return false;
    this.#bytes = newer;
    return true;
  }

  get routes(): readonly Route[] {
    return this.#expand().routes;
  }

  get retryPolicy(): RetryPolicy | null {
    return this.#expand().retryPolicy;
  }

  get headers(): HeaderMutations {
    return this.#expand().headers;
  }

  get includeRequestAttemptCount(): boolean {
    return this.#expand().includeRequestAttemptCount;
  }

  get includeAttemptCountInResponse(): boolean {
    return this.#expand().includeAttemptCountInResponse;
  }

  get includeIsTimeoutRetry(): boolean {
    return this.#expand().includeIsTimeoutRetry;
  }

  get rateLimits(): VirtualHost["rateLimits"] {
    return this.#expand().rateLimits;
  }

  get requireTls(): VirtualHost["requireTls"] {
    return this.#expand().requireTls;
  }

  get perFilterConfig(): PerFilterConfig {
    return this.#expand().perFilterConfig;
  }

  #expand(): VirtualHost {
    return this.#expanded ??= this.#parse();
  }

  #parse(): VirtualHost {
    const { around, onInvalid } = this.#options;
    const path = `virtual_hosts[${this.name}]`;
    const result = parseMessage(
      "envoy.config.route.v3.VirtualHost",
      this.#bytes,
      (issues, message) => parseVirtualHost(issues, path, message, around),
    );
    if (result.ok) return result.value;
    onInvalid(this.name, result.errors);
    return {
      name: this.name,
      domains: this.domains,
      routes: [refusingRoute("its virtual host", "is invalid, the log says why")],
      retryPolicy: null,
      headers: NO_HEADERS,
      includeRequestAttemptCount: false,
      includeAttemptCountInResponse: false,
      includeIsTimeoutRetry: false,
      rateLimits: [],
      requireTls: "none",
      perFilterConfig: new Map(),
    };
  }
}
