import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A release as a stand-in index has it. */
export interface StandInRelease {
  version: string;
  /** Ends of its wheels' names. @default one wheel for CPython 3.11 on Linux x86-64 */
  tags?: string[];
  requires?: string[];
  requiresPython?: string;
  isYanked?: boolean;
  /** Its wheels' metadata are not served. */
  isWithoutMetadata?: boolean;
}

/** Stand-in for package indexes, on loopback: `/json` speaks as PyPI does, `/html` as PyTorch's index does. */
export class StandInIndex {
  /** By project. */
  readonly projects = new Map<string, StandInRelease[]>();
  /** Answers with this status in place of pages. */
  status = 200;
  /** Paths that were asked for. */
  readonly asked: string[] = [];
  private readonly server: Server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "");
    this.asked.push(path);
    const [type, body] = this.answer(path);
    response.writeHead(body === undefined ? 404 : this.status, { "content-type": type });
    response.end(body ?? "");
  });

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get address(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  private answer(path: string): [string, string | undefined] {
    const [, kind = "", name = "", file = ""] = path.split("/");
    const releases = this.projects.get(name);
    if (!releases) return ["text/plain", undefined];
    if (file) {
      const release = releases.find((one) => filesOf(name, one).includes(file.replace(/\.metadata$/, "")));
      return ["text/plain", release && !release.isWithoutMetadata ? metadataOf(name, release) : undefined];
    }
    const files = releases.flatMap((release) => filesOf(name, release).map((file) => ({ file, release })));
    if (kind === "json")
      return [
        "application/vnd.pypi.simple.v1+json",
        JSON.stringify({
          files: files.map(({ file, release }) => ({
            filename: file,
            url: `/json/${name}/${encodeURIComponent(file)}`,
            yanked: release.isYanked ? "a reason" : false,
            "requires-python": release.requiresPython,
            "upload-time": "2026-02-03T04:05:06Z",
          })),
        }),
      ];
    const links = files.map(({ file, release }) => {
      const required = release.requiresPython?.replace(">", "&gt;").replace("<", "&lt;");
      const attribute = required === undefined ? "" : ` data-requires-python="${required}"`;
      const yanked = release.isYanked ? ' data-yanked="a reason"' : "";
      return `<a href="/html/${name}/${encodeURIComponent(file)}#sha256=00"${attribute}${yanked}>${file}</a><br/>`;
    });
    return ["text/html", `<!DOCTYPE html><html><body>${links.join("\n")}</body></html>`];
  }
}

function filesOf(name: string, { version, tags }: StandInRelease): string[] {
  const own = tags ?? ["cp311-cp311-manylinux_2_28_x86_64"];
  return own.map((tag) => `${name}-${version}-${tag}.whl`);
}

function metadataOf(name: string, { version, requires = [] }: StandInRelease): string {
  const lines = requires.map((requirement) => `Requires-Dist: ${requirement}`);
  return [
    "Metadata-Version: 2.1",
    `Name: ${name}`,
    `Version: ${version}`,
    ...lines,
    "",
    "Requires-Dist: none",
  ].join("\n");
}
