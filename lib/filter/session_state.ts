import { cookieValue } from "../http/cookie_value.ts";
import type { HeaderList } from "../http/header_list.ts";
import type { HttpRequest } from "../http/message.ts";
import { decodeBase64 } from "../internal/base64.ts";
import { decode, encode } from "../protobuf/registry.ts";

/** Where a stateful session keeps the host a client belongs to. */
export interface SessionState {
  /** Whether requests of that path have a session. */
  covers(path: string): boolean;
  /** The host the request names (`ip:port`); `null` where it names none. `nowMs` is the time since the epoch. */
  read(request: HttpRequest, nowMs: number): string | null;
  /** Tells the client which host it belongs to from now on. */
  write(headers: HeaderList, address: string, nowMs: number): void;
}

/** What {@linkcode CookieSession} needs to know. */
export interface CookieSessionOptions {
  readonly name: string;
  /** Empty for every path. */
  readonly path: string;
  /** 0 for as long as the client runs. */
  readonly ttlSeconds: number;
}

/**
 * Expiry times below are counts of seconds since an Envoy's machine was started, which mean nothing here; the client
 * drops such a cookie by its `Max-Age`.
 */
const EPOCH_SECONDS_FROM = 1_000_000_000;

/** The session in a cookie, in Envoy's form: base64 of a message that holds address and expiry, or of the address. */
export class CookieSession implements SessionState {
  readonly #options: CookieSessionOptions;

  /** @param options The cookie. */
  constructor(options: CookieSessionOptions) {
    this.#options = options;
  }

  covers(path: string): boolean {
    const own = this.#options.path;
    if (own === "" || own === "/") return true;
    if (!path.startsWith(own)) return false;
    return own.endsWith("/") || path.length === own.length || "/?#".includes(path[own.length]!);
  }

  read(request: HttpRequest, nowMs: number): string | null {
    const value = cookieValue(request.headers, this.#options.name);
    const bytes = value === null ? null : decodeBase64(value);
    if (bytes === null) return null;
    try {
      const { address = "", expires = 0 } = decode("envoy.Cookie", bytes);
      if (expires >= EPOCH_SECONDS_FROM && nowMs / 1000 > expires) return null;
      return address === "" ? null : address;
    } catch {
      // The older form.
      return latin1(bytes);
    }
  }

  write(headers: HeaderList, address: string, nowMs: number): void {
    const { name, path, ttlSeconds } = this.#options;
    const expires = ttlSeconds === 0 ? {} : { expires: Math.floor(nowMs / 1000) + ttlSeconds };
    const value = toBase64(encode("envoy.Cookie", { address, ...expires }));
    const age = ttlSeconds === 0 ? "" : `; Max-Age=${ttlSeconds}`;
    headers.append("set-cookie", `${name}="${value}"${age}${path === "" ? "" : `; Path=${path}`}; HttpOnly`);
  }
}

/** The session in a header that the client sends back: base64 of the address. */
export class HeaderSession implements SessionState {
  readonly #name: string;

  /** @param name The header, lower case. */
  constructor(name: string) {
    this.#name = name;
  }

  covers(): boolean {
    return true;
  }

  read(request: HttpRequest): string | null {
    const value = request.headers.get(this.#name);
    const bytes = value === undefined ? null : decodeBase64(value);
    return bytes === null || bytes.length === 0 ? null : latin1(bytes);
  }

  write(headers: HeaderList, address: string): void {
    headers.set(this.#name, btoa(address));
  }
}

function toBase64(bytes: Uint8Array): string {
  return btoa(latin1(bytes));
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
