import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * Holds builds: a RUN step that asks for it waits until the gate is opened, so a test knows that the step runs, and the
 * same step ends at once in a later build.
 */
export class Gate {
  private readonly held = new Set<ServerResponse>();
  private readonly server: Server;
  private isOpen = false;
  private onArrival: (() => void) | undefined;

  constructor() {
    this.server = createServer((_request, response) => {
      if (this.isOpen) return void response.end("go\n");
      this.held.add(response);
      response.on("close", () => this.held.delete(response));
      this.onArrival?.();
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return (this.server.address() as AddressInfo).port;
  }

  /** From now on builds are held. */
  close(): void {
    this.isOpen = false;
  }

  /** Resolves when a build is held. */
  arrival(): Promise<void> {
    if (this.held.size > 0) return Promise.resolve();
    return new Promise((resolve) => (this.onArrival = resolve));
  }

  /** Lets builds pass. */
  open(): void {
    this.isOpen = true;
    for (const response of this.held) response.end("go\n");
  }

  /** True while no build waits: its container is gone. */
  get isEmpty(): boolean {
    return this.held.size === 0;
  }

  async end(): Promise<void> {
    this.open();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
