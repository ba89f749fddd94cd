/** Writes tar archives (ustar), as images have them. */
export function tar(files: Readonly<Record<string, Uint8Array>>): Uint8Array<ArrayBuffer> {
  const blocks = Object.entries(files).flatMap((
    [name, content],
  ) => [header(name, content.length, "0"), padded(content)]);
  return joined([...blocks, new Uint8Array(1024)]);
}

/** A header block. */
export function header(name: string, size: number, type: string): Uint8Array {
  const block = new Uint8Array(512);
  const put = (text: string, at: number) => void block.set(new TextEncoder().encode(text), at);
  put(name, 0);
  put("0000644", 100);
  put(size.toString(8).padStart(11, "0"), 124);
  put("        ", 148);
  put(type, 156);
  put("ustar", 257);
  put("00", 263);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

/** Content as the blocks of an archive hold it. */
export function padded(content: Uint8Array): Uint8Array {
  const blocks = new Uint8Array(Math.ceil(content.length / 512) * 512);
  blocks.set(content);
  return blocks;
}

/** All of them one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Compressed. */
export async function gzip(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
