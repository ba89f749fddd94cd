import type { SetOutcome, SharedData, SharedValue } from "./shared_data.ts";

/** Bytes of keys and values that VMs of one id may keep, where nothing else is said. */
export const DEFAULT_SHARED_BYTES: number = 64 * 1024 * 1024;
/** What a key costs beside its bytes: a million empty ones are not free. */
const KEY_OVERHEAD = 64;
const MAX_CAS = 0xffff_ffff;

interface Scope {
  vms: number;
  bytes: number;
  readonly values: Map<string, SharedValue>;
}

/** Shared data in memory, for the VMs of one mesh. */
export class SharedDataTable implements SharedData {
  readonly #maxBytes: number;
  readonly #scopes = new Map<string, Scope>();
  #cas = 0;

  /** @param maxBytes Most bytes of keys and values for each VM id. */
  constructor(maxBytes: number = DEFAULT_SHARED_BYTES) {
    this.#maxBytes = maxBytes;
  }

  get(vmId: string, key: string): SharedValue | null {
    return this.#scopes.get(vmId)?.values.get(key) ?? null;
  }

  set(vmId: string, key: string, value: Uint8Array, cas: number): SetOutcome {
    const scope = this.#scope(vmId);
    const old = scope.values.get(key);
    if (old !== undefined && cas !== 0 && cas !== old.cas) return "mismatch";
    const grown = value.length - (old === undefined ? -(key.length + KEY_OVERHEAD) : old.value.length);
    if (grown > 0 && scope.bytes + grown > this.#maxBytes) return "full";
    scope.bytes += grown;
    this.#cas = this.#cas === MAX_CAS ? 1 : this.#cas + 1;
    scope.values.set(key, { value, cas: this.#cas });
    return "set";
  }

  retain(vmId: string): void {
    this.#scope(vmId).vms++;
  }

  release(vmId: string): void {
    const scope = this.#scopes.get(vmId);
    if (scope !== undefined && --scope.vms === 0) this.#scopes.delete(vmId);
  }

  #scope(vmId: string): Scope {
    let scope = this.#scopes.get(vmId);
    if (scope === undefined) this.#scopes.set(vmId, scope = { vms: 0, bytes: 0, values: new Map() });
    return scope;
  }
}
