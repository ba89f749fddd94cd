import { Http2ConnectionError } from "./connection_error.ts";
import { Http2ErrorCode } from "./error_code.ts";
import { getUint32 } from "./frame.ts";
import type { Http2Limits } from "./limits.ts";

/** Identifiers of SETTINGS (RFC 9113 section 6.5.2). */
export const SettingId = {
  HEADER_TABLE_SIZE: 0x1,
  ENABLE_PUSH: 0x2,
  MAX_CONCURRENT_STREAMS: 0x3,
  INITIAL_WINDOW_SIZE: 0x4,
  MAX_FRAME_SIZE: 0x5,
  MAX_HEADER_LIST_SIZE: 0x6,
} as const;

/** Bytes of a parameter on the wire. */
export const SETTING_BYTES = 6;
/** The largest flow-control window (RFC 9113 section 6.9.1). */
export const MAX_WINDOW = 0x7fffffff;
/** The window of a new stream and of the connection before anything else is said. */
export const INITIAL_WINDOW = 65_535;
/** Frame payload everyone has to accept. */
export const MIN_MAX_FRAME = 16_384;

/** The settings of the peer: what it grants us. */
export interface PeerSettings {
  headerTableBytes: number;
  /** `Infinity` before the peer has said a number. */
  maxConcurrentStreams: number;
  initialWindow: number;
  maxFrameBytes: number;
}

/** What holds until the peer's SETTINGS arrive. */
export function initialPeerSettings(): PeerSettings {
  return {
    headerTableBytes: 4096,
    maxConcurrentStreams: Infinity,
    initialWindow: INITIAL_WINDOW,
    maxFrameBytes: MIN_MAX_FRAME,
  };
}

/**
 * Reads the payload of a SETTINGS frame into `settings`. Unknown parameters are ignored, and so is
 * MAX_HEADER_LIST_SIZE, which is advice: a peer that does not want a list says so in its answer.
 *
 * @throws {Http2ConnectionError} FRAME_SIZE_ERROR, PROTOCOL_ERROR or FLOW_CONTROL_ERROR as section 6.5.2 says.
 */
export function readSettings(
  bytes: Uint8Array,
  start: number,
  end: number,
  settings: PeerSettings,
  fromServer: boolean,
): void {
  if ((end - start) % SETTING_BYTES !== 0) {
    throw new Http2ConnectionError(Http2ErrorCode.FRAME_SIZE_ERROR, `SETTINGS has ${end - start} bytes`);
  }
  for (let at = start; at < end; at += SETTING_BYTES) {
    const id = bytes[at]! << 8 | bytes[at + 1]!;
    const value = getUint32(bytes, at + 2);
    switch (id) {
      case SettingId.HEADER_TABLE_SIZE:
        settings.headerTableBytes = value;
        break;
      case SettingId.ENABLE_PUSH:
        if (value > 1 || (fromServer && value === 1)) throw wrong("ENABLE_PUSH", value);
        break;
      case SettingId.MAX_CONCURRENT_STREAMS:
        settings.maxConcurrentStreams = value;
        break;
      case SettingId.INITIAL_WINDOW_SIZE:
        if (value > MAX_WINDOW) throw wrong("INITIAL_WINDOW_SIZE", value, Http2ErrorCode.FLOW_CONTROL_ERROR);
        settings.initialWindow = value;
        break;
      case SettingId.MAX_FRAME_SIZE:
        if (value < MIN_MAX_FRAME || value > 0xffffff) throw wrong("MAX_FRAME_SIZE", value);
        settings.maxFrameBytes = value;
        break;
    }
  }
}

/** The parameters we announce, flat: identifier, value. */
export function ownSettings(limits: Readonly<Http2Limits>, role: "client" | "server"): number[] {
  const settings = [
    SettingId.HEADER_TABLE_SIZE,
    limits.decoderTableBytes,
    SettingId.INITIAL_WINDOW_SIZE,
    limits.streamWindowBytes,
    SettingId.MAX_FRAME_SIZE,
    limits.maxFrameBytes,
    SettingId.MAX_HEADER_LIST_SIZE,
    limits.maxHeaderListBytes,
  ];
  if (role === "client") settings.push(SettingId.ENABLE_PUSH, 0);
  else settings.push(SettingId.MAX_CONCURRENT_STREAMS, limits.maxConcurrentStreams);
  return settings;
}

function wrong(name: string, value: number, code: number = Http2ErrorCode.PROTOCOL_ERROR): Http2ConnectionError {
  return new Http2ConnectionError(code, `SETTINGS_${name} is ${value}`);
}
