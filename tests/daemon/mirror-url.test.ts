import assert from "node:assert/strict";
import { mirrorProblem, normalMirror, sameMirrors } from "../../lib/daemon/mirror-url.ts";

describe("mirrorProblem", () => {
  for (const good of [
    "http://127.0.0.1:5000",
    "https://mirror.example",
    "http://[::1]:5000",
    "http://cache:5000/",
    "HTTP://Cache",
  ]) {
    it(`takes ${good}`, () => assert.equal(mirrorProblem(good), undefined));
  }
  const bad: [string, RegExp][] = [
    ["127.0.0.1:5000", /has no scheme, dockerd would refuse to start: write "http:\/\/127.0.0.1:5000"/],
    ["localhost", /no scheme/],
    ["", /no scheme/],
    ["ftp://a", /scheme "ftp": use http or https/],
    ["http://", /is not a URL/],
    ["http://::1:5000", /brackets: http:\/\/\[::1\]:5000/],
    ["http://a:70000", /is not a URL/],
    ["http://a:0", /port 0/],
    ["http://a/v2", /has a path.*remove "\/v2"/],
    ["http://a?x=1", /query or fragment/],
    ["http://a#x", /query or fragment/],
    ["http://user@a", /holds a user/],
  ];
  for (const [mirror, message] of bad) {
    it(`refuses ${JSON.stringify(mirror)}`, () => assert.match(mirrorProblem(mirror) ?? "", message));
  }
  it("prints no password", () => {
    for (const mirror of ["http://me:hunter2@a:5000", "me:hunter2@a", "http://me:hunter2@a/path?q"]) {
      const problem = mirrorProblem(mirror);
      assert.ok(problem && !problem.includes("hunter2"), problem);
    }
  });
});

describe("normalMirror", () => {
  it("ignores what does not matter", () => {
    assert.equal(normalMirror("HTTP://Cache:80/"), normalMirror("http://cache"));
    assert.equal(normalMirror("http://localhost:5000"), normalMirror("http://127.0.0.1:5000/"));
    assert.notEqual(normalMirror("http://localhost.example:5000"), normalMirror("http://127.0.0.1:5000"));
    assert.notEqual(normalMirror("http://cache:5000"), normalMirror("http://cache"));
    assert.notEqual(normalMirror("https://cache"), normalMirror("http://cache"));
  });
  it("compares lists in order", () => {
    assert.ok(sameMirrors(["http://a", "http://b/"], ["http://a/", "http://b"]));
    assert.ok(!sameMirrors(["http://a", "http://b"], ["http://b", "http://a"]));
    assert.ok(!sameMirrors(["http://a"], []));
  });
});
