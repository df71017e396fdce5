import * as command from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";

/**
 * Removes a file with a secret, and its folders where they are empty, when the container of it is gone: on destroy, or when
 * another file takes its place. The container depends on it.
 */
export function fileRemoval(name: string, file: string, parent: pulumi.Resource): command.local.Command {
  return new command.local.Command(
    name,
    {
      delete: `rm -f "$FILE" && folder=$(dirname "$FILE") && rmdir "$folder" "$(dirname "$folder")" 2>/dev/null || true`,
      environment: { FILE: file },
      triggers: [file],
      addPreviousOutputInEnv: false,
    },
    { parent },
  );
}
