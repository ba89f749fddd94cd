import { CAPTURE_PORT, findSidecar, sidecarPresent } from "../../bootstrap/sidecar_guard.ts";
import type { Bootstrap } from "../../bootstrap/bootstrap.ts";
import type { Connector } from "../../transport/connector.ts";
import { type CheckResult, result } from "../check.ts";
import { failures } from "../failure.ts";

/** Whether something else already captures the traffic of this pod. */
export async function checkSidecar({ besideSidecar }: Bootstrap, connector: Connector): Promise<CheckResult> {
  switch (await findSidecar(connector)) {
    case "none":
      return result("sidecar", "ok", "Nothing captures the traffic of this pod");
    case "unknown":
      return result(
        "sidecar",
        "skipped",
        "No permission to look for a sidecar",
        `Run with --allow-net=127.0.0.1:${CAPTURE_PORT} to have it looked for`,
      );
    case "present": {
      const found = failures("sidecar", sidecarPresent())[0]!;
      return besideSidecar ? { ...found, status: "warning" } : found;
    }
  }
}
