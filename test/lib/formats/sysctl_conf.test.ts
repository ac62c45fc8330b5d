import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'ini';
import {
  canonicalKey,
  canonicalValue,
  keyPath,
  lookUpSysctl,
  parseSysctlConf,
  removeSysctl,
  setSysctl,
} from '../../../lib/formats/sysctl_conf.ts';

describe('a key', () => {
  test.each([
    ['net.ipv4.ip_forward', 'net.ipv4.ip_forward', '/proc/sys/net/ipv4/ip_forward'],
    ['net/ipv4/ip_forward', 'net.ipv4.ip_forward', '/proc/sys/net/ipv4/ip_forward'],
    ['/net//ipv4/ip_forward', 'net.ipv4.ip_forward', '/proc/sys/net/ipv4/ip_forward'],
    [
      'net/ipv4/conf/eth0.100/forwarding',
      'net.ipv4.conf.eth0/100.forwarding',
      '/proc/sys/net/ipv4/conf/eth0.100/forwarding',
    ],
    [
      'net.ipv4.conf.eth0/100.forwarding',
      'net.ipv4.conf.eth0/100.forwarding',
      '/proc/sys/net/ipv4/conf/eth0.100/forwarding',
    ],
  ])('%s is %s', (key, canonical, path) => {
    expect(canonicalKey(key)).toBe(canonical);
    expect(keyPath(key)).toBe(path);
    expect(keyPath(canonical)).toBe(path);
  });
});

describe('a value', () => {
  test.each([
    ['1', '1'],
    ['01', '1'],
    ['0x1', '1'],
    ['0X1F', '31'],
    ['010', '8'],
    ['0', '0'],
    ['00', '0'],
    ['-1', '-1'],
    ['-0', '0'],
    ['18446744073709551615', '18446744073709551615'],
    ['4096\t87380\t6291456\n', '4096 87380 6291456'],
    ['1 # note', '1'],
    ['32768 60999 ; note', '32768 60999'],
    // The kernel refuses these as numbers, or they are no numbers: they stay what they are.
    ['08', '08'],
    ['1#note', '1#note'],
    ['+1', '+1'],
    ['', ''],
    ['1,2', '1,2'],
    ['|/usr/bin/dump # %p', '|/usr/bin/dump # %p'],
    ['fq_codel', 'fq_codel'],
  ])('%j is %j', (value, canonical) => {
    expect(canonicalValue(value)).toBe(canonical);
    expect(canonicalValue(canonical)).toBe(canonical);
  });
});

const file = `# a comment: net.ipv4.ip_forward = 7
; net.ipv4.ip_forward = 8
kernel.sysrq=438

net.ipv4.ip_forward = 0
-net/ipv4/ip_forward =\t01
net.ipv4.conf.*.rp_filter = 1
-net.ipv4.conf.eth0.rp_filter
  vm.swappiness  =  10  \r
no assignment
kernel.domainname =
`;

describe('a file', () => {
  test('is read line by line, as sysctl reads it', () => {
    expect(parseSysctlConf(file)).toEqual([
      { key: 'kernel.sysrq', value: '438' },
      { key: 'net.ipv4.ip_forward', value: '0' },
      { key: 'net.ipv4.ip_forward', value: '01' },
      { key: 'net.ipv4.conf.*.rp_filter', value: '1' },
      { key: 'vm.swappiness', value: '10' },
      { key: 'kernel.domainname', value: '' },
    ]);
  });

  test('the last assignment of a key counts, whatever its notation', () => {
    expect(lookUpSysctl(file, 'net.ipv4.ip_forward')).toBe('01');
    expect(lookUpSysctl(file, 'net/ipv4/ip_forward')).toBe('01');
    expect(lookUpSysctl(file, 'net.ipv4.conf.eth0.rp_filter')).toBeUndefined();
  });
});

describe('setting a key', () => {
  test('leaves the file alone where the assignment that counts says so in other words', () => {
    expect(setSysctl(file, 'net.ipv4.ip_forward', '1')).toBe(file);
    expect(setSysctl('a.b = 1 # note\n', 'a.b', '0x1')).toBe('a.b = 1 # note\n');
    expect(setSysctl('a.b =  1\t2\n', 'a.b', '1 2')).toBe('a.b =  1\t2\n');
  });

  test('edits the assignment that counts, and keeps how it is written', () => {
    expect(setSysctl(file, 'net.ipv4.ip_forward', '0')).toBe(file.replace('=\t01', '=\t0'));
    expect(setSysctl(file, 'vm.swappiness', '60')).toBe(file.replace('  =  10  \r\n', '  =  60  \r\n'));
    expect(setSysctl('a.b=\n', 'a.b', '1')).toBe('a.b=1\n');
    expect(setSysctl('a.b=\r\n', 'a.b', '1')).toBe('a.b=1\r\n');
  });

  test('adds a line at the end, on a line of its own', () => {
    expect(setSysctl('', 'net/ipv4/ip_forward', '1')).toBe('net.ipv4.ip_forward = 1\n');
    expect(setSysctl('a.b = 1\n', 'c.d', '2')).toBe('a.b = 1\nc.d = 2\n');
    expect(setSysctl('a.b = 1', 'c.d', '2')).toBe('a.b = 1\nc.d = 2\n');
    expect(setSysctl('a.b = 1', 'a.b', '2')).toBe('a.b = 2');
  });

  test('takes a dollar sign literally', () => {
    expect(setSysctl('a.b = x\n', 'a.b', '$& $1')).toBe('a.b = $& $1\n');
  });
});

describe('removing a key', () => {
  test('removes all of its assignments, the empty one included', () => {
    expect(removeSysctl(file, 'net.ipv4.ip_forward')).toBe(
      file.replace('net.ipv4.ip_forward = 0\n-net/ipv4/ip_forward =\t01\n', ''),
    );
    expect(removeSysctl(file, 'kernel.domainname')).toBe(file.replace('kernel.domainname =\n', ''));
  });

  test('leaves a file without it as it is', () => {
    expect(removeSysctl('a.b = 1', 'c.d')).toBe('a.b = 1');
  });
});

describe('whatever a file holds', () => {
  const lines = fc.array(
    fc.constantFrom('a.b = 1', '-a/b=2', 'c.d = 3\r', '# a.b = 4', '', '  e.f\t=\t', 'junk', '-a.b', 'a.b = x y', '=1'),
  );
  const text = fc.tuple(lines, fc.boolean()).map(([all, end]) => all.join('\n') + (end ? '\n' : ''));
  const key = fc.constantFrom('a.b', 'c/d', 'e.f', 'g.h');
  const value = fc.constantFrom('0', '1', '0x2', 'x  y');

  test('setting holds, once is enough, and no other key changes', () => {
    fc.assert(
      fc.property(text, key, value, (before, name, wanted) => {
        const after = setSysctl(before, name, wanted);
        expect(canonicalValue(lookUpSysctl(after, name) ?? '')).toBe(canonicalValue(wanted));
        expect(setSysctl(after, name, wanted)).toBe(after);
        const others = (whole: string) => parseSysctlConf(whole).filter((found) => found.key !== canonicalKey(name));
        expect(others(after)).toEqual(others(before));
      }),
    );
  });

  test('removing holds, and every other line stays byte for byte', () => {
    fc.assert(
      fc.property(text, key, (before, name) => {
        const after = removeSysctl(before, name);
        expect(lookUpSysctl(after, name)).toBeUndefined();
        const kept = before.split(/(?<=\n)/).filter((line) => lookUpSysctl(line, name) === undefined);
        expect(after).toBe(kept.join(''));
      }),
    );
  });
});

test('a value may hold #, at which the package ini cuts it', () => {
  const text = 'kernel.core_pattern = |/usr/bin/dump # %p\n';
  expect(parseSysctlConf(text)).toEqual([{ key: 'kernel.core_pattern', value: '|/usr/bin/dump # %p' }]);
  expect(parse(text)['kernel.core_pattern']).toBe('|/usr/bin/dump');
});
