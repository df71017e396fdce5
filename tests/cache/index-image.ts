import { digestOf } from "../../sandbox/digest.ts";
import { call } from "../../sandbox/http.ts";
import { mediaTypes } from "../../sandbox/registry-client.ts";
import { pushImage, type TestImage } from "./images.ts";

const indexType = "application/vnd.oci.image.index.v1+json";

/** Pushes an image for two platforms under one tag. @param fitting platform of the first one */
export async function pushIndex(
  port: number,
  { fitting: platform = "linux/amd64" } = {},
): Promise<{ index: TestImage; fitting: TestImage; other: TestImage }> {
  const fitting = await pushImage(port, { tag: "fitting" });
  const other = await pushImage(port, { repository: fitting.repository, tag: "other" });
  const entries = [
    [fitting, platform],
    [other, "linux/arm64"],
  ] as const;
  const manifests = await Promise.all(
    entries.map(async ([image, platform]) => {
      const [os, architecture] = platform.split("/");
      const { digest, repository } = image;
      const found = await call({
        to: { port },
        path: `/v2/${repository}/manifests/${digest}`,
        headers: { Accept: mediaTypes.manifest },
      });
      const size = Number(found.headers["content-length"]);
      return { mediaType: mediaTypes.manifest, digest, size, platform: { os, architecture } };
    }),
  );
  const text = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests }));
  const answer = await call({
    to: { port },
    method: "PUT",
    path: `/v2/${fitting.repository}/manifests/1`,
    headers: { "Content-Type": indexType, "Content-Length": text.length },
    body: text,
  });
  if (answer.status !== 201) throw new Error(`the index was not taken: ${answer.status}`);
  return { index: { ...fitting, tag: "1", digest: digestOf(text) }, fitting, other };
}
