import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds between two looks, and how many there are. */
const [interval, looks] = [20, 50];

/**
 * Waits up to a second until nobody listens on a socket any more. An ssh that was told to exit says yes first, and then takes the
 * file away under the name that it has given it: only once it is gone another one may take the name.
 */
export async function isReleased(path: string): Promise<boolean> {
  for (let look = 0; look < looks; look += 1) {
    if (!(await isListening(path))) return true;
    await sleep(interval);
  }
  return false;
}

async function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (isThere: boolean) => () => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', end(true)).once('error', end(false));
  });
}
