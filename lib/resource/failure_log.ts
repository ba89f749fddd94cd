import type { ResourceFailure } from "./resource_record.ts";
import type { ResourceReport } from "./resource_update.ts";
import type { UpdateStamp } from "./update_stamp.ts";

/** Failures remembered of one kind; a control plane that sends nothing but rubbish does not grow it further. */
const MAX_REMEMBERED = 1_000;

/** Remembers what is wrong with the newest version of each resource of one kind, until a good one comes or it goes. */
export class FailureLog {
  readonly #failures = new Map<string, ResourceFailure>();

  /** What is wrong with that resource; `null` for nothing. */
  get(name: string): ResourceFailure | null {
    return this.#failures.get(name) ?? null;
  }

  /** Every name something is wrong with. */
  names(): Iterable<string> {
    return this.#failures.keys();
  }

  /**
   * Takes note of what came of one resource.
   *
   * @param name Its name.
   * @param bytes As it came.
   * @param report What the control plane is told; `null` where all is well.
   * @param stamp The update that brought it.
   */
  note(name: string, bytes: Uint8Array, report: ResourceReport | null, stamp: UpdateStamp): void {
    if (report === null) {
      this.#failures.delete(name);
      return;
    }
    const known = this.#failures.get(name);
    if (known === undefined && this.#failures.size >= MAX_REMEMBERED) return;
    this.#failures.set(name, { errors: report.errors, stamp, bytes: report.applied ? null : new Uint8Array(bytes) });
  }

  /** Forgets a resource that is gone. */
  delete(name: string): void {
    this.#failures.delete(name);
  }
}
