/** Why a VM does not run any more. */
export class VmFailure extends Error {
  /**
   * @param doing What it was at, for the message: `run 'proxy_on_request_headers'`.
   * @param cause What was thrown.
   */
  constructor(doing: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`Cannot ${doing}: the module failed with '${reason}'; every stream of this VM is lost`, { cause });
    this.name = "VmFailure";
  }
}
