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

  it("says how many run before a preview", () => {
    assert.equal(previewChecks.length, 12);
    assert.match(page, /^- Twelve of them/m);
  });
});
