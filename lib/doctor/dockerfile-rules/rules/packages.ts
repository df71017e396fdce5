import type { Rule } from "../rule.ts";
import { requirement } from "../installs.ts";

/** A name that belongs to another project. */
export const flashAttn: Rule = {
  id: "dockerfile.flash-attn",
  status: "FAIL",
  *check({ stages }) {
    for (const step of stages.flatMap(({ steps }) => steps)) {
      const found = step.installs
        .filter(({ tool }) => tool === "pip" || tool === "uv")
        .flatMap(({ packages }) => packages)
        .find((text) => requirement(text)?.name === "flash-attention");
      if (found !== undefined)
        yield {
          line: step.line,
          message: `"${found}" is another project's package (for Ascend); FlashAttention is called flash-attn`,
          fix: "flash-attn, from its authors' wheels by URL and hash (services/infinitetalk shows how): compiling it takes hours",
        };
    }
  },
};
