import fc from "fast-check";
import assert from "node:assert/strict";
import { ReceiveWindow } from "../../../lib/http/http2/receive_window.ts";

Deno.test("a sender that keeps to what is announced never exceeds the window, and never waits for ever", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 1000 }), fc.array(fc.nat(1500)), (size, reads) => {
    const window = new ReceiveWindow(size);
    let granted = size;
    let unread = 0;
    for (const read of reads) {
      assert.ok(window.take(granted));
      unread += granted;
      granted = 0;
      const now = Math.min(read, unread);
      unread -= now;
      granted += window.give(now);
      assert.ok(unread + granted <= size, "more in flight than the window");
    }
    granted += window.give(unread);
    assert.ok(granted * 2 >= size, "all was read and the sender may not go on");
    assert.ok(!window.take(size + 1));
  }));
});
