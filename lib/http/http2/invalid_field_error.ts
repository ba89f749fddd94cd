/** A header field that our own side wanted to send and that no message may carry. Nothing of its block was sent. */
export class InvalidFieldError extends Error {
  /** @param name Name of the field; its value is not told, for it may be a secret. */
  constructor(name: string) {
    super(`Header '${name.slice(0, 64)}' has a name or a value that no HTTP message may carry`);
    this.name = "InvalidFieldError";
  }
}
