import { Option } from "commander";

export function stackOption(): Option {
  return new Option("--stack <name>", "stack to work on; its settings stand in Pulumi.<name>.yaml").default(
    "sandbox",
  );
}

export function builtToolchainOption(): Option {
  return new Option(
    "--built-toolchain",
    "use the Pulumi that is built from Go modules also for a stack other than sandbox; its docker and command plugins are stand-ins",
  ).default(false);
}
