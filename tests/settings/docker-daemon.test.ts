import assert from "node:assert/strict";
import { parse as parseYaml } from "yaml";
import { entriesOf, desiredDocument } from "../../lib/daemon/desired.ts";
import { devSettings, settingProblems } from "./dev-settings.ts";

const parse = (dockerDaemon: unknown) => devSettings({ dockerDaemon }).dockerDaemon;

/** The lines about one wrong `dockerDaemon`, without the key's first part. */
function problems(dockerDaemon: unknown): string[] {
  return settingProblems({ dockerDaemon }).map((line) => line.replace("gpu-build-host:dockerDaemon.", ""));
}

const more = "https://docs.docker.com/reference/cli/dockerd/";
const wrong: [what: string, dockerDaemon: object, line: string][] = [
  [
    "a mirror without a scheme (B17)",
    { settings: { "registry-mirrors": ["127.0.0.1:5999"] } },
    'settings.registry-mirrors[0] "127.0.0.1:5999" has no scheme, dockerd would refuse to start: write "http://127.0.0.1:5999"',
  ],
  [
    "mirrors as text (B18)",
    { settings: { "registry-mirrors": "http://a" } },
    'settings.registry-mirrors must be a list: write ["http://a"]',
  ],
  [
    "a mirror twice (B19)",
    { settings: { "registry-mirrors": ["http://a", "http://a/"] } },
    "settings.registry-mirrors[1] is the same as registry-mirrors[0]",
  ],
  [
    "the singular (B20)",
    { settings: { "registry-mirror": ["http://a"] } },
    "settings.registry-mirror is silently ignored by Docker: use registry-mirrors",
  ],
  [
    "a misspelt key (B21)",
    { settings: { "log-drivers": "local" } },
    'settings.log-drivers is no key of Docker\'s, which would refuse to start; did you mean "log-driver"?',
  ],
  [
    "a key that is like no other",
    { settings: { "graph-of-the-past": 1 } },
    `settings.graph-of-the-past is no key of Docker's, which would refuse to start; known are those of ${more}`,
  ],
  [
    "hosts (B22)",
    { settings: { hosts: ["tcp://0.0.0.0:2375"] } },
    "settings.hosts conflicts with the -H flag of Docker's own systemd unit, Docker would not start: take it out",
  ],
  [
    "a misspelt log driver (B23)",
    { logDriver: "jsonfile" },
    'logDriver is no log driver of Docker\'s, every container would fail to start; did you mean "json-file"?, got "jsonfile"',
  ],
  [
    "a misspelt log driver in Docker's spelling (B23)",
    { settings: { "log-driver": "jsonfile" } },
    'settings.log-driver is no log driver of Docker\'s, every container would fail to start; did you mean "json-file"?, got "jsonfile"',
  ],
  [
    "a number among the log options (B24)",
    { logOpts: { "max-file": 3 } },
    'logOpts.max-file must be text: Docker wants strings here, write "3", got 3',
  ],
  [
    "the same in Docker's spelling (B24)",
    { settings: { "log-opts": { "max-file": 3 } } },
    'settings.log-opts.max-file must be text: Docker wants strings here, write "3"',
  ],
  [
    "a log option that is no size",
    { settings: { "log-opts": { "max-size": "banana" } } },
    'settings.log-opts.max-size must be a size such as "10m", got "banana": every new container would fail',
  ],
  [
    "the same of a driver's own setting",
    { logDriver: "local", logOpts: { "max-size": "-1" } },
    'logOpts.max-size must be a size such as "10m", got "-1": every new container would fail',
  ],
  [
    "no files of a log",
    { settings: { "log-driver": "json-file", "log-opts": { "max-file": "0" } } },
    'settings.log-opts.max-file must be a whole number from 1 on, as text such as "3", got "0": every new container would fail',
  ],
  [
    "a log that is compressed somehow",
    { logDriver: "local", settings: { "log-opts": { compress: "gzip" } } },
    'settings.log-opts.compress must be "true" or "false", got "gzip": every new container would fail',
  ],
  [
    "an unknown way of writing logs",
    { logOpts: { mode: "async" } },
    'logOpts.mode must be "blocking" or "non-blocking", got "async": every new container would fail',
  ],
  [
    "a misspelt log option, whichever the driver",
    { logOpts: { "max-sise": "10m" } },
    'logOpts.max-sise is no option of the log driver json-file, every new container would fail; did you mean "max-size"?',
  ],
  [
    "a log option of another driver",
    { logDriver: "local", logOpts: { labels: "team" } },
    "logOpts.labels is no option of the log driver local, every new container would fail; known are max-size, max-file, compress, mode, max-buffer-size, cache-disabled, cache-max-size, cache-max-file, cache-compress",
  ],
  [
    "an insecure registry with a scheme (B25)",
    { insecureRegistries: ["http://h:5000"] },
    'insecureRegistries[0] has a scheme: write host:port or a network such as "10.0.0.0/8", without http://, got "http://h:5000"',
  ],
  [
    "an insecure registry with a login, without showing it",
    { insecureRegistries: ["u:hunter2@h:5000"] },
    "insecureRegistries[0] holds a login: write host:port alone, got a value that is not shown",
  ],
  [
    "an insecure registry with a path",
    { settings: { "insecure-registries": ["h:5000/team"] } },
    'settings.insecure-registries[0] "h:5000/team" has a path: write host:port, or a network such as "10.0.0.0/8"',
  ],
  [
    "a network that is too long",
    { settings: { "insecure-registries": ["10.0.0.0/33"] } },
    'settings.insecure-registries[0] "10.0.0.0/33" is no network: write a length of 0–32 after the slash',
  ],
  [
    "null",
    { settings: { "log-opts": { tag: null } } },
    "settings.log-opts.tag must not be null: leave it out",
  ],
  ["text for yes or no", { settings: { ipv6: "yes" } }, 'settings.ipv6 must be true or false, got "yes"'],
  ["text for a number", { settings: { mtu: "1400" } }, 'settings.mtu must be a whole number, got "1400"'],
  [
    "a number that would be rounded",
    { settings: { "default-ulimits": { nofile: { Name: "nofile", Hard: Number("9007199254740993") } } } },
    "settings.default-ulimits.nofile.Hard is a number that would not be kept as it is written: stay within ±9007199254740991",
  ],
  [
    "packets that are too small",
    { settings: { mtu: 67 } },
    "settings.mtu must be 68 to 65535, or 0 for Docker's own choice, got 67",
  ],
  [
    "a port that there is not",
    { settings: { "network-diagnostic-port": 65_536 } },
    "settings.network-diagnostic-port must be a port from 0 to 65535, got 65536",
  ],
  [
    "an empty object",
    { settings: { "default-ulimits": {} } },
    "settings.default-ulimits is empty: leave it out",
  ],
  [
    "an empty object below another",
    { settings: { runtimes: { mine: {} } } },
    "settings.runtimes.mine is empty: leave it out",
  ],
  [
    "a login in a proxy, without showing it",
    { settings: { proxies: { "http-proxy": "http://u:hunter2@proxy:3128" } } },
    "settings.proxies holds a login, which would stand in Pulumi's state in the clear: take it out (got a value that is not shown)",
  ],
  [
    "a proxy at the top, where Docker passes over it",
    { settings: { "http-proxy": "http://proxy:3128" } },
    "settings.http-proxy is silently ignored by Docker: write it below proxies",
  ],
  [
    "a key that is given twice",
    { logDriver: "local", settings: { "log-driver": "local" } },
    "settings.log-driver is given as dockerDaemon.logDriver as well: keep one",
  ],
  [
    "a nested key that is given twice",
    { cdi: true, settings: { features: { cdi: true } } },
    "settings.features.cdi is given as dockerDaemon.cdi as well: keep one",
  ],
  ["a misspelt setting", { liverestore: true }, 'liverestore is not a setting; did you mean "liveRestore"?'],
  [
    "an unknown way out of a conflict",
    { onConflict: "overide" },
    'onConflict must be "stop" or "override" (the former value is given back on destroy), got "overide"',
  ],
  [
    "no room",
    { builderGc: { keepGB: 0, cacheMountsKeepDays: 7 } },
    "builderGc.keepGB must be at least 1 GB, got 0",
  ],
];

describe("settings of dockerDaemon", () => {
  for (const [what, dockerDaemon, line] of wrong)
    it(`refuse ${what}`, () => assert.deepEqual(problems(dockerDaemon), [line]));

  for (const dockerDaemon of [
    {
      logDriver: "json-file",
      logOpts: { "max-size": "10M", "max-file": "3", tag: "{{.Name}}", compress: "true" },
    },
    { logDriver: "local", logOpts: { "max-size": "0.5gb", mode: "non-blocking", "max-buffer-size": "4m" } },
    { logDriver: "fluentd", logOpts: { "fluentd-address": "logs:24224", "max-size": "banana" } },
    { logOpts: { "fluentd-address": "logs:24224" } },
  ])
    it(`take ${JSON.stringify(dockerDaemon)}`, () => assert.deepEqual(problems(dockerDaemon), []));

  it("are refused at once, those of the wrong shape and those that break a rule", () => {
    const settings = { mtu: 67, "log-drivers": "x" };
    assert.deepEqual(problems({ liveRestore: "yes", settings, logDrivr: 1 }).sort(), [
      'liveRestore must be true or false, got "yes"',
      'logDrivr is not a setting; did you mean "logDriver"?',
      'settings.log-drivers is no key of Docker\'s, which would refuse to start; did you mean "log-driver"?',
      "settings.mtu must be 68 to 65535, or 0 for Docker's own choice, got 67",
    ]);
    for (const odd of [5, null, [], "x", { settings: 5 }, { settings: null, logOpts: [] }])
      assert.equal(problems(odd).length > 0, true, JSON.stringify(odd));
  });

  it("want nothing of daemon.json where nothing is said", () => {
    assert.deepEqual(desiredDocument(parse({})), {});
  });

  it("are a part of daemon.json in Docker's spelling, further keys between", () => {
    const yaml = `
      insecureRegistries: [registry.lan:5000]
      liveRestore: true
      logDriver: local
      logOpts: {max-size: "10m"}
      nvidiaRuntime: true
      cdi: true
      maxConcurrentDownloads: 6
      settings: {features: {buildkit: true}, shutdown-timeout: 30}`;
    assert.deepEqual(desiredDocument(parse(parseYaml(yaml))), {
      "insecure-registries": ["registry.lan:5000"],
      "live-restore": true,
      "log-driver": "local",
      "log-opts": { "max-size": "10m" },
      runtimes: { nvidia: { path: "nvidia-container-runtime" } },
      features: { buildkit: true, cdi: true },
      "max-concurrent-downloads": 6,
      "shutdown-timeout": 30,
    });
  });

  it("keep cache mounts for as long as was said, in the names of every engine", () => {
    const document = desiredDocument(parse({ builderGc: { keepGB: 50, cacheMountsKeepDays: 14 } }));
    const { gc } = document["builder"] as { gc: { policy: Record<string, unknown>[] } };
    const room = { keepStorage: "50GB", reservedSpace: "50GB", maxUsedSpace: "50GB" };
    assert.deepEqual(gc.policy[2], { keepStorage: "0", filter: ["type=exec.cachemount", "unused-for=336h"] });
    assert.deepEqual(gc.policy.at(-2), room);
    assert.deepEqual(gc.policy.at(-1), { ...room, all: true });
  });

  it("claim elements of lists and leaves of the rest, a policy as a whole", () => {
    const document = {
      ...desiredDocument(
        parse({ builderGc: { keepGB: 5, cacheMountsKeepDays: 7 }, logOpts: { "max-size": "1m" } }),
      ),
      labels: ["gpu=yes"],
      "default-address-pools": [{ base: "10.9.0.0/16", size: 24 }],
    };
    const entries = entriesOf(["http://127.0.0.1:5000"], document);
    assert.deepEqual(
      entries.map(({ pointer, ...rest }) => `${pointer} ${Object.keys(rest).join()}`),
      [
        "/registry-mirrors element",
        "/builder/gc value",
        "/log-opts/max-size value",
        "/labels element",
        "/default-address-pools value",
      ],
    );
  });
});
