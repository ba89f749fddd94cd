/** A component as jco has taken it apart: core modules, and the JavaScript that puts them together. */
export interface TranspiledComponent {
  /** Source of an ES module that exports `instantiate(getCoreModule, imports)`. */
  readonly glue: string;
  /** Core modules by the names the glue asks for. */
  readonly modules: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  /** Names of the interfaces it imports, without versions. */
  readonly imports: readonly string[];
  /** Names of what it exports, with versions where it has them. */
  readonly exports: readonly string[];
}

/** What the worker that takes components apart answers. Here, so that nobody imports the worker: it imports jco. */
export type TranspileAnswer = { readonly component: TranspiledComponent } | { readonly error: string };
