const longest = 240;

/** Why something failed, on one line: the error a child process printed where there is one, else the message. */
export function reasonOf(error: unknown): string {
  const message = (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ').trim();
  const printed = /\b(?:[A-Z]\w*)?Error(?: \[\w+\])?: .*?(?= at \S+ \(|$)/.exec(message)?.[0];
  const reason = printed ?? message;
  return reason.length > longest ? `${reason.slice(0, longest)}…` : reason;
}
