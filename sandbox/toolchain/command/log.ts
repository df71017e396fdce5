import { credentials } from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb.js";

/** Returns a function that prints a line below a resource in Pulumi's output. */
export function engineLog(address: string | undefined): (urn: string, message: string) => void {
  if (!address) return () => {};
  let engine: EngineClient | undefined;
  let last: Promise<void> = Promise.resolve(); // one after another: calls that run at once may arrive in any order
  return (urn, message) => {
    const request = new LogRequest();
    request.setSeverity(LogSeverity.INFO);
    request.setMessage(message);
    request.setUrn(urn);
    engine ??= new EngineClient(address, credentials.createInsecure());
    const client = engine;
    // A line that is lost must not fail a command.
    last = last.then(() => new Promise((resolve) => client.log(request, () => resolve())));
  };
}
