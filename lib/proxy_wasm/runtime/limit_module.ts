import { ModuleReader } from "./module_reader.ts";
import { ModuleWriter } from "./module_writer.ts";

/** A memory that a module wants from its host. */
export interface ImportedMemory {
  readonly module: string;
  readonly name: string;
  /** In pages of 64 KiB. */
  readonly minimum: number;
  readonly maximum: number;
}

/** A module that cannot take more than it may. */
export interface LimitedModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly importedMemory: ImportedMemory | null;
}

const PAGE = 64 * 1024;
/** Magic and version. */
const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const Section = { TYPE: 1, IMPORT: 2, TABLE: 4, MEMORY: 5, TAG: 13 } as const;
const ImportKind = { FUNCTION: 0, TABLE: 1, MEMORY: 2, GLOBAL: 3, TAG: 4 } as const;
const FUNCTION_TYPE = 0x60;
const FUNCTION_REFERENCE = 0x70;
const EXTERNAL_REFERENCE = 0x6f;
const NULLABLE = 0x63;
const NOT_NULLABLE = 0x64;
/** Elements of all tables together: several times what a large program has in functions. */
const MAX_ELEMENTS = 128 * 1024;
const MAX_TABLES = 8;
/** Values an exception may carry. */
const MAX_PAYLOAD = 16;
const FLAG_MAXIMUM = 1;

/** What is learned on the way through the sections. */
interface Findings {
  readonly maxPages: number;
  readonly parameters: number[];
  memories: number;
  importedMemory: ImportedMemory | null;
}

/**
 * Imposes limits on a module before it is compiled, for the engine has none that apply to one module: its memory gets a
 * maximum, so does each of its tables. What takes from the heap of this program without any limit (garbage-collected
 * types, shared memory, memories and tables by the dozen, exceptions of any size) is refused. Everything else is left
 * as it is, to be checked by the engine.
 *
 * @param bytes The module in binary form.
 * @param maxMemoryBytes Most bytes its memory may grow to; counted in whole pages of 64 KiB.
 * @throws {TypeError} When it needs more than it may, or is no module.
 */
export function limitModule(bytes: Uint8Array, maxMemoryBytes: number): LimitedModule {
  const reader = new ModuleReader(bytes);
  const writer = new ModuleWriter();
  for (const byte of HEADER) if (reader.byte() !== byte) refuse("it does not begin as a module of version 1 does");
  for (const byte of HEADER) writer.byte(byte);
  const findings: Findings = {
    maxPages: Math.min(Math.floor(maxMemoryBytes / PAGE), 65536),
    parameters: [],
    memories: 0,
    importedMemory: null,
  };
  while (!reader.atEnd) {
    const id = reader.byte();
    const content = reader.bytes(reader.u32());
    const rewritten = rewrite(id, new ModuleReader(content), findings);
    writer.byte(id);
    writer.vector(rewritten ?? content);
  }
  return { bytes: writer.finish(), importedMemory: findings.importedMemory };
}

/** The content of a section as it is to be; `null` where it stays as it is. */
function rewrite(id: number, reader: ModuleReader, findings: Findings): Uint8Array | null {
  switch (id) {
    case Section.TYPE:
      checkTypes(reader, findings);
      return null;
    case Section.IMPORT:
      return rewriteImports(reader, findings);
    case Section.TABLE:
      return rewriteTables(reader);
    case Section.MEMORY:
      return rewriteMemories(reader, findings);
    case Section.TAG:
      for (let count = reader.u32(); count > 0; count--) checkTag(reader, findings);
  }
  return null;
}

function checkTypes(reader: ModuleReader, { parameters }: Findings): void {
  for (let count = reader.u32(); count > 0; count--) {
    if (reader.byte() !== FUNCTION_TYPE) refuse("it has garbage-collected types, whose size has no limit");
    const taken = reader.u32();
    for (let i = 0; i < taken; i++) reader.valueType();
    for (let results = reader.u32(); results > 0; results--) reader.valueType();
    parameters.push(taken);
  }
}

function checkTag(reader: ModuleReader, { parameters }: Findings): void {
  reader.byte();
  const carried = parameters[reader.u32()] ?? 0;
  if (carried > MAX_PAYLOAD) refuse(`it has exceptions of '${carried}' values, of which ${MAX_PAYLOAD} may be`);
}

function rewriteImports(reader: ModuleReader, findings: Findings): Uint8Array {
  const writer = new ModuleWriter();
  const count = reader.u32();
  writer.u32(count);
  for (let i = 0; i < count; i++) {
    const module = reader.bytes(reader.u32());
    const name = reader.bytes(reader.u32());
    writer.vector(module);
    writer.vector(name);
    const kind = reader.byte();
    writer.byte(kind);
    const start = reader.at;
    switch (kind) {
      case ImportKind.FUNCTION:
        reader.u32();
        break;
      case ImportKind.GLOBAL:
        reader.valueType();
        reader.byte();
        break;
      case ImportKind.TAG:
        checkTag(reader, findings);
        break;
      case ImportKind.MEMORY: {
        const [minimum, maximum] = copyMemory(reader, writer, findings);
        findings.importedMemory = { module: text(module), name: text(name), minimum, maximum };
        continue;
      }
      default:
        refuse(`it imports something of kind '${kind}'`);
    }
    writer.bytes(reader.since(start));
  }
  return writer.finish();
}

function rewriteTables(reader: ModuleReader): Uint8Array {
  const writer = new ModuleWriter();
  const count = reader.u32();
  if (count > MAX_TABLES) refuse(`it has '${count}' tables, of which ${MAX_TABLES} may be`);
  writer.u32(count);
  const limit = Math.floor(MAX_ELEMENTS / count);
  for (let i = 0; i < count; i++) {
    const start = reader.at;
    checkReference(reader);
    writer.bytes(reader.since(start));
    copyLimits(reader, writer, limit, "table", "elements");
  }
  return writer.finish();
}

/** Tables hold functions, or what the host gives; exceptions could be kept there without limit. */
function checkReference(reader: ModuleReader): void {
  const type = reader.byte();
  if (type === FUNCTION_REFERENCE || type === EXTERNAL_REFERENCE) return;
  if (type === NULLABLE || type === NOT_NULLABLE) {
    const heapType = reader.byte();
    // Every type of the module is one of functions: that has been checked.
    if (heapType === FUNCTION_REFERENCE || heapType === EXTERNAL_REFERENCE) return;
  }
  refuse("it has a table of something other than functions");
}

function rewriteMemories(reader: ModuleReader, findings: Findings): Uint8Array {
  const writer = new ModuleWriter();
  const count = reader.u32();
  writer.u32(count);
  for (let i = 0; i < count; i++) copyMemory(reader, writer, findings);
  return writer.finish();
}

function copyMemory(reader: ModuleReader, writer: ModuleWriter, findings: Findings): [number, number] {
  if (++findings.memories > 1) refuse("it has several memories");
  return copyLimits(reader, writer, findings.maxPages, "memory", "pages of 64 KiB");
}

/** Copies limits with a maximum of at most `limit`. */
function copyLimits(
  reader: ModuleReader,
  writer: ModuleWriter,
  limit: number,
  what: string,
  unit: string,
): [number, number] {
  const flags = reader.byte();
  if (flags > FLAG_MAXIMUM) refuse(`it has a ${what} with flags '${flags}' (shared or of 64 bits)`);
  const minimum = reader.u32();
  const wanted = flags === FLAG_MAXIMUM ? reader.u32() : limit;
  if (minimum > limit) refuse(`it has a ${what} of '${minimum}' ${unit}, of which ${limit} may be`);
  const maximum = Math.min(wanted, limit);
  writer.byte(FLAG_MAXIMUM);
  writer.u32(minimum);
  writer.u32(maximum);
  return [minimum, maximum];
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function refuse(what: string): never {
  throw new TypeError(`Cannot limit the module: ${what}; build it for plain WebAssembly, or raise the limit`);
}
