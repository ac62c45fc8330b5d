/** Makes this machine ready for the tests on throwaway hosts, where `KVM_PLAY_LAB=required` asks for them; else does nothing. */

import { installPackages, missingPackages, unableReason } from '../../lib/lab/index.ts';
import { baseRoot } from '../../lib/lab/root/base.ts';
import { scriptsRecipe, stacksRecipe } from '../../lib/lab/root/recipes.ts';

/** Shells that quoting is tested with, and a library that shows a program another clock. */
const besides = ['busybox', 'mksh', 'libfaketime'];
/** Shells that complete the command, and a terminal without a person. */
const terminals = ['bash', 'zsh', 'fish', 'tmux'];
/** What checks the shell programs. */
const checkers = ['shellcheck'];
/** What inventories are compared with. */
const peers = ['ansible-core'];

if (process.env.KVM_PLAY_LAB === 'required') {
  const reason = await unableReason();
  if (reason !== undefined)
    throw new Error(`throwaway hosts are required, and this machine cannot run them: ${reason}`);
  const onProgress = (message: string): void => console.log(message);
  await installPackages([...(await missingPackages()), ...besides, ...terminals, ...checkers, ...peers], onProgress);
  for (const recipe of [scriptsRecipe, stacksRecipe(12), stacksRecipe(13)]) await baseRoot(recipe, { onProgress });
}
