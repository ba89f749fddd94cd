/** What came of reading a file. */
export type FileResult =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "missing" }
  /** The process may not read it. */
  | { readonly kind: "denied" }
  /** It is there and could not be read; `message` says why. */
  | { readonly kind: "failed"; readonly message: string };

/** Reads configuration files. Injected, so that tests need none. */
export interface FileSource {
  /** Reads a text file; never rejects. */
  read(path: string): Promise<FileResult>;
}

/** Configuration files are small; what is larger was not meant for us. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The file system, as far as it may be read. A file that may not be read is reported, the runtime never prompts. */
export const fileSystem: FileSource = {
  async read(path) {
    if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return { kind: "denied" };
    try {
      const bytes = await Deno.readFile(path);
      if (bytes.length > MAX_BYTES) return { kind: "failed", message: `it is larger than '${MAX_BYTES}' bytes` };
      return { kind: "text", text: new TextDecoder().decode(bytes) };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return { kind: "missing" };
      return { kind: "failed", message: error instanceof Error ? error.message : String(error) };
    }
  },
};

/** File contents by path; everything else is missing. */
export function recordFiles(files: Readonly<Record<string, string>>): FileSource {
  return {
    read: (path) => {
      const text = Object.hasOwn(files, path) ? files[path] : undefined;
      return Promise.resolve(text === undefined ? { kind: "missing" } : { kind: "text", text });
    },
  };
}
