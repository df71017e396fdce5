import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { allChecks } from "../../lib/doctor/all-checks.ts";
import { dockerfileChecks } from "../../lib/doctor/dockerfile-checks.ts";
import { previewChecks } from "../../lib/doctor/preview-checks.ts";
import { runChecks } from "../../lib/doctor/run-checks.ts";
import { ok, type CheckDefinition } from "../../lib/doctor/types.ts";
import { engineOf, factsOf, settingsOf } from "./fed-facts.ts";

const good: CheckDefinition = { id: "a.good", what: "", run: () => ok("fine") };

describe("Doctor: running checks", () => {
  it("gives a result for each, in order, and does not stop at one that breaks", async () => {
    const breaks: CheckDefinition = {
      id: "b.breaks",
      what: "",
      run: () => {
        throw new Error("first\n  second");
      },
    };
    const results = await runChecks([breaks, good], factsOf());
    assert.deepEqual(
      results.map(({ id, status }) => `${id} ${status}`),
      ["b.breaks WARN", "a.good OK"],
    );
    assert.equal(results[0]!.line, "could not be looked at: first; second");
  });

  it("ends a check that hangs at its limit, and tells it so", async () => {
    let told = false;
    const hangs: CheckDefinition = {
      id: "c.hangs",
      what: "",
      limit: 0.1,
      run: (_, signal) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => {
            told = true;
            resolve(ok("ended"));
          });
        }),
    };
    const never: CheckDefinition = { id: "d.never", what: "", limit: 0.1, run: () => new Promise(() => {}) };
    const [first, second] = await runChecks([hangs, never], factsOf());
    assert.ok(told);
    assert.equal(first!.status, "WARN");
    assert.equal(second!.line, "no answer in 0.1 s");
  });

  it("stops when it is told to", async () => {
    const stop = new AbortController();
    const waits: CheckDefinition = {
      id: "e.waits",
      what: "",
      run: (_, signal) => sleep(60_000, ok(""), { signal }),
    };
    const running = runChecks([good, waits], factsOf(), stop.signal);
    stop.abort();
    await assert.rejects(running);
  });

  it("never says OK about an engine that does not answer", async () => {
    const silent = factsOf({
      engine: async () => ({ problem: "no answer", fix: "start it" }),
      daemon: async () => ({ problem: "no answer" }),
      cache: async () => ({ problem: "no answer" }),
      missingImages: async () => ({ problem: "no answer" }),
      env: { PATH: "/nowhere" },
    });
    const results = await runChecks(allChecks, silent);
    const aboutEngine = results.filter(({ id }) =>
      /^(docker|disk|cache|image|sec|net\.mirror|net\.proxy)/.test(id),
    );
    assert.deepEqual(
      aboutEngine.filter(({ status }) => status === "OK" || status === "WARN"),
      [],
    );
    assert.equal(results.find(({ id }) => id === "docker.present")!.fix, "start it");
  });
});

describe("Doctor: Dockerfiles of services", () => {
  it("makes a line of each remark, with file and line, and says OK where there is none", async () => {
    const root = mkdtempSync(join(tmpdir(), "doctor-dockerfiles-"));
    mkdirSync(join(root, "app"));
    const settings = settingsOf({ services: { app: { context: "app" } } }, root);
    writeFileSync(
      join(root, "app", "Dockerfile"),
      "ARG CUDA\nFROM cuda-base:runtime-${CUDA}\nCOPY app.py /app/\n",
    );
    assert.deepEqual(await dockerfileChecks(settings), [
      { id: "dockerfile.rules", status: "OK", line: "nothing to remark in 1 Dockerfiles of services" },
    ]);
    writeFileSync(join(root, "app", "Dockerfile"), "FROM python:latest\nRUN pip install flash-attention\n");
    const found = await dockerfileChecks(settings);
    assert.ok(found.some(({ line }) => line.startsWith("app/Dockerfile:1: ")));
    assert.ok(
      found.some(({ line, fix }) => line.startsWith("app/Dockerfile:2: ") && /flash-attn/.test(fix ?? "")),
    );
    for (const { id, status } of found) assert.match(`${id} ${status}`, /^dockerfile\.[a-z-]+ (WARN|FAIL)$/);
    assert.equal((await dockerfileChecks(settingsOf()))[0]!.status, "SKIP");
    rmSync(root, { recursive: true });
  });
});

describe("Doctor: list of checks", () => {
  it("has each id once, in the form group.name, with words on when it is not content", () => {
    const ids = allChecks.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (const { id, what, fails, warns } of allChecks) {
      assert.match(id, /^[a-z]+(\.[a-z-]+){1,2}$/);
      assert.ok(what.length > 20, id);
      assert.ok(fails ?? warns, id);
    }
  });

  it("has about forty, and those of a preview are among them", () => {
    assert.ok(allChecks.length >= 35, String(allChecks.length));
    assert.equal(previewChecks.length, 19);
    for (const definition of previewChecks) assert.ok(allChecks.includes(definition), definition.id);
  });

  it("gives every result on a good host one line, and a fix where it is WARN or FAIL", async () => {
    const results = await runChecks(
      allChecks.filter(
        ({ id }) => !["net.mirror", "cache.works", "docker.config.conflict", "image.base-found"].includes(id),
      ),
      factsOf({ engine: async () => engineOf({ LiveRestoreEnabled: false, ContainersRunning: 3 }) }),
    );
    for (const { id, line, fix, status } of results) {
      assert.ok(line.length > 0 && !line.includes("\n"), id);
      if (status === "FAIL" || status === "WARN") assert.ok(fix, id);
    }
  });
});
