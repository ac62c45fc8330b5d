import { describe, expect, test } from '@jest/globals';
import { PlaybookError } from '../../../lib/errors.ts';
import {
  fingerprintOf,
  type NetworkChangeOptions,
  networkChange,
  parsePort,
} from '../../../lib/network_change/network_change.ts';
import { tasksOf } from '../../../lib/site/play_items.ts';
import { entry, unknowable } from '../../support/tiny_modules.ts';

const task = entry({ path: '/a', text: 'a' });

describe('networkChange', () => {
  test('keeps its tasks in their place among others', () => {
    const [first, last] = [entry({ path: '/first', text: '' }), entry({ path: '/last', text: '' })];
    expect(tasksOf([first, networkChange({}, [task]), last])).toEqual([first, task, last]);
  });

  test.each<[NetworkChangeOptions, string]>([
    [{ confirmWithin: 9 }, "'confirmWithin' is a whole number of seconds, 10 or more, and is 9"],
    [{ confirmWithin: 20.5 }, 'and is 20.5'],
    [{ confirmWithin: Number.NaN }, 'and is NaN'],
    [{ reachAt: ['-oProxyCommand=x'] }, '\'reachAt\' has "-oProxyCommand=x", which is no address'],
    [{ prove: [{ tcp: 'host' }] }, 'a TCP probe is written as name:port, and one is "host"'],
    [{ prove: [{ tcp: 'host:70000' }] }, 'a TCP probe is written as name:port'],
    [{ prove: [{ ping: '-f' }] }, 'a probe\'s "-f" is neither a name nor an address'],
  ])('%j is refused at the user’s own line', (options, words) => {
    const make = (): unknown => networkChange(options, [task]);
    expect(make).toThrow(PlaybookError);
    expect(make).toThrow(words);
  });

  test.each<[object, string]>([
    [{ ping: 'host', from: 'controler' }, `a probe's 'from' is "controler", and must be 'host' or 'controller'`],
    [{ ping: 'host', form: 'controller' }, "a probe has no 'form'; there are tcp, ping and from"],
  ])('a site whose types nobody checked: the probe %j is refused', (probe, words) => {
    expect(() => Reflect.apply(networkChange, undefined, [{ prove: [probe] }, [task]])).toThrow(words);
  });

  test('without tasks is refused', () => {
    expect(() => networkChange({}, [])).toThrow('it holds no tasks');
  });

  test('refuses what nobody knows how to take back', () => {
    expect(() => networkChange({}, [task, unknowable('Poke', {})])).toThrow(
      "networkChange: 'Poke' cannot be part of it: what the module unknowable does cannot be taken back; put the task before or after the network change",
    );
  });

  test('is the same change whenever the same is wanted, and another one when something else is', () => {
    const same = networkChange({ confirmWithin: 60 }, [entry({ path: '/a', text: 'a' })]);
    const other = networkChange({}, [entry({ path: '/a', text: 'b' })]);
    expect(fingerprintOf(networkChange({}, [task]))).toBe(fingerprintOf(same));
    expect(fingerprintOf(networkChange({}, [task]))).not.toBe(fingerprintOf(other));
  });
});

test('a port is read with its name or address', () => {
  expect(parsePort('dns.example.org:53')).toEqual({ name: 'dns.example.org', port: 53 });
  expect(parsePort('[fe80::1]:22')).toEqual({ name: 'fe80::1', port: 22 });
  expect(parsePort('fe80::1:22')).toBeUndefined();
  expect(parsePort('host:0')).toBeUndefined();
});
