import { MeshError } from "../errors.ts";
import type { LocalReply } from "./local_reply.ts";

/** A request has taken longer than its stream may live or be silent; knows what the caller is told. */
export class StreamExpired extends MeshError {
  /** The answer where there is none yet. */
  readonly reply: LocalReply;

  /**
   * @param kind Which limit has passed.
   * @param ms The limit.
   */
  constructor(kind: "duration" | "idle", ms: number) {
    const message = kind === "duration"
      ? `Cannot go on with the request: it has lasted longer than max_stream_duration, '${ms}' ms`
      : `Cannot go on with the request: no byte has passed for '${ms}' ms, its idle timeout`;
    super(kind === "duration" ? "DURATION_TIMEOUT" : "STREAM_IDLE_TIMEOUT", message);
    // The request has arrived whole, so that it is the upstream which is late.
    this.reply = kind === "duration"
      ? { status: 504, flag: "DT", details: "max_duration_timeout", grpcStatus: 4, body: message }
      : { status: 504, flag: "SI", details: "stream_idle_timeout", body: message };
  }
}
