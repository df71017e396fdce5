import { createReadStream, statSync } from "node:fs";
import { call, type HttpAnswer } from "./http.ts";

/** Media types of the images that we make. */
export const mediaTypes = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
} as const;

/** Digest of the manifest that a tag names in a registry on 127.0.0.1; undefined if there is none. */
export async function manifestDigest(
  port: number,
  repository: string,
  reference: string,
): Promise<string | undefined> {
  const answer = await call({
    to: { port },
    method: "HEAD",
    path: `/v2/${repository}/manifests/${reference}`,
    headers: { Accept: mediaTypes.manifest },
  });
  const digest = answer.headers["docker-content-digest"];
  return answer.status === 200 && typeof digest === "string" ? digest : undefined;
}

/** Uploads a blob that the registry does not have yet. */
export async function pushBlob(
  port: number,
  repository: string,
  digest: string,
  content: Buffer | { file: string },
): Promise<void> {
  const blobs = `/v2/${repository}/blobs`;
  if ((await call({ to: { port }, method: "HEAD", path: `${blobs}/${digest}` })).status === 200) return;
  const upload = await call({ to: { port }, method: "POST", path: `${blobs}/uploads/` });
  const location = new URL(String(upload.headers.location), `http://127.0.0.1:${port}`);
  location.searchParams.set("digest", digest);
  const size = Buffer.isBuffer(content) ? content.length : statSync(content.file).size;
  const answer = await call({
    to: { port },
    method: "PUT",
    path: `${location.pathname}${location.search}`,
    headers: { "Content-Type": "application/octet-stream", "Content-Length": size },
    body: Buffer.isBuffer(content) ? content : createReadStream(content.file),
    timeoutMs: 60_000,
  });
  expect(answer, 201, `upload of ${digest}`);
}

/** Puts a manifest under a tag. Its blobs must be there. */
export async function pushManifest(
  port: number,
  repository: string,
  tag: string,
  manifest: Buffer,
): Promise<void> {
  const answer = await call({
    to: { port },
    method: "PUT",
    path: `/v2/${repository}/manifests/${tag}`,
    headers: { "Content-Type": mediaTypes.manifest, "Content-Length": manifest.length },
    body: manifest,
  });
  expect(answer, 201, `manifest of ${repository}:${tag}`);
}

function expect(answer: HttpAnswer, status: number, what: string): void {
  if (answer.status === status) return;
  throw new Error(
    `The sandbox's upstream refused the ${what}: ${answer.status} ${answer.body.toString().trim()}`,
  );
}
