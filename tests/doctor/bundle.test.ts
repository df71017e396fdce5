import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reportText } from "../../lib/doctor/bundle.ts";
import { redactReport } from "../../lib/doctor/redact-report.ts";
import { daemonOf, engineOf, factsOf, settingsOf } from "./fed-facts.ts";

const canary = (kind: string) => `${kind}-${randomBytes(9).toString("hex")}`;

describe("Doctor: report for an issue", () => {
  it("holds no secret of settings, environment, daemon.json, engine or logs", async () => {
    const folder = mkdtempSync(join(tmpdir(), "doctor-bundle-"));
    const secrets = {
      variable: canary("v"),
      file: canary("f"),
      proxy: canary("p"),
      daemonProxy: canary("d"),
      engineProxy: canary("e"),
      option: canary("o"),
      passphrase: canary("w"),
      logged: canary("l"),
    };
    writeFileSync(join(folder, "token"), `${secrets.file}\n`);
    const daemonFile = join(folder, "daemon.json");
    writeFileSync(
      daemonFile,
      JSON.stringify({
        "registry-mirrors": ["http://127.0.0.1:5000"],
        proxies: { "http-proxy": `http://user:${secrets.daemonProxy}@proxy:3128` },
        "log-opts": { "splunk-token": secrets.option, tag: `x ${secrets.variable}` },
      }),
    );
    const log = join(folder, "dockerd.log");
    const encoded = Buffer.from(secrets.variable).toString("base64");
    writeFileSync(
      log,
      `pull with Authorization: Bearer ${secrets.logged}\nlogin ${encoded}\nGET https://h/?token=${secrets.logged}\nkept\n`,
    );
    mkdirSync(join(folder, "state", "dev"), { recursive: true });
    const event = {
      time: "2026-11-24",
      image: "app",
      result: "failed",
      reasons: [],
      buildSeconds: 1,
      error: secrets.file,
    };
    writeFileSync(join(folder, "state", "dev", "builds.jsonl"), `${JSON.stringify(event)}\n`);
    const services = {
      app: {
        context: "app",
        secrets: { hf: { env: "MY_HF" }, key: { file: join(folder, "token") } },
      },
    };
    const daemon = daemonOf("{}");
    daemon.managed!.file = daemonFile;
    const facts = factsOf({
      settings: settingsOf({ services }, folder),
      daemon: async () => daemon,
      engine: async () => engineOf({ HttpProxy: `http://me:${secrets.engineProxy}@proxy` }),
      env: {
        PATH: "/nowhere",
        MY_HF: secrets.variable,
        PULUMI_CONFIG_PASSPHRASE: secrets.passphrase,
        HTTPS_PROXY: `http://me:${secrets.proxy}@proxy:3128`,
      },
    });
    const results = [
      {
        id: "net.proxy",
        status: "WARN" as const,
        line: `proxy http://me:${secrets.proxy}@proxy`,
        fix: secrets.passphrase,
      },
    ];
    const text = await reportText(facts, results, log);
    for (const [kind, value] of Object.entries(secrets)) {
      for (const form of [value, Buffer.from(value).toString("base64").replace(/=+$/, "")])
        assert.ok(!text.includes(form), `${kind} stands in the report`);
    }
    for (const shown of [
      "## versions",
      "## checks",
      "WARN net.proxy",
      "http://127.0.0.1:5000",
      "kept",
      '"version": "26.1.5"',
      "app: failed",
      "proxy:3128",
    ])
      assert.ok(text.includes(shown), shown);
    rmSync(folder, { recursive: true });
  });

  it("leaves what is no secret as it is", () => {
    const plain =
      '{"registry-mirrors": ["http://127.0.0.1:5000/"], "image": "nvidia/cuda:12.8.1@sha256:abc"}\nmail me@example.org\n';
    assert.equal(redactReport(plain, ["short", ""]), plain);
  });
});
