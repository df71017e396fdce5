import assert from "node:assert/strict";
import { request } from "node:http";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { debianCommand, pythonCommand } from "../../components/package-cache-command.ts";
import { proxyFileInside } from "../../components/registry-cache-command.ts";
import { cacheFolder, runFolder, wheelLoginInside } from "../../lib/package-cache/nginx-config.ts";
import { answers } from "../../lib/package-cache/open.ts";
import { wheelWatchSeconds } from "../../lib/package-cache/wheel-limit.ts";
import { cacheProxy } from "../../lib/proxy/cache-proxy.ts";
import { freePorts } from "../integration/free-ports.ts";
import type { Project } from "../integration/project.ts";
import type { SmallIndex } from "./small-index.ts";
import { untilTrue } from "./until-true.ts";

/** Bytes of each of the three stores. */
export const storage = 10e6;
/** Pages are good for a second, and nginx counts whole ones. */
export const pagesAreOldMs = 2500;
const allow = ["127.0.0.0/8"];
const names = { python: "gbh-test-python", debian: "gbh-test-debian" };

/** The containers of a package cache as the component starts them, but small and quick: pages are old after a second. */
export class RunningCaches {
  readonly login = "builds:0123456789";
  private readonly project: Project;
  private readonly python: number;
  private readonly debian: number;
  private readonly index: SmallIndex;

  private constructor(project: Project, index: SmallIndex, [python = 0, debian = 0]: number[]) {
    this.project = project;
    this.index = index;
    this.python = python;
    this.debian = debian;
  }

  static async start(
    project: Project,
    image: string,
    index: SmallIndex,
    outside: { port: number; login: string },
  ): Promise<RunningCaches> {
    const caches = new RunningCaches(project, index, await freePorts(2));
    const { python, debian } = caches;
    const certificates = process.env["SSL_CERT_FILE"] ?? "/etc/ssl/certs/ca-certificates.crt";
    const loginFile = join(project.root, "login");
    writeFileSync(loginFile, `${caches.login.replace(":", ":{PLAIN}")}\n`);
    chmodSync(project.root, 0o755);
    const nginx = quicker(
      pythonCommand(
        { listen: [`127.0.0.1:${python}`], allow, httpIndexes: [index.url], storage, ca: "/ca.pem" },
        storage,
        "",
      ),
      {
        " 10m;": " 1s;",
        "proxy_read_timeout 30s": "proxy_read_timeout 2s",
        [`sleep ${wheelWatchSeconds}`]: "sleep 1",
      },
    );
    const proxy = await cacheProxy(
      { http: `http://${outside.login}@127.0.0.1:${outside.port}`, noProxy: [] },
      { folder: join(project.root, "secrets"), isPreview: false },
    );
    assert.ok(proxy && "file" in proxy, "a login stands in a file");
    const squid = quicker(
      debianCommand({ listen: [`127.0.0.1:${debian}`], allow, storage, direct: [] }, proxy),
      {
        "refresh_pattern . 10 0% 10": "refresh_pattern . 0 0% 0",
        "forward_timeout 20 ": "forward_timeout 2 ",
        "\nread_timeout 25 ": "\nread_timeout 3 ",
      },
    );
    await caches.run("python", image, nginx, [
      `${loginFile}:${wheelLoginInside}:ro`,
      `${certificates}:/ca.pem:ro`,
    ]);
    await caches.run("debian", image, squid, [`${proxy.file}:${proxyFileInside}:ro`]);
    for (const port of [python, debian]) await untilTrue(30, () => answers("127.0.0.1", port));
    return caches;
  }

  private async run(
    kind: "python" | "debian",
    image: string,
    command: string,
    mounts: string[],
  ): Promise<void> {
    const volumes = [`${names[kind]}:${cacheFolder}`, ...mounts].flatMap((mount) => ["--volume", mount]);
    const args = [
      "--network",
      "host",
      "--read-only",
      "--tmpfs",
      `${runFolder}:mode=1777`,
      "--cap-drop",
      "ALL",
    ];
    await this.project.docker(
      ...["run", "--detach", "--name", names[kind], ...args, ...volumes],
      ...["--entrypoint", "/bin/sh", image, "-c", command],
    );
  }

  async stop(): Promise<void> {
    await this.project.docker("rm", "--force", "--volumes", ...Object.values(names));
    await this.project.docker("volume", "rm", ...Object.values(names));
  }

  /** From now on no name of a host is found: the nameserver is gone. */
  async loseNames(): Promise<void> {
    const script = `echo "resolver 127.0.0.1:1;" > ${runFolder}/resolver.conf && exec nginx -s reload -c ${runFolder}/nginx.conf`;
    await this.project.docker("exec", names.python, "sh", "-c", script);
  }

  /** Bytes on the disk. */
  async bytes(kind: "python" | "debian"): Promise<number> {
    const out = await this.project.docker("exec", names[kind], "du", "-sB1", `${cacheFolder}/${kind}`);
    return Number(out.split("\t")[0]);
  }

  /** Fetches a file of the index through the cache, or what stands at a path of the cache; returns its bytes. */
  async fetchPython(path: string): Promise<number> {
    const whole = path.startsWith("/files/") ? `/http/127.0.0.1:${this.index.port}${path}` : path;
    const answer = await this.ask(whole);
    if (!answer.ok) throw new Error(`${whole}: ${answer.status}`);
    return (await answer.arrayBuffer()).byteLength;
  }

  async text(path: string): Promise<string> {
    const answer = await this.ask(path);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.text();
  }

  async status(path: string): Promise<number> {
    const { status, body } = await this.ask(path);
    await body?.cancel();
    return status;
  }

  async put(path: string, login?: string, body: BodyInit = "wheel"): Promise<number> {
    const headers: Record<string, string> = login
      ? { authorization: `Basic ${Buffer.from(login).toString("base64")}` }
      : {};
    return (await this.ask(path, { method: "PUT", body, headers })).status;
  }

  /** Makes a file of the wheel store two hours old. */
  async age(path: string): Promise<void> {
    await this.project.docker("exec", names.python, "touch", "-d", "2 hours ago", `${cacheFolder}${path}`);
  }

  /** Bytes that came, of an answer that was cut off as well. */
  fetchDebian(url: string): Promise<number> {
    return this.throughProxy(url).then(({ bytes }) => bytes);
  }

  debianStatus(url: string): Promise<number> {
    return this.throughProxy(url).then(({ status }) => status);
  }

  private ask(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.python}${path}`, init);
  }

  private throughProxy(url: string): Promise<{ status: number; bytes: number }> {
    return new Promise((resolve, reject) => {
      const asked = request(
        { host: "127.0.0.1", port: this.debian, path: url, headers: { host: new URL(url).host } },
        (answer) => {
          let bytes = 0;
          answer.on("data", (chunk: Buffer) => (bytes += chunk.length));
          answer.on("close", () => resolve({ status: answer.statusCode ?? 0, bytes }));
        },
      );
      asked.on("error", reject);
      asked.end();
    });
  }
}

function quicker(command: string, changes: Record<string, string>): string {
  for (const [from, to] of Object.entries(changes)) {
    assert.ok(command.includes(from), `the command has no "${from}"`);
    command = command.replaceAll(from, to);
  }
  return command;
}
