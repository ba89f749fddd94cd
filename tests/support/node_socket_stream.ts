import type { Socket } from "node:net";
import type { ByteStream, ByteStreamHandler, ConnectionInfo } from "../../lib/transport/byte_stream.ts";

let nextId = 1;

/** A plaintext byte stream over a `node:net` socket, for tests that need a real peer before there is a transport. */
export function nodeSocketStream(socket: Socket): ByteStream {
  const info: ConnectionInfo = {
    id: nextId++,
    local: { hostname: socket.localAddress ?? "127.0.0.1", port: socket.localPort ?? 0 },
    remote: { hostname: socket.remoteAddress ?? "127.0.0.1", port: socket.remotePort ?? 0 },
    tls: null,
  };
  let failure: Error | null = null;
  socket.setNoDelay(true);
  return {
    info,
    get writableLength() {
      return socket.writableLength;
    },
    start(handler: ByteStreamHandler): void {
      socket.on("data", (chunk: Uint8Array) => handler.onData(chunk));
      socket.on("end", () => handler.onEnd());
      socket.on("drain", () => handler.onDrain());
      socket.on("error", (error: Error) => failure = error);
      socket.on("close", () => handler.onClose(failure));
    },
    write: (bytes) => socket.write(bytes),
    writeAscii: (text) => socket.write(text, "latin1"),
    cork: () => socket.cork(),
    uncork: () => socket.uncork(),
    end: () => {
      socket.end();
    },
    destroy: (error) => {
      socket.destroy(error);
    },
    pause: () => {
      socket.pause();
    },
    resume: () => {
      socket.resume();
    },
    ref: () => {
      socket.ref();
    },
    unref: () => {
      socket.unref();
    },
    setNoDelay: (on) => {
      socket.setNoDelay(on);
    },
    setKeepAlive: (on, delay) => {
      socket.setKeepAlive(on, delay);
    },
  };
}
