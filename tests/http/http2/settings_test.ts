import assert from "node:assert/strict";
import { errorCodeName } from "../../../lib/http/http2/error_code.ts";
import { initialPeerSettings, readSettings } from "../../../lib/http/http2/settings.ts";
import { setting } from "../../support/http2_peer.ts";

function read(parameters: readonly number[], fromServer = false) {
  const settings = initialPeerSettings();
  readSettings(Uint8Array.from(parameters), 0, parameters.length, settings, fromServer);
  return settings;
}

Deno.test("parameters are taken, the last of a kind counts, unknown ones do not", () => {
  const all = [setting(1, 10), setting(3, 20), setting(4, 30), setting(4, 31), setting(5, 20_000), setting(99, 1)];
  assert.deepEqual(read([...all.flat(), ...setting(2, 0), ...setting(6, 1)]), {
    headerTableBytes: 10,
    maxConcurrentStreams: 20,
    initialWindow: 31,
    maxFrameBytes: 20_000,
  });
});

Deno.test("wrong parameters are refused with the code of RFC 9113 section 6.5.2", () => {
  const wrong: [number[], string, boolean][] = [
    [setting(2, 2), "PROTOCOL_ERROR", false],
    [setting(2, 1), "PROTOCOL_ERROR", true],
    [setting(4, 0x80000000), "FLOW_CONTROL_ERROR", false],
    [setting(5, 16_383), "PROTOCOL_ERROR", false],
    [setting(5, 0x1000000), "PROTOCOL_ERROR", false],
    [[0, 1, 0, 0, 0], "FRAME_SIZE_ERROR", false],
  ];
  for (const [parameters, code, fromServer] of wrong) {
    assert.throws(
      () => read(parameters, fromServer),
      (error) => errorCodeName((error as { errorCode: number }).errorCode) === code,
    );
  }
});
