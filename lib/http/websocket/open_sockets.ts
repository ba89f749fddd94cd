import type { MeshWebSocket } from "./mesh_web_socket.ts";

/** The WebSockets of a server, or of a mesh as a client, that must be told when it goes away. */
export class OpenSockets {
  readonly #sockets = new Set<MeshWebSocket>();
  #leaving = false;

  /** How many are open or on their way. */
  get size(): number {
    return this.#sockets.size;
  }

  /** Keeps a socket until it is over. */
  add(socket: MeshWebSocket): void {
    this.#sockets.add(socket);
    socket.onEnd = () => void this.#sockets.delete(socket);
    if (this.#leaving) socket.connection.leave();
  }

  /** Ends every socket with 1001, those that come later among them. */
  leave(): void {
    this.#leaving = true;
    for (const socket of [...this.#sockets]) socket.connection.leave();
  }
}
