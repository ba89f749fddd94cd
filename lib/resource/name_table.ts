/** `istio.networking.nds.v1.NameTable`: names of the mesh and their addresses. */
export interface NameTable {
  /**
   * Addresses of a host name, lower case and without a trailing dot; `null` where the name is not in the table.
   * Kubernetes names are also found by `name`, `name.namespace` and `name.namespace.svc` as a pod of
   * `clientNamespace` would resolve them. Any name with fewer than five dots is first tried with the search list of such a
   * pod (`NS.svc.DOMAIN`, `svc.DOMAIN`, `DOMAIN`), unless it ends with a dot.
   */
  lookup(host: string): readonly string[] | null;
  /** Every full name. */
  names(): Iterable<string>;
}
