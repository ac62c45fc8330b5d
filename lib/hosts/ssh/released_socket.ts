import { connect } from 'node:net';
import { waitUntil } from '../../process/wait_until.ts';

/**
 * Waits up to a second until nobody listens on a socket any more. An ssh that is told to exit agrees first, and then removes the socket by
 * the name that it gave it: only after that another socket may take the name.
 */
export async function isReleased(path: string): Promise<boolean> {
  return !(await waitUntil(
    () => isListening(path),
    (listens) => !listens,
    { within: 1, interval: 0.02 },
  ));
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
