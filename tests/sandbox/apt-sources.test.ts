import assert from "node:assert/strict";
import { formatSources, parseDeb822, parseOneLine, rewriteSuite } from "../../sandbox/apt-sources.ts";
import { debianRelease } from "../../sandbox/debian.ts";

const stanzas = `# made by an installer
Types: deb deb-src
# a comment inside
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/archive.gpg

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components:
 main

Types: deb
URIs: http://vendor.example
Suites: bookworm
Components: stable

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main
`;

describe("the machine's apt sources", () => {
  it("are read from both of apt's formats", () => {
    assert.deepEqual(
      parseDeb822(stanzas).map(({ uri, suite }) => `${uri} ${suite}`),
      [
        "http://mirror.example/debian bookworm",
        "http://mirror.example/debian bookworm-updates",
        "http://mirror.example/security bookworm-security",
        "http://vendor.example bookworm",
      ],
    );
    const lines = `#deb http://old.example x main\ndeb [arch=amd64 signed-by=/k.gpg] http://m.example/debian bookworm main non-free # ours\ndeb-src http://s.example y main\n`;
    assert.deepEqual(parseOneLine(lines), [
      {
        uri: "http://m.example/debian",
        suite: "bookworm",
        components: ["main", "non-free"],
        signedBy: "/k.gpg",
      },
    ]);
  });

  it("are rewritten to another release, with its updates and security, and without other vendors", () => {
    const sources = rewriteSuite(parseDeb822(stanzas), "bookworm", "trixie");
    assert.equal(
      formatSources(sources, { keyrings: true }),
      [
        "deb [signed-by=/usr/share/keyrings/archive.gpg] http://mirror.example/debian trixie main",
        "deb [signed-by=/usr/share/keyrings/archive.gpg] http://mirror.example/debian trixie-updates main",
        "deb http://mirror.example/security trixie-security main",
        "",
      ].join("\n"),
    );
  });

  it("are Debian's only on Debian", () => {
    assert.equal(debianRelease("ID=debian\nVERSION_CODENAME=bookworm\n"), "bookworm");
    assert.equal(debianRelease('ID="ubuntu"\nVERSION_CODENAME=noble\n'), undefined);
  });
});
