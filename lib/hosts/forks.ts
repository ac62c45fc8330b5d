/** Number of connections that are opened at the same time, unless the caller says otherwise. */
export const defaultForks = 32;
