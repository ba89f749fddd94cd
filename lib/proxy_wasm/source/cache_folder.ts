/** A file of a {@linkcode CacheFolder}. */
export interface CachedFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly usedAt: number;
}

/** A folder with files that several processes write at once. Injected, so that tests need none. */
export interface CacheFolder {
  /** The content; `null` where there is none of that name. */
  read(name: string): Promise<Uint8Array | null>;
  /** Writes a file so that nobody ever sees a part of it. */
  write(name: string, content: Uint8Array): Promise<void>;
  /** Marks a file as used. Does nothing where it is gone. */
  touch(name: string, at: number): Promise<void>;
  /** Removes a file. Does nothing where it is gone. */
  remove(name: string): Promise<void>;
  /** Every file. */
  list(): Promise<CachedFile[]>;
}

/** Ends the names of files that are being written. */
export const PARTIAL = ".partial";

/** A folder of the file system; made when it is first written to. */
export function openCacheFolder(path: string): CacheFolder {
  const at = (name: string) => `${path}/${name}`;
  return {
    read: (name) => Deno.readFile(at(name)).catch(absent(null)),
    async write(name, content) {
      await Deno.mkdir(path, { recursive: true, mode: 0o700 });
      const partial = at(`${name}.${crypto.randomUUID()}${PARTIAL}`);
      try {
        await Deno.writeFile(partial, content, { mode: 0o600, createNew: true });
        await Deno.rename(partial, at(name));
      } catch (error) {
        await Deno.remove(partial).catch(() => {});
        throw error;
      }
    },
    touch: (name, time) => Deno.utime(at(name), new Date(time), new Date(time)).catch(absent(undefined)),
    remove: (name) => Deno.remove(at(name)).catch(absent(undefined)),
    async list() {
      const files: CachedFile[] = [];
      try {
        for await (const { name, isFile } of Deno.readDir(path)) {
          if (!isFile) continue;
          const info = await Deno.lstat(at(name)).catch(absent(null));
          if (info !== null) files.push({ name, size: info.size, usedAt: info.mtime?.getTime() ?? 0 });
        }
      } catch (error) {
        absent(null)(error);
      }
      return files;
    },
  };
}

function absent<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof Deno.errors.NotFound) return value;
    throw error;
  };
}
