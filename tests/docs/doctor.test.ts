import assert from "node:assert/strict";
import { allChecks } from "../../lib/doctor/all-checks.ts";
import { previewChecks } from "../../lib/doctor/preview-checks.ts";
import { document, tableUnder } from "./markdown.ts";

describe("docs/doctor.md", () => {
  const page = document("docs/doctor.md");

  it("lists every check with what it looks at and when it is FAIL or WARN", () => {
    const wanted = allChecks.map(({ id, what, fails, warns }) => [
      `\`${id}\``,
      what,
      fails ?? "–",
      warns ?? "–",
    ]);
    assert.deepEqual(tableUnder(page, "Checks"), wanted);
  });

  it("names those that run before a preview", () => {
    const line = page.split("\n").find((text) => text.startsWith("- The quick ones run before"));
    const named = [...(line ?? "").matchAll(/`([a-z]+\.[a-z.-]+)`/g)].map(([, id]) => id);
    assert.deepEqual(
      named,
      previewChecks.map(({ id }) => id),
    );
  });
});
