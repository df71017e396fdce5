import { credentials } from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb.js";
import type { Session } from "./resource-handler.ts";

const severities = {
  debug: LogSeverity.DEBUG,
  info: LogSeverity.INFO,
  warning: LogSeverity.WARNING,
  error: LogSeverity.ERROR,
};

/**
 * Returns a function that prints a message on the line of a resource in Pulumi's output.
 * An ephemeral message is replaced by the next one. Without an engine the messages go nowhere.
 */
export function engineLog(address: string | undefined): Session["log"] {
  if (!address) return async () => {};
  const engine = new EngineClient(address, credentials.createInsecure());
  return (message, options = {}) => {
    const request = new LogRequest();
    request.setSeverity(severities[options.severity ?? "info"]);
    request.setMessage(message);
    request.setUrn(options.urn ?? "");
    request.setStreamid(0);
    request.setEphemeral(options.ephemeral ?? false);
    // A message that is lost must not fail a build.
    return new Promise((resolve) => engine.log(request, () => resolve()));
  };
}
