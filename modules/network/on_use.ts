let work: Promise<typeof import('./work.ts')> | undefined;

/**
 * Loads the network stacks when a host is first asked: most sites make no bridge. All tasks share one import: jiti gives a file that is
 * still being loaded, half done, to whoever asks for it second.
 */
export function onUse(): Promise<typeof import('./work.ts')> {
  work ??= import('./work.ts');
  return work;
}
