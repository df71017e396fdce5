import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ImageDefinition } from "../../lib/images/types.ts";

/** Files of the graph, by path: text, or `{ link }`. Ten images with every form of FROM, COPY, ADD and mounts. */
const files: Record<string, string | { link: string }> = {
  "base/Dockerfile": `# the base
ARG OS=busybox:1
FROM \${OS}
COPY a.txt /a.txt
RUN cat /a.txt > /base
ONBUILD ARG FLAVOUR=plain
`,
  "base/a.txt": "a\n",
  "base/unnamed.txt": "nobody copies this\n",

  "glob/Dockerfile": `ARG V=1
FROM base:\${V:-0}
COPY *.py /app/
COPY sub/?.txt sub/[x-z]*.md /t/
RUN ls /app /t
ONBUILD COPY inherited*.txt /inherited/
`,
  "glob/one.py": "1\n",
  "glob/two.py": "2\n",
  "glob/notes.md": "not copied\n",
  "glob/sub/a.txt": "a\n",
  "glob/sub/xyz.md": "x\n",
  "glob/sub/long.txt": "not matched by one question mark\n",

  "whole/Dockerfile": `FROM base:1 AS final
COPY . /app
RUN find /app | sort
`,
  "whole/.dockerignore": `# comment
*.log
ignored
!ignored/keep.txt
**/__pycache__
Dockerfile
.dockerignore
`,
  "whole/main.py": "main\n",
  "whole/build.log": "ignored\n",
  "whole/ignored/drop.txt": "ignored\n",
  "whole/ignored/keep.txt": "kept\n",
  "whole/pkg/mod.py": "mod\n",
  "whole/pkg/__pycache__/mod.pyc": "ignored\n",
  "whole/pkg/link": { link: "mod.py" },

  "mounts/Dockerfile": `FROM base:1
ARG MODE=fast
RUN --mount=type=bind,source=req.txt,target=/req.txt cat /req.txt
RUN --mount=target=/src,source=src --mount=type=cache,target=/cache --mount=type=tmpfs,target=/scratch find /src; echo \$MODE
`,
  "mounts/req.txt": "req\n",
  "mounts/src/m.c": "int\n",
  "mounts/other.txt": "not mounted\n",

  "copyfrom/Dockerfile": `FROM busybox:1
COPY --from=glob:1 /app /app
COPY --from=base:1 /base /base
COPY own.txt /own.txt
RUN cat /own.txt
`,
  "copyfrom/own.txt": "own\n",

  "stages/Dockerfile": `ARG V=1
FROM base:\${V} AS builder
COPY src/ /src/
RUN cat /src/* > /built
FROM busybox:2 AS unused
COPY never.txt /
FROM builder AS tested
RUN echo tested
FROM base:\${V} AS final
COPY --from=builder /built /built
COPY --from=0 /src /src
CMD ["cat", "/built"]
FROM unused AS last
`,
  "stages/src/s.c": "s\n",
  "stages/never.txt": "never\n",

  "forms/Dockerfile": `FROM whole:1
ARG NAME=conf
ENV EXT=json
ADD data.txt "./some.txt" /d/
COPY ["with space.txt", "/s/"]
COPY --chmod=600 \${NAME}.\${EXT} /c/
COPY <<-"HERE" /h.txt
	$NAME stays
	HERE
RUN <<SCRIPT
set -e
# a comment that counts
cat /h.txt /c/*
SCRIPT
LABEL kind=forms \\
  # a comment that does not
  more="x y"
`,
  "forms/data.txt": "data\n",
  "forms/some.txt": "quoted\n",
  "forms/with space.txt": "space\n",
  "forms/conf.json": "{}\n",
  "forms/spare.json": "{spare}\n",

  "named/docker/Dockerfile.named": `FROM base:1
COPY --from=assets pic.txt /pic.txt
COPY --from=assets icons /icons/
RUN --mount=type=bind,from=assets,source=tool.sh,target=/tool.sh sh /tool.sh
COPY code.txt /code.txt
`,
  "named/code.txt": "code\n",
  "named/docker/Dockerfile.named.dockerignore": "docker\n",
  "assets/pic.txt": "pic\n",
  "assets/tool.sh": "echo tool\n",
  "assets/icons/i.txt": "i\n",
  "assets/icons/skip.tmp": "ignored there\n",
  "assets/unused.txt": "unused\n",
  "assets/.dockerignore": "**/*.tmp\n",

  "links/Dockerfile":
    `# escape=\`
FROM glob:1
COPY link.txt dirlink /l/
COPY tree /tree
RUN find /l /tree ` + "`\n  -type f\n",
  "links/inherited1.txt": "taken by the parent's ONBUILD\n",
  "links/real/target.txt": "target\n",
  "links/link.txt": { link: "real/target.txt" },
  "links/real/deep/d.txt": "deep\n",
  "links/dirlink": { link: "real/deep" },
  "links/tree/inner.txt": "inner\n",
  "links/tree/dangling": { link: "nowhere" },

  "child/Dockerfile": `FROM base:1 AS tools
RUN echo tools > /tools
FROM base:1
RUN --mount=from=tools,source=/tools,target=/tools --mount=type=bind,from=stages:1,source=/built,target=/built cat /tools /built
COPY c.txt /c.txt
WORKDIR /w
RUN cat /c.txt
`,
  "child/c.txt": "c\n",
};

/** Writes the graph's files into a folder. */
export function writeTenImages(folder: string): void {
  for (const [path, content] of Object.entries(files)) {
    const full = join(folder, path);
    mkdirSync(dirname(full), { recursive: true });
    if (typeof content === "string") writeFileSync(full, content, { mode: 0o644 });
    else symlinkSync(content.link, full);
    if (typeof content === "string") chmodSync(full, 0o644);
  }
}

/** The definitions of the ten images over that folder. */
export function tenImages(folder: string, args: Record<string, string>): ImageDefinition[] {
  const image = (name: string, further: Partial<ImageDefinition> = {}): ImageDefinition => ({
    name,
    context: join(folder, name),
    dockerfile: "Dockerfile",
    args,
    contexts: {},
    secrets: {},
    network: "host",
    tags: [`${name}:1`],
    rebuild: { count: 0, noCache: false },
    ...further,
  });
  return [
    image("child"),
    image("links"),
    image("named", { dockerfile: "docker/Dockerfile.named", contexts: { assets: join(folder, "assets") } }),
    image("forms"),
    image("stages", { target: "final" }),
    image("copyfrom"),
    image("mounts"),
    image("whole"),
    image("glob"),
    image("base"),
  ];
}
