import assert from "node:assert/strict";
import { type ContentFate, type SideState, StreamSide } from "../../../lib/proxy_wasm/http/stream_side.ts";

type Event =
  | readonly ["headers", number]
  | readonly ["show headers", number]
  | readonly ["content", number]
  | readonly ["trailers", number]
  | readonly ["resume"]
  | readonly ["end"];

function play(events: readonly Event[]): { side: StreamSide; fates: ContentFate[] } {
  const side = new StreamSide();
  const fates: ContentFate[] = [];
  for (const event of events) {
    switch (event[0]) {
      case "headers":
        side.answerHeaders(event[1], false);
        break;
      case "show headers":
        side.answerHeaders(event[1], true);
        break;
      case "content":
        fates.push(side.answerContent(event[1]));
        break;
      case "trailers":
        side.answerTrailers(event[1]);
        break;
      case "resume":
        side.resume();
        break;
      case "end":
        side.end();
    }
  }
  return { side, fates };
}

const TABLE: readonly (readonly [readonly Event[], SideState, (readonly ContentFate[])?])[] = [
  [[], "headers"],
  [[["headers", 0]], "open"],
  [[["headers", 1]], "all_stopped"],
  [[["show headers", 1]], "headers_stopped"],
  [[["headers", 2]], "open"],
  [[["headers", 3]], "all_stopped"],
  [[["show headers", 3]], "all_stopped"],
  [[["headers", 4]], "all_stopped"],
  [[["headers", 99]], "all_stopped"],
  [[["headers", 1], ["resume"]], "open"],
  [[["show headers", 1], ["content", 1]], "headers_stopped", ["buffer"]],
  [[["show headers", 1], ["content", 1], ["content", 0]], "open", ["buffer", "pass"]],
  [[["show headers", 1], ["trailers", 0]], "over"],
  [[["headers", 0], ["content", 0]], "open", ["pass"]],
  [[["headers", 0], ["content", 1]], "content_stopped", ["buffer"]],
  [[["headers", 0], ["content", 2]], "content_stopped", ["keep"]],
  [[["headers", 0], ["content", 3]], "content_stopped", ["drop"]],
  [[["headers", 0], ["content", 99]], "content_stopped", ["drop"]],
  [[["headers", 0], ["content", 1], ["resume"]], "open", ["buffer"]],
  [[["headers", 0], ["content", 1], ["end"]], "content_stopped", ["buffer"]],
  [[["headers", 0], ["content", 1], ["end"], ["resume"], ["end"]], "over", ["buffer"]],
  [[["headers", 0], ["content", 1], ["trailers", 0]], "over", ["buffer"]],
  [[["headers", 0], ["trailers", 1]], "trailers_stopped"],
  [[["headers", 0], ["trailers", 1], ["resume"]], "over"],
  [[["headers", 0], ["resume"], ["end"]], "over"],
];

Deno.test("the course of a direction: what each answer leads to", () => {
  for (const [events, state, fates = []] of TABLE) {
    const played = play(events);
    assert.equal(played.side.state, state, JSON.stringify(events));
    assert.deepEqual(played.fates, fates, JSON.stringify(events));
    assert.equal(played.side.stopped, state.endsWith("_stopped"));
    assert.equal(played.side.headersPassed, !["headers", "headers_stopped", "all_stopped"].includes(state));
  }
});
