import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";

export interface FakeWheel {
  name: string;
  version: string;
  requires?: string[];
}

/** Two package indexes on loopback: one as PyPI is, one as PyTorch's is. Wheels are real and tiny. */
export class PackageIndexes {
  /** What was asked for, in order. */
  readonly asked: string[] = [];
  private readonly files = new Map<string, Buffer>();
  private server!: Server;
  /** What the index `closed` asks for. */
  private readonly login = `Basic ${Buffer.from("me:pa55word").toString("base64")}`;
  private readonly folder = mkdtempSync(join(tmpdir(), "gpu-build-host-index-"));

  async open(): Promise<void> {
    this.server = createServer((request, response) => {
      this.asked.push(request.url ?? "");
      const isClosed = request.url?.startsWith("/closed/") && request.headers.authorization !== this.login;
      if (isClosed) return void response.writeHead(401, { "www-authenticate": "Basic" }).end();
      const body = this.files.get(decodeURIComponent(request.url ?? "")) ?? this.page(request.url ?? "");
      response.writeHead(body ? 200 : 404, {
        "content-type": request.url?.endsWith(".whl") ? "application/zip" : "text/html",
      });
      response.end(body ?? "");
    });
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
  }

  close(): void {
    this.server.close();
    rmSync(this.folder, { recursive: true });
  }

  url(index: string): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/${index}`;
  }

  async add(index: string, { name, version, requires = [] }: FakeWheel): Promise<void> {
    const module = name.replaceAll("-", "_");
    const file = `${module}-${version}-py3-none-any.whl`;
    const info = join(this.folder, `${module}-${version}.dist-info`);
    mkdirSync(info, { recursive: true });
    const metadata = [
      "Metadata-Version: 2.1",
      `Name: ${name}`,
      `Version: ${version}`,
      ...requires.map((line) => `Requires-Dist: ${line}`),
      "",
    ];
    writeFileSync(join(info, "METADATA"), metadata.join("\n"));
    writeFileSync(
      join(info, "WHEEL"),
      "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    );
    writeFileSync(join(info, "RECORD"), "");
    const path = join(this.folder, file);
    await execa("python3", ["-m", "zipfile", "-c", path, info], { cwd: this.folder });
    this.files.set(`/${index}/${name}/${file}`, readFileSync(path));
    this.files.set(`/${index}/${name}/${file}.metadata`, readFileSync(join(info, "METADATA")));
  }

  /** A release without a wheel; nobody should fetch it. */
  addSource(index: string, name: string, version: string): void {
    this.files.set(`/${index}/${name}/${name}-${version}.tar.gz`, Buffer.from("no archive"));
  }

  private page(url: string): Buffer | undefined {
    const folder = url.endsWith("/") ? url : `${url}/`;
    const own = [...this.files].filter(([path]) => path.startsWith(folder) && !path.endsWith(".metadata"));
    const links = own.map(
      ([path, body]) =>
        `<a href="${encodeURI(path).replaceAll("+", "%2B")}#sha256=${createHash("sha256").update(body).digest("hex")}" data-dist-info-metadata="true">${path.split("/").pop()}</a>`,
    );
    return own.length > 0 ? Buffer.from(links.join("\n")) : undefined;
  }
}
