/** A variable's value. Its default says its type. */
export type Value = string | number | boolean;

/** Values for variables, by name; text is read in the type of the variable's default. */
export type Values = Readonly<Record<string, Value>>;
