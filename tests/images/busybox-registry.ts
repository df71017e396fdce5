import { chmodSync, copyFileSync, createReadStream, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { unpackPackages } from "../../sandbox/apt-packages.ts";
import { debianRelease, debianSources } from "../../sandbox/debian.ts";
import { makeStandIn, type StandInImage } from "../../sandbox/stand-in-image.ts";

/** A registry of the tests, read only, on 127.0.0.1. */
export interface TestRegistry {
  /** e.g. `"127.0.0.1:34567"` */
  address: string;
  /** Digest of each tag, e.g. of `"1"` and `"2"`. */
  digests: Record<string, string>;
  /** Requests so far, e.g. `"HEAD /v2/library/busybox/manifests/1"`. */
  requests: string[];
  stop(): Promise<void>;
}

/** The registry of `library/busybox`, made from Debian's busybox-static: one image for each tag; they differ in a label only. */
export async function serveBusybox(tags: string[]): Promise<TestRegistry> {
  const images = new Map<string, StandInImage>();
  for (const tag of tags) images.set(tag, await busyboxImage(`busybox:${tag}`, `variant ${tag}`));
  return serveImages("library/busybox", images);
}

/** Starts a registry of one repository, with these images by tag. */
export async function serveImages(
  repository: string,
  images: ReadonlyMap<string, StandInImage>,
): Promise<TestRegistry> {
  const path = new RegExp(`^/v2/${repository}/(manifests|blobs)/([^/?]+)$`);
  const requests: string[] = [];
  const server: Server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const [, kind, name] = path.exec(request.url ?? "") ?? [];
    if (request.url === "/v2/") return void response.end("{}");
    for (const [tag, { manifest, digest, config, layer }] of images) {
      if (kind === "manifests" && (name === tag || name === digest)) {
        response.setHeader("docker-content-digest", digest);
        response.setHeader("content-type", "application/vnd.oci.image.manifest.v1+json");
        response.setHeader("content-length", manifest.length);
        return void response.end(request.method === "HEAD" ? undefined : manifest);
      }
      if (kind === "blobs" && name === layer.digest) {
        response.setHeader("content-length", layer.size);
        return request.method === "HEAD"
          ? void response.end()
          : void createReadStream(layer.file).pipe(response);
      }
      if (
        kind === "blobs" &&
        name === (JSON.parse(manifest.toString()) as { config: { digest: string } }).config.digest
      ) {
        response.setHeader("content-length", config.length);
        return void response.end(request.method === "HEAD" ? undefined : config);
      }
    }
    response.statusCode = 404;
    response.end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    digests: Object.fromEntries([...images].map(([tag, { digest }]) => [tag, digest])),
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Debian's busybox as an image. @param programs further files, executable, by path, e.g. `"usr/bin/uv"` */
export function busyboxImage(
  name: string,
  variant: string,
  programs: Record<string, string> = {},
): Promise<StandInImage> {
  return makeStandIn({
    name,
    what: `Debian's busybox-static, ${variant}`,
    layer: {
      key: { revision: 1, busybox: "debian", ...(Object.keys(programs).length > 0 && { programs }) },
      exclude: [],
      make: async (folder, scratch) => {
        await fillRoot(folder, scratch);
        for (const [path, text] of Object.entries(programs)) {
          mkdirSync(dirname(join(folder, path)), { recursive: true });
          writeFileSync(join(folder, path), text, { mode: 0o755 });
        }
      },
    },
    config: { Env: ["PATH=/usr/local/bin:/usr/bin:/bin"], Cmd: ["sh"] },
  });
}

async function fillRoot(folder: string, scratch: string): Promise<void> {
  const release = debianRelease() ?? "bookworm";
  await unpackPackages(
    ["busybox-static"],
    debianSources(release, "busybox"),
    join(scratch, "busybox"),
    join(scratch, "apt"),
    {},
  );
  for (const path of ["bin", "tmp", "etc"]) mkdirSync(join(folder, path));
  copyFileSync(join(scratch, "busybox/bin/busybox"), join(folder, "bin/busybox"));
  chmodSync(join(folder, "bin/busybox"), 0o755);
  const { stdout } = await execa(join(folder, "bin/busybox"), ["--list"]);
  for (const applet of stdout.split("\n").filter((line) => line && line !== "busybox"))
    symlinkSync("busybox", join(folder, "bin", applet));
  writeFileSync(join(folder, "etc/passwd"), "root:x:0:0:root:/:/bin/sh\n");
}
