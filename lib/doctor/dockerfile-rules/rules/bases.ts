import { familiarName, parseReference } from "../../../images/image-reference.ts";
import type { DockerfileModel } from "../model.ts";
import { isContext } from "../model.ts";
import type { Rule } from "../rule.ts";
import { isExternalDevel, isMoving, ourBase, stackImage } from "../references.ts";

/** Images without a tag, or with the one that always moves. */
export const latest: Rule = {
  id: "dockerfile.latest",
  status: "WARN",
  *check(model) {
    for (const { line, text, by } of externalImages(model)) {
      const reference = parseReference(text);
      if (
        isBareName(text, by) ||
        !reference ||
        reference.digest !== undefined ||
        (reference.tag ?? "latest") !== "latest"
      )
        continue;
      yield {
        line,
        message: `${familiarName(reference)} is another image whenever its makers publish one`,
        fix: "name a version, e.g. python:3.11.9-slim, or a digest: docker buildx imagetools inspect IMAGE prints it",
      };
    }
  },
};

/** Tags without a version. */
export const unpinned: Rule = {
  id: "dockerfile.unpinned",
  status: "WARN",
  *check(model) {
    for (const { line, text } of externalImages(model)) {
      const reference = parseReference(text);
      if (reference && isMoving(reference))
        yield {
          line,
          message: `the tag ${reference.tag} of ${text} moves with every release`,
          fix: "name minor version and flavour, e.g. python:3.11-slim, or a digest: docker buildx imagetools inspect IMAGE prints it",
        };
    }
  },
};

/** `COPY --from` a name that no stage has. */
export const stage: Rule = {
  id: "dockerfile.stage",
  status: "WARN",
  *check(model) {
    for (const { line, text, by } of externalImages(model))
      if (isBareName(text, by))
        yield {
          line,
          message: `no stage is called ${text}, so ${by} fetches the image ${text}:latest from Docker Hub`,
          fix: `name a stage above: FROM … AS ${text.toLowerCase()}; or write the image with its tag`,
        };
  },
};

/** A final stage that carries compilers. */
export const develFinal: Rule = {
  id: "dockerfile.devel-final",
  status: "WARN",
  *check({ final }) {
    const { root, ours } = final;
    if (root === undefined || (ours ? ours.kind !== "devel" : !isExternalDevel(root))) return;
    yield {
      line: final.line,
      message: `the image stands on ${root}: compilers and headers stay in what runs${ours ? " (0.35 GB)" : ""}`,
      fix: `build wheels on it (FROM ${root} AS wheels) and install them in a last stage on ${ours ? root.replace("devel", "runtime") : "the runtime image"}`,
    };
  },
};

/** A frontend that is fetched for every build. */
export const syntaxLine: Rule = {
  id: "dockerfile.syntax-line",
  status: "WARN",
  *check({ syntax, lines }) {
    if (syntax.syntax === undefined) return;
    yield {
      line: lines.findIndex((line) => /^\s*(\uFEFF)?#\s*syntax\s*=/i.test(line)) + 1,
      message: `"# syntax=${syntax.syntax}" is one more image to fetch before the build starts, and to pin`,
      fix: "remove the line: mounts, here-documents and COPY --link are in every BuildKit since Docker 23",
    };
  },
};

/** A word where a stage was meant, rather than an image. */
function isBareName(text: string, by: External["by"]): boolean {
  return by !== "FROM" && /^[\w-]+$/.test(text);
}

interface External {
  text: string;
  line: number;
  by: "FROM" | "COPY --from" | "RUN --mount from";
}

/** Images that come from elsewhere: neither stage nor context, nor made by this stack. */
function* externalImages(model: DockerfileModel): Generator<External> {
  const { facts } = model;
  const isExternal = (text: string) =>
    text.toLowerCase() !== "scratch" &&
    !text.includes("$") &&
    !isContext(text, facts) &&
    !stackImage(text, facts) &&
    !ourBase(text, facts);
  for (const one of model.stages) {
    if (one.base !== undefined && !one.parent && isExternal(one.base))
      yield { text: one.base, line: one.line, by: "FROM" };
    for (const { line, source, mounts } of one.steps) {
      const names = [
        [source?.from, "COPY --from"],
        ...mounts.map(({ from }) => [from, "RUN --mount from"]),
      ] as [string | undefined, External["by"]][];
      for (const [text, by] of names)
        if (text !== undefined && !model.stageNamed(text) && isExternal(text)) yield { text, line, by };
    }
  }
}
