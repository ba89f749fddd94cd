import assert from "node:assert/strict";
import { Http2ConnectionError } from "../../../lib/http/http2/connection_error.ts";
import { errorCodeName } from "../../../lib/http/http2/error_code.ts";
import { type FrameEvents, FrameParser } from "../../../lib/http/http2/frame_parser.ts";
import { FrameReader } from "../../../lib/http/http2/frame_reader.ts";
import { http2Limits } from "../../../lib/http/http2/limits.ts";
import { bytes, frame, uint32 } from "../../support/http2_peer.ts";

function parse(...frames: Uint8Array[]): string[] {
  const seen: string[] = [];
  const cut = (data: Uint8Array, start: number, end: number) => [...data.subarray(start, end)].join(".");
  const events: FrameEvents = {
    onContent: (id, data, start, end, flow, last) =>
      seen.push(`content ${id} ${cut(data, start, end)} ${flow} ${last}`),
    onHeaderBlock: (id, data, start, end, last) => seen.push(`block ${id} ${cut(data, start, end)} ${last}`),
    onHeaderBlockOpen: (open) => seen.push(`open ${open}`),
    onReset: (id, code) => seen.push(`reset ${id} ${code}`),
    onSettings: (data, start, end) => seen.push(`settings ${cut(data, start, end)}`),
    onSettingsAck: () => seen.push("settings ack"),
    onPing: (high, low, ack) => seen.push(`ping ${high} ${low} ${ack}`),
    onGoAway: (last, code) => seen.push(`goaway ${last} ${code}`),
    onWindowUpdate: (id, by) => seen.push(`window ${id} ${by}`),
    onIgnored: (type, id) => seen.push(`ignored ${type} ${id}`),
  };
  new FrameReader(new FrameParser(events, http2Limits()), 16_384).push(bytes(frame("SETTINGS", 0, 0), ...frames));
  return seen.slice(1);
}

Deno.test("what each frame says", () => {
  assert.deepEqual(
    parse(
      frame("DATA", 0x9, 1, [2, 7, 8, 0, 0]),
      frame("HEADERS", 0x2d, 3, [1, 0, 0, 0, 1, 9, 5, 6, 0]),
      frame("HEADERS", 0x1, 5, [1]),
      frame("CONTINUATION", 0, 5, [2]),
      frame("CONTINUATION", 4, 5, [3]),
      frame("PRIORITY", 0, 9, [0, 0, 0, 1, 1]),
      frame("RST_STREAM", 0, 1, uint32(8)),
      frame("SETTINGS", 1, 0),
      frame("PING", 1, 0, [0, 0, 0, 1, 0, 0, 0, 2]),
      frame("GOAWAY", 0, 0, [...uint32(7), ...uint32(2), 1, 2, 3]),
      frame("WINDOW_UPDATE", 0, 1, uint32(0x80000005)),
      frame(0x20, 255, 11, [1]),
    ),
    [
      "content 1 7.8 5 true",
      "block 3 5.6 true",
      "open true",
      "open false",
      "block 5 1.2.3 true",
      "ignored 2 9",
      "reset 1 8",
      "settings ack",
      "ping 1 2 true",
      "goaway 7 2",
      "window 1 5",
      "ignored 32 11",
    ],
  );
});

const WRONG: [name: string, code: string, frames: Uint8Array[]][] = [
  ["DATA on stream 0", "PROTOCOL_ERROR", [frame("DATA", 0, 0)]],
  ["DATA with too much padding", "PROTOCOL_ERROR", [frame("DATA", 8, 1, [2, 0])]],
  ["DATA without its padding length", "FRAME_SIZE_ERROR", [frame("DATA", 8, 1)]],
  ["HEADERS on stream 0", "PROTOCOL_ERROR", [frame("HEADERS", 4, 0)]],
  ["HEADERS too short for its priority", "FRAME_SIZE_ERROR", [frame("HEADERS", 0x24, 1, [0, 0, 0, 1])]],
  ["HEADERS with too much padding", "PROTOCOL_ERROR", [frame("HEADERS", 0xc, 1, [3, 0, 0])]],
  ["HEADERS that depends on itself", "PROTOCOL_ERROR", [frame("HEADERS", 0x24, 1, [0, 0, 0, 1, 0])]],
  ["PRIORITY on stream 0", "PROTOCOL_ERROR", [frame("PRIORITY", 0, 0, [0, 0, 0, 1, 0])]],
  ["PRIORITY of a wrong size", "FRAME_SIZE_ERROR", [frame("PRIORITY", 0, 1, [0])]],
  ["PRIORITY that depends on itself", "PROTOCOL_ERROR", [frame("PRIORITY", 0, 3, [0, 0, 0, 3, 0])]],
  ["RST_STREAM on stream 0", "PROTOCOL_ERROR", [frame("RST_STREAM", 0, 0, uint32(0))]],
  ["RST_STREAM of a wrong size", "FRAME_SIZE_ERROR", [frame("RST_STREAM", 0, 1, [0])]],
  ["SETTINGS on a stream", "PROTOCOL_ERROR", [frame("SETTINGS", 0, 1)]],
  ["SETTINGS acknowledgement with a payload", "FRAME_SIZE_ERROR", [frame("SETTINGS", 1, 0, [0, 1, 0, 0, 0, 0])]],
  ["PUSH_PROMISE", "PROTOCOL_ERROR", [frame("PUSH_PROMISE", 4, 1, uint32(2))]],
  ["PING on a stream", "PROTOCOL_ERROR", [frame("PING", 0, 1, new Uint8Array(8))]],
  ["PING of a wrong size", "FRAME_SIZE_ERROR", [frame("PING", 0, 0, new Uint8Array(7))]],
  ["GOAWAY on a stream", "PROTOCOL_ERROR", [frame("GOAWAY", 0, 1, new Uint8Array(8))]],
  ["GOAWAY too short", "FRAME_SIZE_ERROR", [frame("GOAWAY", 0, 0, new Uint8Array(7))]],
  ["WINDOW_UPDATE of a wrong size", "FRAME_SIZE_ERROR", [frame("WINDOW_UPDATE", 0, 0, [0])]],
  ["CONTINUATION of nothing", "PROTOCOL_ERROR", [frame("CONTINUATION", 4, 1)]],
  ["CONTINUATION of another stream", "PROTOCOL_ERROR", [frame("HEADERS", 0, 1), frame("CONTINUATION", 4, 3)]],
  ["DATA inside a header block", "PROTOCOL_ERROR", [frame("HEADERS", 0, 1), frame("DATA", 0, 1)]],
  ["an unknown frame inside a header block", "PROTOCOL_ERROR", [frame("HEADERS", 0, 1), frame(0x20, 0, 1)]],
];

for (const [name, code, frames] of WRONG) {
  Deno.test(`${name} is ${code}`, () => {
    assert.throws(() => parse(...frames), (error) => {
      assert.ok(error instanceof Http2ConnectionError);
      assert.equal(errorCodeName(error.errorCode), code);
      return true;
    });
  });
}

Deno.test("the first frame has to be SETTINGS", () => {
  for (const first of [frame("PING", 0, 0, new Uint8Array(8)), frame("SETTINGS", 1, 0)]) {
    const parser = new FrameParser({} as FrameEvents, http2Limits());
    assert.throws(() => new FrameReader(parser, 16_384).push(first), Http2ConnectionError);
  }
});
