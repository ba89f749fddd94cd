import assert from "node:assert/strict";
import fc from "fast-check";
import { frameHeader } from "../../../lib/http/websocket/frame_header.ts";
import { FrameReader, type FrameReaderOwner } from "../../../lib/http/websocket/frame_reader.ts";
import { mask } from "../../../lib/http/websocket/mask.ts";
import { WebSocketError } from "../../../lib/http/websocket/web_socket_error.ts";

/** What was read, as lines. */
class Log implements FrameReaderOwner {
  readonly lines: string[] = [];
  onMessage(data: string | Uint8Array): void {
    this.lines.push(typeof data === "string" ? `text ${data}` : `binary ${data.toHex()}`);
  }
  onPing(payload: Uint8Array): void {
    this.lines.push(`ping ${payload.toHex()}`);
  }
  onPong(payload: Uint8Array): void {
    this.lines.push(`pong ${payload.toHex()}`);
  }
  onClose(code: number, reason: string): void {
    this.lines.push(`close ${code} ${reason}`);
  }
}

/** Reads pieces; the last line is the close code of the error, if there is one. */
function read(peer: "client" | "server", pieces: readonly Uint8Array[], maxMessageBytes = 1024): string[] {
  const log = new Log();
  const reader = new FrameReader(log, { peer, maxMessageBytes });
  try {
    for (const piece of pieces) reader.push(piece.slice());
  } catch (error) {
    if (!(error instanceof WebSocketError)) throw error;
    log.lines.push(`error ${error.closeCode}`);
  }
  return log.lines;
}

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));

Deno.test("FrameReader reads the examples of RFC 6455 section 5.7", () => {
  const table: ["client" | "server", string, string[]][] = [
    ["server", "81 05 48 65 6c 6c 6f", ["text Hello"]],
    ["client", "81 85 37 fa 21 3d 7f 9f 4d 51 58", ["text Hello"]],
    ["server", "01 03 48 65 6c 80 02 6c 6f", ["text Hello"]],
    ["server", "89 05 48 65 6c 6c 6f", ["ping 48656c6c6f"]],
    ["client", "8a 85 37 fa 21 3d 7f 9f 4d 51 58", ["pong 48656c6c6f"]],
    ["server", `82 7e 01 00 ${"ab".repeat(256)}`, [`binary ${"ab".repeat(256)}`]],
  ];
  for (const [peer, bytes, expected] of table) assert.deepEqual(read(peer, [hex(bytes)]), expected, bytes);
});

Deno.test("FrameReader reads empty messages, interleaved control frames and closes", () => {
  const table: [string, string[]][] = [
    ["81 00 82 00", ["text ", "binary "]],
    ["01 00 00 00 80 00", ["text "]],
    ["02 01 aa 89 01 bb 00 00 8a 00 80 01 cc", ["ping bb", "pong ", "binary aacc"]],
    // A character split between fragments.
    ["01 01 c3 80 01 bc", ["text ü"]],
    ["88 00", ["close 1005 "]],
    ["88 02 03 e8", ["close 1000 "]],
    ["88 05 0f a0 62 79 65", ["close 4000 bye"]],
    // Nothing is read behind the close frame.
    ["88 00 81 01 61 ff", ["close 1005 "]],
  ];
  for (const [bytes, expected] of table) assert.deepEqual(read("server", [hex(bytes)]), expected, bytes);
});

Deno.test("FrameReader ends with the right close code for what is forbidden", () => {
  const table: [string, "client" | "server", string, string[]][] = [
    ["the first reserved bit", "server", "c1 00", ["error 1002"]],
    ["the second reserved bit", "server", "a1 00", ["error 1002"]],
    ["the third reserved bit", "server", "91 00", ["error 1002"]],
    ...[3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf].map((
      opcode,
    ): [string, "server", string, string[]] => [
      `opcode ${opcode}`,
      "server",
      `8${opcode.toString(16)} 00`,
      ["error 1002"],
    ]),
    ["a masked frame of a server", "server", "81 85 37 fa 21 3d 7f 9f 4d 51 58", ["error 1002"]],
    ["a frame of a client without mask", "client", "81 05 48 65 6c 6c 6f", ["error 1002"]],
    ["a fragmented ping", "server", "09 00", ["error 1002"]],
    ["a fragmented close", "server", "08 00", ["error 1002"]],
    ["a ping of 126 bytes", "server", "89 7e", ["error 1002"]],
    ["a close of 126 bytes", "server", "88 7e", ["error 1002"]],
    ["a continuation of nothing", "server", "80 01 61", ["error 1002"]],
    ["a continuation after a whole message", "server", "81 01 61 80 00", ["text a", "error 1002"]],
    ["a text within a text", "server", "01 01 61 81 01 62", ["error 1002"]],
    ["a length of two bytes for less", "server", "81 7e 00 7d", ["error 1002"]],
    ["a length of eight bytes for less", "server", "81 7f 00 00 00 00 00 00 ff ff", ["error 1002"]],
    ["a negative length", "server", "81 7f 80 00 00 00 00 00 00 00", ["error 1002"]],
    ["half a close code", "server", "88 01 03", ["error 1002"]],
    ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535].map((
      code,
    ): [string, "server", string, string[]] => [
      `close code ${code}`,
      "server",
      `88 02 ${code.toString(16).padStart(4, "0")}`,
      ["error 1002"],
    ]),
    ["text that is not UTF-8", "server", "81 02 c3 28", ["error 1007"]],
    ["text that ends within a character", "server", "81 01 c3", ["error 1007"]],
    ["a surrogate in text", "server", "81 03 ed a0 80", ["error 1007"]],
    ["a reason that is not UTF-8", "server", "88 03 03 e8 ff", ["error 1007"]],
    ["a message over the limit", "server", "82 7e 04 01", ["error 1009"]],
    ["fragments over the limit", "server", `02 7e 04 00 ${"00".repeat(1024)} 80 01`, ["error 1009"]],
    ["a length of terabytes", "server", "82 7f 00 00 ff ff ff ff ff ff", ["error 1009"]],
  ];
  for (const [name, peer, bytes, expected] of table) assert.deepEqual(read(peer, [hex(bytes)]), expected, name);
});

Deno.test("FrameReader accepts every close code that may be sent", () => {
  for (const code of [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]) {
    const bytes = hex(`88 02 ${code.toString(16).padStart(4, "0")}`);
    assert.deepEqual(read("server", [bytes]), [`close ${code} `]);
  }
});

/** One frame, final or not, masked or not. */
function frame(opcode: number, payload: Uint8Array, key: Uint8Array | null, final = true): Uint8Array {
  const header = frameHeader(opcode, payload.length, key);
  if (!final) header[0]! &= 0x7f;
  const bytes = new Uint8Array(header.length + payload.length);
  bytes.set(header);
  const body = bytes.subarray(header.length);
  body.set(payload);
  if (key !== null) mask(body, key);
  return bytes;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((start, i) => bytes.subarray(start, at[i] ?? bytes.length));
}

const KEY = fc.uint8Array({ minLength: 4, maxLength: 4 });

Deno.test("FrameReader gives back what frames were made of, however they are fragmented and cut", () => {
  const message = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 80 }),
    fc.uint8Array({ maxLength: 400 }),
  );
  fc.assert(fc.property(
    fc.array(fc.record({ message, cuts: fc.array(fc.nat(), { maxLength: 3 }), ping: fc.uint8Array({ maxLength: 9 }) })),
    fc.array(fc.nat(), { maxLength: 40 }),
    fc.option(KEY),
    (messages, cuts, key) => {
      const frames: Uint8Array[] = [];
      const expected: string[] = [];
      for (const { message, cuts, ping } of messages) {
        const text = typeof message === "string";
        const payload = text ? new TextEncoder().encode(message) : message;
        const fragments = split(payload, cuts);
        fragments.forEach((fragment, i) => {
          if (i === 1) {
            frames.push(frame(9, ping, key));
            expected.push(`ping ${ping.toHex()}`);
          }
          frames.push(frame(i > 0 ? 0 : text ? 1 : 2, fragment, key, i === fragments.length - 1));
        });
        expected.push(text ? `text ${message}` : `binary ${payload.toHex()}`);
      }
      assert.deepEqual(read(key === null ? "server" : "client", split(concat(frames), cuts)), expected);
    },
  ));
});

Deno.test("FrameReader says the same of any bytes, however they are cut, and throws nothing else", () => {
  fc.assert(fc.property(
    fc.uint8Array({ maxLength: 300 }),
    fc.array(fc.nat(), { maxLength: 30 }),
    fc.constantFrom("client" as const, "server" as const),
    (bytes, cuts, peer) => {
      assert.deepEqual(read(peer, split(bytes, cuts), 200), read(peer, [bytes], 200));
    },
  ));
});
