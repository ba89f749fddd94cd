import type { ByteStream } from "../../transport/byte_stream.ts";
import type { HeaderList } from "../header_list.ts";
import { CHUNKED, type Framing, UNTIL_CLOSE } from "./framing.ts";
import { encodeLatin1 } from "./latin1.ts";
import { reasonPhrase } from "../reason_phrase.ts";
import { mayBeTrailer } from "./trailers.ts";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const ASCII_VALUE = /^[\t\x20-\x7e]*$/;
const LATIN1_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const UPGRADE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:\/[!#$%&'*+\-.^_`|~0-9A-Za-z]+)?$/;
const TARGET = /^[\x21-\x7e]+$/;

/** Fields the codec writes itself or that must not go on (RFC 9110 section 7.6.1). */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/** A field that was written before: equal strings need no second check. */
interface KnownField {
  readonly name: string;
  readonly value: string;
  /** Its line with CRLF; empty for a field that is not written. */
  readonly text: string;
  readonly ascii: boolean;
}

const MOST_KNOWN = 32;
const LONGEST_KNOWN = 1024;

/**
 * Writes heads as one string. Field i is compared with what stood there last time on this connection, so that checking
 * and joining are paid once for the fields that repeat.
 */
export class HeadWriter {
  readonly #known: KnownField[] = [];
  #ascii = true;
  #lastRequestLine = "";
  #lastMethod = "";
  #lastPath = "";
  #lastAuthority = "";

  /**
   * The head of a request.
   *
   * @param framing How its content is framed; 0 writes `content-length: 0` only with `explicitLength`.
   * @param upgrade Protocol to ask for; absent for an ordinary request.
   * @throws {TypeError} When a part of it cannot be sent as it is.
   */
  request(
    method: string,
    path: string,
    authority: string,
    headers: HeaderList,
    framing: Framing,
    explicitLength: boolean,
    upgrade?: string,
  ): string {
    this.#ascii = true;
    if (method !== this.#lastMethod || path !== this.#lastPath || authority !== this.#lastAuthority) {
      this.#lastRequestLine = requestLine(method, path, authority);
      this.#lastMethod = method;
      this.#lastPath = path;
      this.#lastAuthority = authority;
    }
    const head = this.#lastRequestLine + this.#fields(headers.pairs);
    if (upgrade !== undefined) return head + upgradeFields(upgrade);
    if (framing === CHUNKED) return head + "transfer-encoding: chunked\r\n\r\n";
    if (framing > 0 || explicitLength) return head + "content-length: " + framing + "\r\n\r\n";
    return head + "\r\n";
  }

  /**
   * The head of a response.
   *
   * @param framing How its content is framed.
   * @param contentLength Value of `content-length`, or `null` to write none. Ignored for chunked content.
   * @param connection Value of `connection`, or `null` to write none.
   * @throws {TypeError} When a field cannot be sent as it is.
   */
  response(
    status: number,
    headers: HeaderList,
    framing: Framing,
    contentLength: number | string | null,
    connection: "close" | "keep-alive" | null,
  ): string {
    this.#ascii = true;
    let head = statusLine(status) + this.#fields(headers.pairs);
    if (framing === CHUNKED) head += "transfer-encoding: chunked\r\n";
    else if (framing !== UNTIL_CLOSE && contentLength !== null) head += "content-length: " + contentLength + "\r\n";
    if (connection !== null) head += "connection: " + connection + "\r\n";
    return head + "\r\n";
  }

  /**
   * The head of a response that switches protocols: what follows is not HTTP any more.
   *
   * @throws {TypeError} When a field cannot be sent as it is.
   */
  switching(headers: HeaderList, upgrade: string): string {
    this.#ascii = true;
    return statusLine(101) + this.#fields(headers.pairs) + upgradeFields(upgrade);
  }

  /**
   * A trailer section with the empty line that ends it.
   *
   * @throws {TypeError} When a field cannot be sent as it is.
   */
  trailers(trailers: HeaderList | null): string {
    this.#ascii = true;
    let text = "";
    for (const [name, value] of trailers?.entries() ?? []) {
      if (!mayBeTrailer(name)) continue;
      const field = check(name, value);
      if (!field.ascii) this.#ascii = false;
      text += field.text;
    }
    return text + "\r\n";
  }

  /** Hands over what was made last, and tells whether there is room for more. */
  write(stream: ByteStream, text: string): boolean {
    return this.#ascii ? stream.writeAscii(text) : stream.write(encodeLatin1(text));
  }

  #fields(pairs: readonly string[]): string {
    const known = this.#known;
    let text = "";
    for (let i = 0, index = 0; i < pairs.length; i += 2, index++) {
      const name = pairs[i]!;
      const value = pairs[i + 1]!;
      let field = known[index];
      if (field === undefined || field.value !== value || field.name !== name) {
        field = check(name, value);
        if (index < MOST_KNOWN && field.text.length <= LONGEST_KNOWN) known[index] = field;
      }
      if (!field.ascii) this.#ascii = false;
      text += field.text;
    }
    return text;
  }
}

function check(name: string, value: string): KnownField {
  if (OWN_FIELDS.has(name)) return { name, value, text: "", ascii: true };
  if (!TOKEN.test(name)) throw new TypeError("Cannot send a header: its name is not a token");
  const ascii = ASCII_VALUE.test(value);
  if (!ascii && !LATIN1_VALUE.test(value)) {
    throw new TypeError(
      `Cannot send the header '${name}': its value holds a control character or is not a byte string`,
    );
  }
  return { name, value, text: name + ": " + value + "\r\n", ascii };
}

function requestLine(method: string, path: string, authority: string): string {
  if (!TOKEN.test(method) || method === "CONNECT") {
    throw new TypeError("Cannot send the request: its method is not valid");
  }
  if (!TARGET.test(path) || (path.charCodeAt(0) !== 0x2f && path !== "*") || path.includes("#")) {
    throw new TypeError("Cannot send the request: its path is not valid");
  }
  if (authority !== "" && !TARGET.test(authority)) {
    throw new TypeError("Cannot send the request: its authority is not valid");
  }
  return method + " " + path + " HTTP/1.1\r\nhost: " + authority + "\r\n";
}

function upgradeFields(upgrade: string): string {
  if (!UPGRADE.test(upgrade)) throw new TypeError("Cannot upgrade the connection: the protocol is not a token");
  return "connection: Upgrade\r\nupgrade: " + upgrade + "\r\n\r\n";
}

const STATUS_LINES: readonly string[] = Array.from(
  { length: 1000 },
  (_, status) => `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n`,
);

function statusLine(status: number): string {
  return STATUS_LINES[status]!;
}
