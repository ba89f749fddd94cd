/** An HTTPS server outside of the mesh: says what it saw of the handshake and of the bytes before it. */
import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import type { TlsCertificate, TrustBundle } from "../../lib/transport/secret_provider.ts";

/** What the server saw of one connection. */
export interface SeenConnection {
  /** Bytes before the ClientHello. */
  readonly preamble: string;
  sni: string | null;
  /** Subject alternative names of the client's certificate; `null` where it showed none. */
  client: string | null;
}

/** Settings of {@linkcode httpsServer}. */
export interface HttpsServerOptions {
  /** Shown to clients; asked for at each connection, so that it can be rotated. */
  certificate: () => TlsCertificate;
  /** Asks for client certificates of these roots. @default {asks for none} */
  clientRoots?: TrustBundle;
  /** Bytes in front of the handshake, to cut off: their number, by what has arrived. @default {none} */
  preambleLength?: (bytes: Uint8Array) => number;
}

/** A server on loopback. Answers every request with 200 and a JSON of {@linkcode SeenConnection}. */
export async function httpsServer(options: HttpsServerOptions): Promise<{
  port: number;
  seen: SeenConnection[];
  close(): Promise<void>;
}> {
  const seen: SeenConnection[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((raw) => {
    sockets.add(raw);
    raw.on("close", () => sockets.delete(raw));
    raw.on("error", () => {});
    raw.once("data", (first: Uint8Array) => {
      raw.pause();
      const length = options.preambleLength?.(first) ?? 0;
      raw.unshift(first.subarray(length));
      const entry: SeenConnection = { preamble: latin1(first.subarray(0, length)), sni: null, client: null };
      seen.push(entry);
      speak(raw, entry, options);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function speak(raw: Socket, entry: SeenConnection, { certificate, clientRoots }: HttpsServerOptions): void {
  const { chain, key } = certificate();
  const tls = new TLSSocket(raw, {
    isServer: true,
    secureContext: createSecureContext({
      cert: chain,
      key,
      ...(clientRoots === undefined ? {} : { ca: [...clientRoots.roots] }),
    }),
    requestCert: clientRoots !== undefined,
    rejectUnauthorized: clientRoots !== undefined,
    ALPNProtocols: ["http/1.1"],
  });
  tls.on("error", () => {});
  tls.on("data", (chunk: Uint8Array) => {
    if (!latin1(chunk).includes("\r\n\r\n")) return;
    const peer = tls.getPeerCertificate();
    entry.client = peer?.subjectaltname ?? null;
    entry.sni = (tls as unknown as { servername?: string | false }).servername || null;
    const body = JSON.stringify(entry);
    const { length } = new TextEncoder().encode(body);
    tls.write(`HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n${body}`);
  });
}

/** One character for each byte; the decoder of that name maps some bytes elsewhere. */
export function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}
