import { Status, type StatusCode } from "./abi.ts";
import { decodeLatin1, encodeLatin1 } from "./latin1.ts";
import type { GuestFunction, WasmMemory } from "./runtime/runtime.ts";

/** Longer names are not remembered. */
const MAX_NAME = 64;
const NAME_SLOTS = 256;
const NO_MEMORY: WasmMemory = { buffer: new ArrayBuffer(0) };

/**
 * The memory of one instance, and what passes through it. Text is bytes, a UTF-16 unit each, as everywhere in the data
 * path: nothing a module or a peer sends is lost for not being UTF-8.
 *
 * Every pointer and length a module gives is checked here; what lies outside gives `null` or `false`, never an exception.
 */
export class GuestMemory {
  #memory: WasmMemory = NO_MEMORY;
  #allocate: GuestFunction | null = null;
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(NO_MEMORY.buffer);
  /** Names by where they lie in the memory: modules name the same few headers again and again. */
  readonly #names: (string | undefined)[] = new Array(NAME_SLOTS).fill(undefined);

  /**
   * Begins with an instance.
   *
   * @param memory Its memory.
   * @param allocate Its allocator: size in, pointer out, 0 for failure.
   */
  attach(memory: WasmMemory, allocate: GuestFunction | null): void {
    this.#memory = memory;
    this.#allocate = allocate;
    this.#renew();
  }

  /** Lets go of the instance. */
  detach(): void {
    this.attach(NO_MEMORY, null);
  }

  /** Bytes of memory now. */
  get size(): number {
    return this.#memory.buffer.byteLength;
  }

  /** Whether that range is within the memory. */
  contains(pointer: number, length: number): boolean {
    return (pointer >>> 0) + (length >>> 0) <= this.#current().length;
  }

  /** A view of that range, valid until the module runs again; `null` where it is not within the memory. */
  view(pointer: number, length: number): Uint8Array | null {
    const bytes = this.#current();
    const start = pointer >>> 0;
    const end = start + (length >>> 0);
    return end > bytes.length ? null : bytes.subarray(start, end);
  }

  /** A copy of that range; `null` where it is not within the memory. */
  copy(pointer: number, length: number): Uint8Array | null {
    return this.view(pointer, length)?.slice() ?? null;
  }

  /** That range as a byte string; `null` where it is not within the memory. */
  text(pointer: number, length: number): string | null {
    const bytes = this.#current();
    const start = pointer >>> 0;
    const end = start + (length >>> 0);
    return end > bytes.length ? null : decodeLatin1(bytes, start, end);
  }

  /** That range as the lower-case name of a header; `null` where it is not within the memory. */
  name(pointer: number, length: number): string | null {
    const bytes = this.#current();
    const start = pointer >>> 0;
    const end = start + (length >>> 0);
    if (end > bytes.length) return null;
    const slot = (start ^ (start >>> 8)) & (NAME_SLOTS - 1);
    const known = this.#names[slot];
    if (known !== undefined && known.length === end - start && same(known, bytes, start)) return known;
    const text = this.text(pointer, length)!.toLowerCase();
    // What has upper-case letters in the memory is never found again, which is right and only slower.
    if (text.length <= MAX_NAME) this.#names[slot] = text;
    return text;
  }

  /** Reads 32 bits; `null` where they are not within the memory. */
  readU32(pointer: number): number | null {
    const at = pointer >>> 0;
    return at + 4 > this.#current().length ? null : this.#view.getUint32(at, true);
  }

  /** Reads 64 bits; `null` where they are not within the memory. */
  readU64(pointer: number): bigint | null {
    const at = pointer >>> 0;
    return at + 8 > this.#current().length ? null : this.#view.getBigUint64(at, true);
  }

  /** Writes 32 bits; `false` where they would not be within the memory. */
  writeU32(pointer: number, value: number): boolean {
    const at = pointer >>> 0;
    if (at + 4 > this.#current().length) return false;
    this.#view.setUint32(at, value, true);
    return true;
  }

  /** Writes 64 bits; `false` where they would not be within the memory. */
  writeU64(pointer: number, value: bigint): boolean {
    const at = pointer >>> 0;
    if (at + 8 > this.#current().length) return false;
    this.#view.setBigUint64(at, value, true);
    return true;
  }

  /** Writes bytes; `false` where they would not be within the memory. */
  write(pointer: number, data: Uint8Array): boolean {
    const at = pointer >>> 0;
    const bytes = this.#current();
    if (at + data.length > bytes.length) return false;
    bytes.set(data, at);
    return true;
  }

  /**
   * Hands a byte string to the module: memory from its allocator, pointer and size written where it wants them. The
   * module owns it from then on. Nothing gives pointer 0 and size 0.
   */
  giveText(text: string, pointerOut: number, sizeOut: number): StatusCode {
    const { length } = text;
    if (length === 0) return this.#writeRange(0, 0, pointerOut, sizeOut);
    const target = this.#reserve(length, pointerOut, sizeOut);
    if (target < 0) return -target as StatusCode;
    encodeLatin1(text, this.#bytes, target);
    return this.#writeRange(target, length, pointerOut, sizeOut);
  }

  /** As {@linkcode GuestMemory.giveText}, of bytes. */
  giveBytes(data: Uint8Array, pointerOut: number, sizeOut: number): StatusCode {
    if (data.length === 0) return this.#writeRange(0, 0, pointerOut, sizeOut);
    const target = this.#reserve(data.length, pointerOut, sizeOut);
    if (target < 0) return -target as StatusCode;
    this.#bytes.set(data, target);
    return this.#writeRange(target, data.length, pointerOut, sizeOut);
  }

  /**
   * As {@linkcode GuestMemory.giveText}, of bytes that `fill` writes.
   *
   * @param length How many; above 0.
   * @param fill Writes them all.
   */
  giveWith(length: number, pointerOut: number, sizeOut: number, fill: (target: Uint8Array) => void): StatusCode {
    const target = this.#reserve(length, pointerOut, sizeOut);
    if (target < 0) return -target as StatusCode;
    fill(this.#bytes.subarray(target, target + length));
    return this.#writeRange(target, length, pointerOut, sizeOut);
  }

  /** Memory of that size from the module's allocator; the negative of a status where there is none. */
  #reserve(length: number, pointerOut: number, sizeOut: number): number {
    // Asked before anything is allocated, for nobody would free it.
    if (!this.contains(pointerOut, 4) || !this.contains(sizeOut, 4)) return -Status.INVALID_MEMORY_ACCESS;
    // A module without memory to give is answered as in Envoy.
    if (this.#allocate === null) return -Status.INVALID_MEMORY_ACCESS;
    const pointer = (this.#allocate(length) as number) >>> 0;
    if (pointer === 0) return -Status.INVALID_MEMORY_ACCESS;
    return pointer + length > this.#current().length ? -Status.INVALID_MEMORY_ACCESS : pointer;
  }

  #writeRange(pointer: number, length: number, pointerOut: number, sizeOut: number): StatusCode {
    return this.writeU32(pointerOut, pointer) && this.writeU32(sizeOut, length)
      ? Status.OK
      : Status.INVALID_MEMORY_ACCESS;
  }

  /** The bytes as they are now: growth takes the former view away, which shows as a length of 0. */
  #current(): Uint8Array {
    if (this.#bytes.length === 0) this.#renew();
    return this.#bytes;
  }

  #renew(): void {
    const { buffer } = this.#memory;
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
  }
}

function same(text: string, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}
