/**
 * Says how often a property is tried: a fifth of the times where KVM_PLAY_QUICK asks for a quick answer, as `npm run test:unit` does.
 * @param all how often otherwise
 */
export function runs(all: number): number {
  return process.env.KVM_PLAY_QUICK === undefined ? all : Math.ceil(all / 5);
}
