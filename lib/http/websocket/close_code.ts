/** Close codes this library uses by itself (RFC 6455 section 7.4.1). */
export const CloseCode = {
  NORMAL: 1000,
  GOING_AWAY: 1001,
  PROTOCOL_ERROR: 1002,
  /** The close frame had no code. Never sent. */
  NO_STATUS: 1005,
  /** There was no close frame. Never sent. */
  ABNORMAL: 1006,
  INVALID_PAYLOAD: 1007,
  MESSAGE_TOO_BIG: 1009,
} as const;

/**
 * Whether a peer may send that close code: those of RFC 6455 section 7.4.1 and the registry that go over the wire, and
 * the ranges for libraries and applications.
 */
export function mayBeReceived(code: number): boolean {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

/** Whether an application may close with that code (WHATWG WebSockets, `close(code)`). */
export function mayBeChosen(code: number): boolean {
  return code === 1000 || (code >= 3000 && code <= 4999);
}
