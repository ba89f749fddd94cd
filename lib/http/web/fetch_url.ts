/** The parts of a URL that a request needs, read once. */
export interface FetchUrl {
  /** The whole URL with its fragment. */
  readonly href: string;
  /** `http:` or `https:`. */
  readonly protocol: "http:" | "https:";
  /** Lower case, without port; IPv6 in brackets. */
  readonly hostname: string;
  /** The port, 80 or 443 where none is given. */
  readonly port: number;
  /** Host, with port where it is not the default: what `host` says. */
  readonly authority: string;
  /** Path and query. */
  readonly path: string;
  /** Value of `authorization` for credentials in the URL; `null` for none. */
  readonly authorization: string | null;
}

/** URLs remembered by {@linkcode FetchUrls}. */
const MOST_REMEMBERED = 256;

/** Reads URLs and remembers the latest: programs ask for the same ones over and over, and reading costs microseconds. */
export class FetchUrls {
  readonly #known = new Map<string, FetchUrl>();

  /**
   * Reads a URL.
   *
   * @param text The URL as given.
   * @returns Its parts.
   * @throws {TypeError} As `fetch` does for a URL that is not valid or not http(s).
   */
  read(text: string): FetchUrl {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const url = readUrl(new URL(text));
    if (this.#known.size >= MOST_REMEMBERED) this.#known.clear();
    this.#known.set(text, url);
    return url;
  }
}

function readUrl(url: URL): FetchUrl {
  const { protocol, username, password } = url;
  if (protocol !== "http:" && protocol !== "https:") {
    throw new TypeError(`Url scheme '${protocol.slice(0, -1)}' not supported`);
  }
  const port = url.port !== "" ? Number(url.port) : protocol === "https:" ? 443 : 80;
  return {
    href: url.href,
    protocol,
    hostname: url.hostname,
    port,
    authority: url.host,
    path: pathOf(url),
    authorization: username === "" && password === "" ? null : basic(username, password),
  };
}

/** Path and query: a lone `?` belongs to it, which `search` does not show. */
function pathOf(url: URL): string {
  if (url.search !== "") return url.pathname + url.search;
  return url.href.slice(0, url.href.length - url.hash.length).endsWith("?") ? `${url.pathname}?` : url.pathname;
}

/** RFC 7617, in UTF-8. */
function basic(username: string, password: string): string {
  const bytes = new TextEncoder().encode(`${decode(username)}:${decode(password)}`);
  return `Basic ${bytes.toBase64()}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
