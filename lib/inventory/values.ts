/** A variable's value. Its default says its type. */
export type Value = string | number | boolean;

/** Values for variables, by name; text is read in the type of the variable's default. */
export type Values = Readonly<Record<string, Value>>;

/** Values of an inventory by name; what they may be is said by the variables of the plays. */
export type InventoryValues = Readonly<Record<string, unknown>>;
