/** What the field lines of a head say about the message itself; everything else is in `pairs`. */
export class MessageHead {
  /** Names (lower case) and values of the end-to-end fields, flat, in order. */
  pairs: string[] = [];
  /** Value of `host`; `null` for none. */
  host: string | null = null;
  /** Value of `content-length`; -1 for none. */
  contentLength = -1;
  /** Whether there is a `transfer-encoding`, which can only be `chunked`. */
  chunked = false;
  /** Whether `connection` holds `close`. */
  close = false;
  /** Whether `connection` holds `keep-alive`. */
  keepAlive = false;
  /** Value of `upgrade`, several joined by commas; `null` for none. */
  upgrade: string | null = null;
  /** Whether `connection` holds `upgrade`. */
  upgradeOption = false;
  /** Whether `expect: 100-continue` was sent. */
  expectContinue = false;
  /** Bytes on the wire: start line, fields and empty line. */
  bytes = 0;
}
