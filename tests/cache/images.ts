import { randomBytes } from "node:crypto";
import { digestOf } from "../../sandbox/digest.ts";
import { mediaTypes, pushBlob, pushManifest } from "../../sandbox/registry-client.ts";

/** An image of random bytes in a registry of the tests. */
export interface TestImage {
  repository: string;
  tag: string;
  /** Of its manifest. */
  digest: string;
  config: string;
  layers: string[];
  /** Bytes of manifest, configuration and layers. */
  bytes: number;
}

let count = 0;

/**
 * Pushes an image, which nothing unpacks.
 *
 * @param layers sizes in bytes, or layers of another image, which it then shares
 */
export async function pushImage(
  port: number,
  { repository = `library/image-${++count}`, tag = "1", layers = [20_000] as (number | Buffer)[] } = {},
): Promise<TestImage> {
  const contents = layers.map((layer) => (Buffer.isBuffer(layer) ? layer : randomBytes(layer)));
  const config = Buffer.from(
    JSON.stringify({ architecture: "amd64", os: "linux", id: randomBytes(8).toString("hex") }),
  );
  const described = (mediaType: string, content: Buffer) => ({
    mediaType,
    digest: digestOf(content),
    size: content.length,
  });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: described(mediaTypes.config, config),
      layers: contents.map((content) => described(mediaTypes.layer, content)),
    }),
  );
  for (const content of [config, ...contents]) await pushBlob(port, repository, digestOf(content), content);
  await pushManifest(port, repository, tag, manifest);
  return {
    repository,
    tag,
    digest: digestOf(manifest),
    config: digestOf(config),
    layers: contents.map((content) => digestOf(content)),
    bytes: [manifest, config, ...contents].reduce((sum, { length }) => sum + length, 0),
  };
}

/** Pulls an image as an engine does: manifest by tag or digest, then everything that it names. */
export async function pull(
  url: string,
  { repository, digest, config, layers }: TestImage,
  version: string = digest,
): Promise<void> {
  for (const path of [`manifests/${version}`, ...[config, ...layers].map((blob) => `blobs/${blob}`)]) {
    const answer = await fetch(`${url}/v2/${repository}/${path}`, {
      headers: { accept: mediaTypes.manifest, "user-agent": "docker/28.5.2" },
    });
    const body = Buffer.from(await answer.arrayBuffer());
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${body.toString()}`);
    if (path.includes("sha256:") && !path.endsWith(digestOf(body))) throw new Error(`${path}: other bytes`);
  }
}
