import { FetchFailure } from "./fetch_failure.ts";

/** A file of an archive. */
export interface TarFile {
  readonly name: string;
  /** A view of the archive. */
  readonly content: Uint8Array;
}

const BLOCK = 512;
const text = new TextDecoder();

/** The regular files of a tar archive (ustar, with the long names of GNU and pax). @throws {FetchFailure} When it is cut short. */
export function* readTar(archive: Uint8Array): Generator<TarFile> {
  let longName: string | null = null;
  for (let at = 0; at + BLOCK <= archive.length;) {
    const header = archive.subarray(at, at + BLOCK);
    // Two empty blocks end an archive; what is behind them is filling.
    if (header.every((byte) => byte === 0)) return;
    const size = sizeOf(header);
    const content = archive.subarray(at + BLOCK, at + BLOCK + size);
    if (content.length < size) throw new FetchFailure("the archive is cut short", false);
    const type = String.fromCharCode(header[156]!);
    if (type === "L") longName = stringAt(content, 0, size);
    else if (type === "x") longName = paxPath(content) ?? longName;
    else {
      if (type === "0" || type === "\0") yield { name: longName ?? nameOf(header), content };
      longName = null;
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
}

function nameOf(header: Uint8Array): string {
  const name = stringAt(header, 0, 100);
  const prefix = stringAt(header, 257, 5) === "ustar" ? stringAt(header, 345, 155) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** Octal digits, or, with the highest bit set, a binary number. */
function sizeOf(header: Uint8Array): number {
  if (header[124]! & 0x80) {
    let size = header[124]! & 0x7f;
    for (let i = 125; i < 136; i++) size = size * 256 + header[i]!;
    if (!Number.isSafeInteger(size)) throw new FetchFailure("the archive holds a file of an impossible size", false);
    return size;
  }
  const digits = stringAt(header, 124, 12).trim();
  if (!/^[0-7]*$/.test(digits)) throw new FetchFailure("the archive is not valid: a size is no number", false);
  return digits === "" ? 0 : parseInt(digits, 8);
}

function paxPath(content: Uint8Array): string | null {
  // Records are `LENGTH KEY=VALUE\n`.
  return /(?:^|\n)\d+ path=([^\n]*)\n/.exec(text.decode(content))?.[1] ?? null;
}

function stringAt(bytes: Uint8Array, start: number, length: number): string {
  const field = bytes.subarray(start, start + length);
  const end = field.indexOf(0);
  return text.decode(end === -1 ? field : field.subarray(0, end));
}
