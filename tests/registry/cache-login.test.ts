import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { helperAnswer, loginProblem } from "../../lib/registry/cache-login.ts";

describe("a cache's login", () => {
  const folder = mkdtempSync(join(tmpdir(), "gbh-login-"));
  const file = join(folder, "token");
  after(() => rmSync(folder, { recursive: true }));
  const ofFile = (content: string | Buffer) => {
    writeFileSync(file, content);
    return loginProblem("KEY", { username: "me", password: { file } });
  };
  const ofVariable = (value: string | undefined) =>
    loginProblem(
      "KEY",
      { username: "me", password: { env: "TOKEN" } },
      value === undefined ? {} : { TOKEN: value },
    );

  it("is answered in the credential helpers' protocol, quotes and all", () => {
    const login = { username: "me", password: { env: "TOKEN" } };
    assert.deepEqual(JSON.parse(helperAnswer(login, "https://r", { TOKEN: 'a"b\\c $(d) é' })), {
      ServerURL: "https://r",
      Username: "me",
      Secret: 'a"b\\c $(d) é',
    });
  });

  it("drops the one line break with which an editor ends a file", () => {
    writeFileSync(file, "secret\r\n");
    assert.match(helperAnswer({ username: "me", password: { file } }, "https://r"), /"Secret":"secret"/);
  });

  const what = `KEY.password comes from the file ${file}, which`;
  it("refuses what cannot be a password, without showing it", () => {
    assert.equal(ofFile(""), `${what} is empty: put the password or token into it`);
    assert.equal(ofFile("\n"), `${what} is empty: put the password or token into it`);
    assert.equal(ofFile("x\n\n"), `${what} ends in a line break (pasted?): write it with printf`);
    assert.equal(ofFile("x\ny"), `${what} has more than one line: it must hold the password alone`);
    assert.equal(ofFile("x\0"), `${what} has more than one line: it must hold the password alone`);
    assert.equal(ofFile("x"), undefined);
    const variable = "KEY.password comes from the variable TOKEN, which";
    assert.equal(ofVariable(undefined), `${variable} is not set: export TOKEN=… and run again`);
    assert.equal(ofVariable(""), `${variable} is empty: export TOKEN=… and run again`);
    assert.equal(ofVariable("x\n"), `${variable} ends in a line break (pasted?): write it with printf`);
    assert.equal(ofVariable("x"), undefined);
  });

  it("names a file that is not there, or is a folder", () => {
    const problem = (path: string) => loginProblem("KEY", { username: "me", password: { file: path } });
    assert.match(
      problem(join(folder, "none"))!,
      /none, which does not exist: create it or change the setting$/,
    );
    assert.match(problem(folder)!, /which is a folder: /);
  });
});
