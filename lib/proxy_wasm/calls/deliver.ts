import type { Delivered, RootContext } from "../root_context.ts";
import type { GuestFunction } from "../runtime/runtime.ts";

/** What `proxy_get_status` answers while a callback is about a call. */
export interface CallStatus {
  readonly code: number;
  readonly message: string;
}

/** What it answers otherwise. */
export const NO_STATUS: CallStatus = { code: 0, message: "" };

/**
 * Runs a callback of a root about something it has called for. What is delivered can be read until the module returns;
 * what the module has asked for meanwhile (streams to go on, say) happens after that, and sees nothing of it any more.
 *
 * @param root Whose call it is.
 * @param callback The function; `null` for one the module does not have.
 * @param delivered What came.
 * @param status How the call ended.
 * @param rest Its arguments after the number of the root.
 */
export function deliver(
  root: RootContext,
  callback: GuestFunction | null,
  delivered: Delivered | null,
  status: CallStatus,
  ...rest: readonly [number, number?, number?, number?]
): void {
  if (callback === null || root.closed) return;
  const { vm, id } = root;
  const end = () => {
    root.delivered = null;
    root.status = NO_STATUS;
  };
  root.delivered = delivered;
  root.status = status;
  vm.run(
    root,
    (...args) => {
      const result = callback(...args);
      end();
      return result;
    },
    id,
    ...rest,
  );
  // Where the module has failed.
  end();
}
