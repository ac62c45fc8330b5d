import { execFileSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { bootstrap } from '../../../lib/hosts/transport.ts';

describe('bootstrap', () => {
  test('is one line that csh and fish leave alone', () => {
    const words = { prompt: 'kvm-play-0f:', ready: 'kvm-play-f0' };
    for (const line of [bootstrap(10, false), bootstrap(10, true), bootstrap(10, true, words)]) {
      expect(line).toMatch(/^exec sh -c '[^'!\n]*'$/);
    }
  });

  test('reads exactly the script, and leaves the rest to it', () => {
    const script = 'head -c 3';
    const output = execFileSync('sh', ['-c', bootstrap(script.length, false)], { input: `${script}abcdef` });
    expect(output.toString()).toBe('abc');
  });

  test('runs at once as root, where become has nothing to do', () => {
    if (process.getuid?.() !== 0) {
      console.warn('not tested: become without sudo needs root');
      return;
    }
    const script = 'id -u';
    expect(execFileSync('sh', ['-c', bootstrap(script.length, true)], { input: script }).toString()).toBe('0\n');
    const talk = bootstrap(script.length, true, { prompt: 'kvm-play-0f:', ready: 'kvm-play-f0' });
    expect(execFileSync('sh', ['-c', talk], { input: script }).toString()).toBe('kvm-play-f0\n0\n');
  });
});
