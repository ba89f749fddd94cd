/** As much of WebSocket as a test needs to say it on the wire. Text is one byte a UTF-16 unit. */
import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { wireHead, type WireReader } from "./http1.ts";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Answers a handshake and sends back every frame, up to the one that closes, each after a pause. */
export async function echoWebSocket(
  socket: Socket,
  reader: WireReader,
  backend: string,
  headers: readonly (readonly [string, string])[],
  pause: () => Promise<void> | null,
): Promise<void> {
  const key = headers.find(([name]) => name === "sec-websocket-key")?.[1] ?? "";
  const accept = createHash("sha1").update(key + GUID).digest("base64");
  socket.write(
    wireHead("HTTP/1.1 101 Switching Protocols", [
      ["connection", "Upgrade"],
      ["upgrade", "websocket"],
      ["sec-websocket-accept", accept],
      ["x-backend", backend],
    ]),
    "latin1",
  );
  for (;;) {
    const [first = 0, length = 0] = Array.from(await reader.take(2), (unit) => unit.charCodeAt(0));
    if (first === 0) break;
    const rest = await reader.take(4 + (length & 127));
    const content = mask(rest.slice(4), rest);
    await pause();
    socket.write(String.fromCharCode(first, content.length) + content, "latin1");
    if (first === 0x88) break;
  }
  socket.end();
}

/** A frame as a client sends it, of at most 125 bytes. */
export function maskedFrame(first: number, content: string): string {
  const key = "\x01\x02\x03\x04";
  return String.fromCharCode(first, 128 | content.length) + key + mask(content, key);
}

function mask(content: string, key: string): string {
  return String.fromCharCode(
    ...Array.from(content, (unit, index) => unit.charCodeAt(0) ^ key.charCodeAt(index % 4)),
  );
}
