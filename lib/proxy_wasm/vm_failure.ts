/** Why a VM does not run any more. */
export class VmFailure extends Error {
  /**
   * @param doing What it was at, for the message: `run 'proxy_on_request_headers'`.
   * @param cause What was thrown. It is not kept: the error of a trap keeps its whole instance from being collected.
   */
  constructor(doing: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`Cannot ${doing}: the module failed with '${reason}'; every stream of this VM is lost`);
    this.name = "VmFailure";
  }
}
