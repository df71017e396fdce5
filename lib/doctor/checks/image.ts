import { engineRequest, socketOf, unlessMissing } from "../../docker/request.ts";
import { runBriefly } from "../../host/run-briefly.ts";
import { latestByImage } from "../../images/history.ts";
import type { ImagePlan } from "../../images/types.ts";
import { npmCommand } from "../../settings/commands.ts";
import { runInImage } from "../run-in-image.ts";
import { fail, isUnknown, ok, skip, warn, type CheckDefinition, type Facts, type Outcome } from "../types.ts";
import { startCommand } from "./pulumi.ts";

export const imageChecks: CheckDefinition[] = [
  {
    id: "image.base-found",
    what: "The friendly tags that FROM names, e.g. `cuda-base:runtime-12.8`, are on this engine.",
    fails:
      "one is gone although its image was built before (`docker system prune -a`): a build says `not found`, or asks Docker Hub",
    warns: "one has not been built yet",
    run: judgeBases,
  },
  {
    id: "image.builder",
    what: "The builder that a `docker build` by hand uses. Ours always use the engine's own.",
    warns:
      "it is of the kind docker-container or remote: it does not see the engine's images, so `FROM cuda-base:…` asks Docker Hub",
    run: judgeBuilder,
  },
  {
    id: "image.runtime-parts",
    what: "With `--deep`: each service's image is started, and every library of its Python packages is looked up by `ldd`.",
    fails:
      "a library is in no folder of the image: the last stage of a multi-stage Dockerfile lacks its package",
    limit: 300,
    run: judgeRuntimeParts,
  },
];

async function judgeBases(facts: Facts): Promise<Outcome> {
  const images = await facts.images();
  if (isUnknown(images)) return skip(images.problem);
  if (isUnknown(await facts.engine())) return skip("the engine does not answer");
  const parents = images.filter(({ name }) => images.some((other) => other.parents.includes(name)));
  const tags = parents.flatMap((parent) => parent.tags.map((tag) => ({ tag, name: parent.name })));
  const found = await Promise.all(tags.map(({ tag }) => isThere(facts, tag)));
  const gone = tags.filter((_, index) => !found[index]);
  if (gone.length === 0)
    return ok(tags.length > 0 ? tags.map(({ tag }) => tag).join(", ") : "no image stands on another");
  const built = await latestByImage(facts.settings.stateDir, facts.settings.stack);
  const shown = gone.map(({ tag }) => tag).join(", ");
  return gone.some(({ name }) => built.has(name))
    ? fail(`gone from this engine: ${shown}`, startCommand(facts))
    : warn(`not built yet: ${shown}`, startCommand(facts));
}

async function isThere(facts: Facts, reference: string): Promise<boolean> {
  const path = `/images/${encodeURI(reference)}/json`;
  const socket = socketOf(facts.settings.engine.host);
  return (await unlessMissing(engineRequest<object>(socket, { path, timeoutMs: 7_000 }))) !== undefined;
}

async function judgeBuilder(facts: Facts, signal: AbortSignal): Promise<Outcome> {
  if (isUnknown(await facts.engine())) return skip("the engine does not answer");
  const run = await runBriefly("docker", ["buildx", "inspect"], { env: facts.env, timeoutMs: 9_000, signal });
  if (run.state !== "ended") return skip("docker buildx gave no answer");
  const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, "m").exec(run.stdout)?.[1];
  const [name, driver] = [field("Name"), field("Driver")];
  if (!driver)
    return skip(`docker buildx names no builder: ${(run.stderr || run.stdout).trim().split("\n")[0]}`);
  if (driver === "docker") return ok(`${name}: the engine's own`);
  return warn(
    `the current builder is ${name} (${driver}): it does not see this engine's images, so FROM cuda-base:… asks Docker Hub`,
    facts.env["BUILDX_BUILDER"] ? "unset BUILDX_BUILDER" : "docker buildx use default",
  );
}

/** Prints `MISSING library file` for each library that neither the loader nor any folder of the image has. */
const lookUp = `command -v ldd >/dev/null || { echo NO-LDD; exit 0; }
find / -xdev \\( -path /proc -o -path /sys \\) -prune -o -name '*.so*' -print 2>/dev/null | sed 's,.*/,,' | sort -u > /tmp/names
find / -xdev \\( -name dist-packages -o -name site-packages \\) -type d 2>/dev/null | while read -r folder; do
  find "$folder" -name '*.so*' -type f | while read -r file; do
    ldd "$file" 2>/dev/null | sed -n 's/^[[:space:]]*\\([^ ]*\\) => not found.*/\\1/p' | while read -r library; do
      grep -q -x -F "$library" /tmp/names || echo "MISSING $library $file"
    done
  done
done`;

/** Of the driver: the container toolkit brings them from the host when a container starts. */
const fromDriver = /^lib(cuda|nvidia-.*|nvcuvid|cudadebugger|nvoptix)\.so/;

async function judgeRuntimeParts(facts: Facts, signal: AbortSignal): Promise<Outcome> {
  if (!facts.deep)
    return skip(
      `starts a container for each service: ${npmCommand("npm run doctor", facts.settings.stack, "--deep")}`,
    );
  const [images, missing] = [await facts.images(), await facts.missingImages()];
  if (isUnknown(images) || isUnknown(missing)) return skip("the stack's images are not known");
  const services = images.filter(({ name }) => name in facts.settings.services);
  const built = services.filter((service) => !missing.includes(service));
  if (built.length === 0) return skip("no service is built");
  const lacking: string[] = [];
  const unread: string[] = [];
  for (const service of built) {
    const found = await missingLibraries(facts, service, signal);
    if (found === undefined) unread.push(service.name);
    else lacking.push(...found.map((line) => `${service.name}: ${line}`));
  }
  if (lacking.length > 0)
    return fail(
      `libraries are missing: ${lacking.slice(0, 5).join("; ")}${lacking.length > 5 ? ` and ${lacking.length - 5} more` : ""}`,
      "install their packages in the Dockerfile's last stage (apt-get install), or copy them from the stage that built; apt-file search LIBRARY names the package",
    );
  if (unread.length > 0) return skip(`could not be looked into: ${unread.join(", ")}`);
  return ok(`every library of ${built.map(({ name }) => name).join(", ")} is there`);
}

async function missingLibraries(
  facts: Facts,
  image: ImagePlan,
  signal: AbortSignal,
): Promise<string[] | undefined> {
  const run = await runInImage(facts, image.reference, lookUp, { signal, seconds: 280 });
  if (run.exitCode !== 0 || run.output.includes("NO-LDD")) return undefined;
  const lines = [...run.output.matchAll(/^MISSING (\S+) (\S+)$/gm)];
  const first = new Map(lines.map(([, library, file]) => [library!, file!]));
  return [...first]
    .filter(([library]) => !fromDriver.test(library))
    .map(([library, file]) => `${library} (${file})`);
}
