/** Gives the keys of a table, with their types. */
export function keysOf<Table extends object>(table: Table): readonly Extract<keyof Table, string>[] {
  return Object.keys(table).filter((key): key is Extract<keyof Table, string> => Object.hasOwn(table, key));
}
