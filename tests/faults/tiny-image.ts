import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "../../sandbox/digest.ts";
import { packLayer } from "../../sandbox/image-layer.ts";
import { mediaTypes, pushBlob, pushManifest } from "../../sandbox/registry-client.ts";

/** An image that was pushed, and that no cache has seen. */
export interface TinyImage {
  /** e.g. `"library/tiny-1"`. */
  repository: string;
  /** Digest of its only layer. */
  layer: string;
  /** Digest of that layer, uncompressed, as the engine names it. */
  diff: string;
  /** Digest of its configuration. */
  config: string;
  /** Digest of its manifest. */
  manifest: string;
}

let count = 0;

/** Pushes an image of one file with random bytes to a registry on 127.0.0.1, under the tag `1`. */
export async function pushTinyImage(port: number, kibibytes = 64): Promise<TinyImage> {
  const folder = mkdtempSync(join(tmpdir(), "gbh-tiny-"));
  try {
    mkdirSync(join(folder, "files"));
    writeFileSync(join(folder, "files", "bytes"), randomBytes(kibibytes * 1024));
    const layer = await packLayer(join(folder, "files"), join(folder, "layer.tar.gz"));
    const config = Buffer.from(
      JSON.stringify({
        architecture: "amd64",
        os: "linux",
        config: { Cmd: ["/none"] },
        rootfs: { type: "layers", diff_ids: [layer.diffId] },
      }),
    );
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.manifest,
        config: { mediaType: mediaTypes.config, digest: digestOf(config), size: config.length },
        layers: [{ mediaType: mediaTypes.layer, digest: layer.digest, size: layer.size }],
      }),
    );
    count += 1;
    const repository = `library/tiny-${count}`;
    await pushBlob(port, repository, layer.digest, { file: layer.file });
    await pushBlob(port, repository, digestOf(config), config);
    await pushManifest(port, repository, "1", manifest);
    return {
      repository,
      layer: layer.digest,
      diff: layer.diffId,
      config: digestOf(config),
      manifest: digestOf(manifest),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
