import type { Answer } from "../types.ts";
import { compareVersions, majorOf } from "../versions.ts";
import { settingFact, unknown, warns } from "./answers.ts";
import type { Context } from "./context.ts";

/** The external image against the CUDA that is asked for, and what its tag says of support. */
export function baseImage(context: Context): Answer[] {
  const { combination, image, torchCuda, data, today } = context;
  const fact = settingFact("image", combination.cudaImage);
  const answers: Answer[] = [];
  const distribution = data.distributions.find(({ id }) => id === image.distribution);
  if (distribution?.endOfLife && distribution.endOfLife < today)
    answers.push(
      warns("end-of-life", {
        text: `${distribution.id} had its end of life in ${distribution.endOfLife}: no more fixes, and NVIDIA's tags of it may go`,
        facts: [fact],
        sources: distribution.sources,
        fix: "take a tag of a newer distribution",
      }),
    );
  if (distribution?.python && distribution.python !== combination.python)
    answers.push(
      warns("base-image", {
        text: `${distribution.id} brings Python ${distribution.python}, and the base takes the image's own python3: its check stops the build unless that is ${combination.python}`,
        facts: [fact, settingFact("python", combination.python)],
        sources: distribution.sources,
        fix: `set gpu-build-host:cudaBase.python to "${distribution.python}", or take another distribution`,
      }),
    );
  if (!image.isNvidia || !image.cuda) return answers;
  const exact = data.nvidiaImages.find(({ point }) => point === image.point);
  const ended = data.endedImages.find(({ point }) => point === image.point);
  if (ended)
    answers.push(
      warns("end-of-life", {
        text: `Support of nvidia/cuda:${image.point} has ended${ended.supersededBy ? ` with ${ended.supersededBy}` : ""}; its tags may go six months later`,
        facts: [fact],
        sources: [...ended.sources, ...retention(context)],
        fix: `take nvidia/cuda:${ended.supersededBy ?? "of a newer CUDA version"}`,
      }),
    );
  const points = data.cudaToolkits.find(({ version }) => version === image.cuda)?.drivers;
  const isNamed = exact ?? ended ?? data.endedImages.find(({ supersededBy }) => supersededBy === image.point);
  if (!image.point)
    answers.push(
      unknown("base-image", "install", {
        text: `NVIDIA's tags name a point release, such as nvidia/cuda:${Object.keys(points ?? {}).at(-1) ?? "12.8.1"}; ${combination.cudaImage} does not`,
        facts: [fact],
        fix: "look it up at Docker Hub",
      }),
    );
  else if (points && !isNamed && !(image.point in points))
    answers.push(
      unknown("base-image", "install", {
        text: `nvidia/cuda:${image.point} is not in the data; the newest of CUDA ${image.cuda} that is: ${Object.keys(points).sort(compareVersions).at(-1)}`,
        facts: [fact],
        fix: "look it up at Docker Hub",
      }),
    );
  if (exact && image.distribution && exact.distributions && !exact.distributions.includes(image.distribution))
    answers.push(
      unknown("base-image", "install", {
        text: `A tag of nvidia/cuda:${image.point} for ${image.distribution} is not in the data; it has ${exact.distributions.join(", ")}`,
        facts: [fact],
        sources: exact.sources,
        fix: `take nvidia/cuda:${image.point}-${image.variant}-${exact.distributions.at(-1)}`,
      }),
    );
  const wanted = torchCuda?.cuda ?? combination.cuda;
  if (image.cuda !== wanted)
    answers.push(
      warns("base-image", {
        text: `The external image is of CUDA ${image.cuda}, torch of CUDA ${wanted}: torch brings its own libraries, but the driver is compared with ${image.cuda} when a container starts`,
        facts: [fact, torchCuda?.fact ?? settingFact("cuda", combination.cuda)],
        sources: image.row?.sources ?? [],
        fix: `take an image of CUDA ${majorOf(wanted) === majorOf(image.cuda) ? wanted : `${wanted}, and of the same major at least`}`,
      }),
    );
  return answers;
}

const retention = ({ data }: Context) =>
  data.buildStatements.find(({ id }) => id === "nvidia-cuda-retention")?.sources ?? [];
