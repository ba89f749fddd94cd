import type { TranspiledComponent } from "./transpiled_component.ts";

/** Changes with every version of jco or of its options: what another one made is made anew. */
const FORMAT = "jco-0.12.1-a";

interface Index {
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  readonly modules: readonly string[];
}

/**
 * A component in a folder of the disk, as jco took it apart: it survives restarts and is shared by processes. Whoever may
 * write there may run code in them.
 */
export class ComponentFolder {
  readonly #root: string;
  readonly #path: string;

  /**
   * @param root The folder for all components; made where it is missing.
   * @param sha256 Of the component's bytes.
   */
  constructor(root: string, sha256: string) {
    this.#root = root;
    this.#path = `${root}/${sha256}-${FORMAT}`;
  }

  /** The component, or `null` where it is not there, or not to be read. */
  async read(): Promise<TranspiledComponent | null> {
    try {
      const index = JSON.parse(await Deno.readTextFile(`${this.#path}/index.json`)) as Index;
      const modules = new Map<string, Uint8Array<ArrayBuffer>>();
      for (const name of index.modules) modules.set(name, await Deno.readFile(`${this.#path}/${name}`));
      const glue = await Deno.readTextFile(`${this.#path}/glue.js`);
      return { glue, modules, imports: index.imports, exports: index.exports };
    } catch {
      return null;
    }
  }

  /** Keeps it. What cannot be written is not kept: the filter works without. */
  async write(component: TranspiledComponent): Promise<void> {
    try {
      await Deno.mkdir(this.#root, { recursive: true });
      const temporary = await Deno.makeTempDir({ dir: this.#root });
      const { glue, imports, exports, modules } = component;
      const index: Index = { imports, exports, modules: [...modules.keys()] };
      await Deno.writeTextFile(`${temporary}/glue.js`, glue);
      for (const [name, bytes] of modules) await Deno.writeFile(`${temporary}/${name}`, bytes);
      await Deno.writeTextFile(`${temporary}/index.json`, JSON.stringify(index));
      // Another process may have been faster: its files are the same.
      await Deno.rename(temporary, this.#path).catch(() => Deno.remove(temporary, { recursive: true }));
    } catch {
      // A folder that is read-only or full costs time at the next start, nothing else.
    }
  }
}
