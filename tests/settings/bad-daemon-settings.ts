import type { BadSetting } from "./bad-settings.ts";

/** Wrong settings of daemon.json. */
export const badDaemonSettings: BadSetting[] = [
  {
    id: "B17",
    what: "a mirror without a scheme",
    values: { dockerDaemon: { settings: { "registry-mirrors": ["127.0.0.1:5999"] } } },
    lines: [
      'gpu-build-host:dockerDaemon.settings.registry-mirrors[0] "127.0.0.1:5999" has no scheme, dockerd would refuse to start: write "http://127.0.0.1:5999"',
    ],
  },
  {
    id: "B18",
    what: "one mirror that is no list",
    values: { dockerDaemon: { settings: { "registry-mirrors": "http://a" } } },
    lines: ['gpu-build-host:dockerDaemon.settings.registry-mirrors must be a list: write ["http://a"]'],
  },
  {
    id: "B19",
    what: "the same mirror twice",
    values: { dockerDaemon: { settings: { "registry-mirrors": ["http://a", "http://a/"] } } },
    lines: ["gpu-build-host:dockerDaemon.settings.registry-mirrors[1] is the same as registry-mirrors[0]"],
  },
  {
    id: "B20",
    what: "a key that Docker ignores",
    values: { dockerDaemon: { settings: { "registry-mirror": "http://a" } } },
    lines: [
      "gpu-build-host:dockerDaemon.settings.registry-mirror is silently ignored by Docker: use registry-mirrors",
    ],
  },
  {
    id: "B21",
    what: "a key that Docker does not know",
    values: { dockerDaemon: { settings: { "log-drivers": "x" } } },
    lines: [
      'gpu-build-host:dockerDaemon.settings.log-drivers is no key of Docker\'s, which would refuse to start; did you mean "log-driver"?',
    ],
  },
  {
    id: "B22",
    what: "a key that clashes with the unit",
    values: { dockerDaemon: { settings: { hosts: ["fd://"] } } },
    lines: [
      "gpu-build-host:dockerDaemon.settings.hosts conflicts with the -H flag of Docker's own systemd unit, Docker would not start: take it out",
    ],
  },
  {
    id: "B23",
    what: "a log driver that there is not",
    values: { dockerDaemon: { settings: { "log-driver": "jsonfile" } } },
    lines: [
      'gpu-build-host:dockerDaemon.settings.log-driver is no log driver of Docker\'s, every container would fail to start; did you mean "json-file"?, got "jsonfile"',
    ],
  },
  {
    id: "B23",
    what: "a log driver that there is not, by its own setting",
    values: { dockerDaemon: { logDriver: "jsonfile" } },
    lines: [
      'gpu-build-host:dockerDaemon.logDriver is no log driver of Docker\'s, every container would fail to start; did you mean "json-file"?, got "jsonfile"',
    ],
  },
  {
    id: "B24",
    what: "a number where Docker wants text",
    values: { dockerDaemon: { settings: { "log-opts": { "max-file": 3 } } } },
    lines: [
      'gpu-build-host:dockerDaemon.settings.log-opts.max-file must be text: Docker wants strings here, write "3"',
    ],
  },
  {
    id: "B24",
    what: "a number where Docker wants text, by its own setting",
    values: { dockerDaemon: { logOpts: { "max-file": 3 } } },
    lines: [
      'gpu-build-host:dockerDaemon.logOpts.max-file must be text: Docker wants strings here, write "3", got 3',
    ],
  },
  {
    id: "B25",
    what: "an insecure registry with a scheme",
    values: { dockerDaemon: { insecureRegistries: ["http://h:5000"] } },
    lines: [
      'gpu-build-host:dockerDaemon.insecureRegistries[0] has a scheme: write host:port or a network such as "10.0.0.0/8", without http://, got "http://h:5000"',
    ],
  },
  {
    id: "B26",
    what: "a default runtime that the host has not",
    testedBy: "a default runtime that is not defined (B26)",
  },
  {
    id: "B61",
    what: "an IPv6 address without brackets",
    values: { dockerDaemon: { settings: { "registry-mirrors": ["http://::1:5999"] } } },
    lines: [
      'gpu-build-host:dockerDaemon.settings.registry-mirrors[0] "http://::1:5999" is not a URL: write scheme, host and port, such as "http://127.0.0.1:5000" (an IPv6 address needs brackets: http://[::1]:5000)',
    ],
  },
];
