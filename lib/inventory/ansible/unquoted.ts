/** Takes off the quotes around a text, as Ansible does: of one kind, and not if a backslash stands before the last one. */
export function unquoted(text: string): string {
  const [first] = text;
  const isQuoted = text.length > 1 && (first === '"' || first === "'") && text.endsWith(first) && text.at(-2) !== '\\';
  return isQuoted ? text.slice(1, -1) : text;
}
