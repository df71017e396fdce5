import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import type { Test } from "./fault.ts";
import { faults } from "./faults.ts";

const tests = join(import.meta.dirname, "..");

describe("the table of faults", () => {
  it("has each of the sixty once, in order", () => {
    assert.deepEqual(
      faults.map(({ id }) => id),
      Array.from({ length: 60 }, (_, index) => `F${index + 1}`),
    );
  });

  it("has tests or a reason for each", () => {
    const open = faults.filter(({ tests, cannot }) => !tests?.length && !cannot).map(({ id }) => id);
    assert.deepEqual(open, []);
    const both = faults.filter(({ tests, cannot }) => tests && cannot).map(({ id }) => id);
    assert.deepEqual(both, []);
  });

  it("names tests that are there and run", () => {
    const titles = new Map<string, string[]>();
    const missing = faults
      .flatMap(({ id, tests = [] }) => tests.map((test) => ({ id, test })))
      .filter(({ test: [file, title] }) => {
        if (!titles.has(file)) titles.set(file, titlesOf(file));
        return !titles.get(file)!.includes(title);
      })
      .map(({ id, test }: { id: string; test: Test }) => `${id}: ${test.join(": ")}`);
    assert.deepEqual(missing, []);
    assert.ok(titles.size > 5);
  });

  it("would notice a test that is skipped or only talked about", () => {
    const switchedOff = ["it", "skip"].join("."); // not as one word: nothing here is switched off
    const source = `it("runs", () => {}); ${switchedOff}("sleeps", () => {}); // it("is a comment")\nconst text = 'it("is text")';`;
    assert.deepEqual(titlesIn(source), ["runs"]);
  });
});

function titlesOf(file: string): string[] {
  return titlesIn(readFileSync(join(tests, file), "utf8"));
}

/** Titles of the calls of `it`, as they are written: `${name}` stands for itself. */
function titlesIn(source: string): string[] {
  const titles: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.expression.getText() === "it") {
      const [title] = node.arguments;
      if (title && ts.isStringLiteralLike(title)) titles.push(title.text);
      else if (title && ts.isTemplateExpression(title)) titles.push(title.getText().slice(1, -1));
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile("test.ts", source, ts.ScriptTarget.Latest, true));
  return titles;
}
