import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** An image as the stand-in has it. */
export interface StandInImage {
  id: string;
  tags: string[];
  layers: string[];
}

/** Answers over a socket of its own what is asked of an engine about images, and notes every question. */
export class StandInEngine {
  readonly folder = mkdtempSync(join(tmpdir(), "gbh-engine-"));
  readonly dockerHost = `unix://${join(this.folder, "engine.sock")}`;
  images: StandInImage[] = [];
  /** e.g. `"GET /images/json"`, without the query. */
  readonly asked: string[] = [];
  /** Milliseconds that an answer about one image takes. */
  inspectMs = 0;
  private readonly server: Server;

  private constructor() {
    this.server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? "", "http://docker");
      const question = `${request.method} ${decodeURI(pathname)}`;
      this.asked.push(question);
      void this.answer(question, searchParams).then((body) => {
        response.statusCode = body === undefined ? 404 : 200;
        response.end(JSON.stringify(body ?? { message: "no such thing" }));
      });
    });
  }

  static async open(): Promise<StandInEngine> {
    const engine = new StandInEngine();
    await new Promise<void>((resolve) => engine.server.listen(join(engine.folder, "engine.sock"), resolve));
    return engine;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** How often something was asked since the questions were emptied. */
  count(question: string | RegExp): number {
    return this.asked.filter((asked) =>
      typeof question === "string" ? asked === question : question.test(asked),
    ).length;
  }

  private async answer(question: string, query: URLSearchParams): Promise<unknown> {
    if (question === "GET /info")
      return { ID: `stand-in-${this.folder}`, ServerVersion: "28.5.1", DockerRootDir: this.folder };
    if (question === "GET /version") return { ApiVersion: "1.47" };
    if (question === "GET /containers/json") return [];
    if (question.endsWith("/system/df")) return { BuildCache: [] };
    if (question === "GET /images/json")
      return this.images.map(({ id, tags }) => ({ Id: id, RepoTags: tags, Size: 1, Created: 1 }));
    const [, name = "", action] = /^\w+ \/images\/(.*)\/(json|tag)$/.exec(question) ?? [];
    const image = this.images.find(({ id, tags }) => id === name || tags.includes(name));
    if (action === "tag" && image) return this.tag(image, `${query.get("repo")}:${query.get("tag")}`);
    if (action !== "json" || !image) return undefined;
    await sleep(this.inspectMs);
    const { id, tags, layers } = image;
    return { Id: id, RepoTags: tags, RootFS: { Layers: layers }, Size: 1, Created: "2026-01-01T00:00:00Z" };
  }

  private tag(image: StandInImage, tag: string): object {
    for (const other of this.images) other.tags = other.tags.filter((name) => name !== tag);
    image.tags.push(tag);
    return {};
  }
}
