import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { caBundleProblem } from "../../lib/secrets/ca-bundle.ts";
import { redactor } from "../../lib/secrets/redact.ts";
import { readSecret, sourceProblem } from "../../lib/secrets/source.ts";
import { missingSecrets } from "../../lib/secrets/checks.ts";
import { imageDefinitions } from "../../lib/images/definitions.ts";
import type { ImagePlan } from "../../lib/images/types.ts";
import { parseSettings } from "../../lib/settings/settings.ts";

const folder = mkdtempSync(join(tmpdir(), "gbh-secrets-"));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe("a secret's source", () => {
  it("is refused where it gives nothing, in one line without a value", () => {
    const env = { BLANK: " \n", EMPTY: "" };
    const big = file("big", "x".repeat(500 * 1024 + 1));
    const cases: [Parameters<typeof sourceProblem>[0], string][] = [
      [{ env: "UNSET" }, "comes from the variable UNSET, which is not set; export UNSET=… and run again"],
      [{ env: "EMPTY" }, "comes from the variable EMPTY, which is empty; export EMPTY=… and run again"],
      [{ env: "BLANK" }, "comes from the variable BLANK, which is empty; export BLANK=… and run again"],
      [{ file: "/no/such" }, "comes from /no/such, which does not exist; mend it or change the setting"],
      [{ file: folder }, `comes from ${folder}, which is not a file; mend it or change the setting`],
      [{ file: "/dev/null" }, "comes from /dev/null, which is not a file; mend it or change the setting"],
      [
        { file: file("empty", "") },
        `comes from ${folder}/empty, which is empty; mend it or change the setting`,
      ],
      [
        { file: file("blank", "\n\n") },
        `comes from ${folder}/blank, which is empty; mend it or change the setting`,
      ],
      [
        { file: big },
        `comes from ${big}, which is larger than the 500 KiB that BuildKit takes; mend it or change the setting`,
      ],
    ];
    for (const [source, message] of cases) {
      assert.equal(sourceProblem(source, env), message);
      assert.equal(readSecret(source, env), undefined);
    }
  });

  it("is refused where its file may not be read", function () {
    if (process.getuid?.() !== 0) return this.skip();
    const path = file("closed", "secret");
    chmodSync(path, 0o400);
    chmodSync(folder, 0o755);
    process.seteuid!(65_534);
    try {
      assert.match(sourceProblem({ file: path }) ?? "", /closed, which cannot be read; mend it/);
    } finally {
      process.seteuid!(0);
    }
  });

  it("gives its value without the white space around it", () => {
    assert.equal(readSecret({ env: "A" }, { A: " token \n" }), "token");
    assert.equal(readSecret({ file: file("token", "token\n") }), "token");
    assert.equal(sourceProblem({ file: file("token", "token\n") }), undefined);
  });
});

describe("a bundle of certificates", () => {
  const pem = (subject: string): string =>
    execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        "/dev/null",
        "-subj",
        subject,
      ],
      { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
    );

  it("passes with every certificate whole, comments between them", () => {
    assert.equal(
      caBundleProblem(file("ca.pem", `# ours\n${pem("/CN=a")}# theirs\n${pem("/CN=b")}`)),
      undefined,
    );
  });

  it("is refused in one line where it is missing, no PEM, or damaged", () => {
    const damaged = pem("/CN=c").replace(/\n[A-Za-z0-9+/]{20}/, "\nAAAAAAAAAAAAAAAAAAAA");
    assert.match(caBundleProblem(join(folder, "none.pem"))!, /none\.pem, which does not exist; mend it/);
    assert.match(
      caBundleProblem(file("der.pem", Buffer.from([0x30, 0x82, 1, 2])))!,
      /der\.pem, which holds no certificate in PEM form .*openssl x509 -inform der -in/,
    );
    assert.match(
      caBundleProblem(file("bad.pem", `${pem("/CN=d")}# next\n${damaged}`))!,
      /bad\.pem, whose certificate in line \d+ cannot be read; take it out or replace it/,
    );
    for (const name of ["none.pem", "der.pem", "bad.pem"])
      assert.equal(caBundleProblem(join(folder, name))!.split("\n").length, 1);
  });
});

describe("redaction", () => {
  it("puts *** for a value, its lines, and a URL's password in every form", () => {
    const url = "https://me:p%40ssword@index.test/simple";
    const redact = redactor([{ env: "TOKEN" }, { env: "KEY" }, { env: "URL" }, { env: "UNSET" }], {
      TOKEN: "hf_abcdef",
      KEY: "first line\nsecond line\n",
      URL: url,
    });
    const basic = Buffer.from("me:p@ssword").toString("base64");
    assert.equal(
      redact(`echo hf_abcdef; ${url}; p%40ssword p@ssword ${basic}; second line\nfirst line; index.test`),
      "echo ***; ***; *** *** ***; ***\n***; index.test",
    );
  });

  it("leaves a text alone that holds none, and pieces that are too short to tell", () => {
    assert.equal(redactor([{ env: "A" }], { A: "abc" })("abc abc"), "abc abc");
    assert.equal(redactor([])("text"), "text");
  });
});

describe("missing secrets of a stack", () => {
  const settings = (values: Record<string, unknown>) =>
    parseSettings({
      stack: "dev",
      root: folder,
      stateDir: "/state",
      file: "Pulumi.dev.yaml",
      values,
      readSandboxFacts: () => assert.fail("not the sandbox"),
    });
  const values = {
    proxy: { https: { file: "proxy-url" } },
    build: { caBundle: join(folder, "absent.pem") },
    cudaBase: { packageIndexSecret: { env: "GBH_TEST_NO_INDEX" } },
    services: { app: { context: "app", secrets: { token: { file: "token-file" } } } },
  };

  it("are named by their key, each once, before anything starts", () => {
    const stack = settings(values);
    assert.deepEqual(missingSecrets(stack, imageDefinitions(stack) as unknown as ImagePlan[]), [
      `gpu-build-host:proxy.https comes from ${folder}/proxy-url, which does not exist; mend it or change the setting`,
      `gpu-build-host:build.caBundle comes from ${folder}/absent.pem, which does not exist; mend it or change the setting`,
      "gpu-build-host:cudaBase.packageIndexSecret comes from the variable GBH_TEST_NO_INDEX, which is not set; export GBH_TEST_NO_INDEX=… and run again",
      `image "app": the build secret "token" comes from ${folder}/token-file, which does not exist; mend it or change the setting`,
    ]);
  });

  it("do not matter for images that are built; a proxy always does", () => {
    assert.deepEqual(
      missingSecrets(settings(values), []).map((line) => line.split(" ")[0]),
      ["gpu-build-host:proxy.https"],
    );
  });
});
