import { BuildRun } from "../../lib/images/build-run.ts";
import assert from "node:assert/strict";
import { daemonConfig, type DaemonConfigArgs, type DaemonConfigState } from "../../provider/daemon-config.ts";
import type { Session } from "../../provider/resource-handler.ts";

export const URN = "urn:pulumi:dev::gpu-build-host::gpubuild:index:DaemonConfig::daemon-config";

/** A daemon.json with a mirror of somebody else's, written by hand. */
export const FOREIGN =
  '{\n\t"registry-mirrors": [ "http://127.0.0.1:1" ],\n\t"max-concurrent-downloads": 7\n}\n';

/** One stack's resource as Pulumi drives it. */
export class Stack {
  readonly args: DaemonConfigArgs;
  readonly messages: string[] = [];
  readonly session: Session = {
    run: new BuildRun(),
    log: async (message) => void this.messages.push(message),
    signal: new AbortController().signal,
  };
  id = "";
  state!: DaemonConfigState;

  constructor(args: DaemonConfigArgs) {
    this.args = args;
  }

  async inputs(changes: Partial<DaemonConfigArgs> = {}): Promise<DaemonConfigState> {
    const { inputs, failures } = await daemonConfig.check(URN, undefined, {
      ...this.args,
      ...changes,
    } as DaemonConfigState);
    assert.deepEqual(failures, []);
    return inputs;
  }

  /** Refresh and diff: what a preview does. Returns `key: old => new` for each difference. */
  async preview(changes: Partial<DaemonConfigArgs> = {}): Promise<string[]> {
    const read = await daemonConfig.read(this.id, URN, this.state);
    assert.ok(read);
    const inputs = await this.inputs(changes);
    const diff = await daemonConfig.diff(this.id, URN, read.props, inputs);
    const keys = Object.keys(diff.detailedDiff ?? {}) as (keyof DaemonConfigState)[];
    assert.equal(diff.changes, keys.length > 0);
    return keys.map((key) => `${key}: ${read.props[key]} => ${inputs[key]}`);
  }

  /** Creates or updates. */
  async up(changes: Partial<DaemonConfigArgs> = {}): Promise<void> {
    const inputs = await this.inputs(changes);
    if (this.id) {
      const read = await daemonConfig.read(this.id, URN, this.state);
      this.state = (await daemonConfig.update(this.id, URN, read!.props, inputs, this.session)).outs;
    } else {
      const created = await daemonConfig.create(URN, inputs, this.session);
      [this.id, this.state] = [created.id, created.outs];
    }
  }

  async destroy(): Promise<void> {
    await daemonConfig.delete(this.id, URN, this.state, this.session);
  }
}
