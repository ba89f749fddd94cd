/** As much of HTTP/1.1 as a test needs to see and say exactly what is on the wire. Text is one byte a UTF-16 unit. */
import type { Socket } from "node:net";

/** The head of a message with its content. */
export interface WireMessage {
  readonly startLine: string;
  readonly headers: [name: string, value: string][];
  readonly body: string;
  /** Whether it broke off before its end. */
  readonly broken: boolean;
}

/** Reads messages from a socket. */
export class WireReader {
  #text = "";
  #ended = false;
  #wake: (() => void) | null = null;

  /** @param socket Where they come from. */
  constructor(socket: Socket) {
    socket.setEncoding("latin1");
    socket.on("data", (text) => this.#advance(() => this.#text += text));
    socket.on("error", () => this.#advance(() => this.#ended = true));
    socket.on("close", () => this.#advance(() => this.#ended = true));
    socket.on("end", () => this.#advance(() => this.#ended = true));
  }

  /**
   * The next message; `null` where the other side has nothing more to say.
   *
   * @param withoutBody Whether the message has none whatever its headers say, by its start line.
   */
  async next(withoutBody: (startLine: string) => boolean = () => false): Promise<WireMessage | null> {
    const head = await this.#until("\r\n\r\n");
    if (head === null) return null;
    const [startLine = "", ...lines] = head.split("\r\n");
    const headers = lines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    // An interim response says nothing yet.
    if (/^HTTP\/1\.1 1(?!01)/.test(startLine)) return this.next(withoutBody);
    if (withoutBody(startLine)) return { startLine, headers, body: "", broken: false };
    const field = (name: string) => headers.find(([known]) => known === name)?.[1];
    if (field("transfer-encoding") === "chunked") return { startLine, headers, ...await this.#chunks() };
    const length = field("content-length");
    const isResponse = startLine.startsWith("HTTP/");
    if (length === undefined && !isResponse) return { startLine, headers, body: "", broken: false };
    const body = await this.#take(length === undefined ? Infinity : Number(length));
    return { startLine, headers, body, broken: length !== undefined && body.length < Number(length) };
  }

  /** As many bytes as are asked for, fewer at the end. */
  take(length: number): Promise<string> {
    return this.#take(length);
  }

  async #chunks(): Promise<{ body: string; broken: boolean }> {
    let body = "";
    for (;;) {
      const line = await this.#until("\r\n");
      const size = parseInt(line ?? "", 16);
      if (Number.isNaN(size)) return { body, broken: true };
      const chunk = await this.#take(size + 2);
      if (chunk.length < size + 2) return { body: body + chunk, broken: true };
      if (size === 0) return { body, broken: false };
      body += chunk.slice(0, size);
    }
  }

  async #until(mark: string): Promise<string | null> {
    for (;;) {
      const at = this.#text.indexOf(mark);
      if (at >= 0) {
        const found = this.#text.slice(0, at);
        this.#text = this.#text.slice(at + mark.length);
        return found;
      }
      if (this.#ended) return null;
      await this.#more();
    }
  }

  async #take(length: number): Promise<string> {
    while (this.#text.length < length && !this.#ended) await this.#more();
    const taken = this.#text.slice(0, length);
    this.#text = this.#text.slice(taken.length);
    return taken;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }

  #advance(change: () => void): void {
    change();
    this.#wake?.();
    this.#wake = null;
  }
}

/** The bytes of a message head. */
export function wireHead(startLine: string, headers: readonly (readonly [string, string])[]): string {
  return [startLine, ...headers.map(([name, value]) => `${name}: ${value}`), "", ""].join("\r\n");
}
