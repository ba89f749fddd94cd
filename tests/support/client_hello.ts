/** Settings of {@linkcode clientHello}. */
export interface HelloOptions {
  sni?: string | null;
  alpn?: readonly string[] | null;
  /** Handshake bytes in one record. @default {16384} */
  recordSize?: number;
  /** Extensions put before the others: type and content. @default {[]} */
  extra?: readonly (readonly [number, Uint8Array])[];
}

/** A ClientHello as bytes on the wire: well-formed, with GREASE values as browsers send them. */
export function clientHello(options: HelloOptions = {}): Uint8Array {
  const { sni = "example.com", alpn = ["h2", "http/1.1"], recordSize = 16384, extra = [] } = options;
  const extensions: number[][] = [extension(0x3a3a, [0])];
  for (const [type, content] of extra) extensions.push(extension(type, [...content]));
  if (sni !== null) extensions.push(extension(0, vector(2, [0, ...vector(2, ascii(sni))])));
  if (alpn !== null) {
    extensions.push(
      extension(
        16,
        vector(2, [
          ...vector(1, [0x5a, 0x5a]),
          ...vector(1, [0xda, 0xda]),
          ...alpn.flatMap((n) => vector(1, ascii(n))),
        ]),
      ),
    );
  }
  const body = [
    3,
    3,
    ...new Array<number>(32).fill(7),
    ...vector(1, new Array<number>(32).fill(9)),
    ...vector(2, [0x1a, 0x1a, 0x13, 0x01]),
    ...vector(1, [0]),
    ...vector(2, extensions.flat()),
  ];
  const handshake = [1, body.length >> 16, (body.length >> 8) & 255, body.length & 255, ...body];
  const wire: number[] = [];
  for (let at = 0; at < handshake.length; at += recordSize) {
    wire.push(22, 3, 1, ...vector(2, handshake.slice(at, at + recordSize)));
  }
  return new Uint8Array(wire);
}

function extension(type: number, content: number[]): number[] {
  return [type >> 8, type & 255, ...vector(2, content)];
}

function vector(size: 1 | 2, content: number[]): number[] {
  return size === 1 ? [content.length, ...content] : [content.length >> 8, content.length & 255, ...content];
}

function ascii(text: string): number[] {
  return [...text].map((c) => c.charCodeAt(0));
}
