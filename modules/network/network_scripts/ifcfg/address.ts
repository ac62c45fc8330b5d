import { classPrefix, parseIpv4, prefixOfNetmask } from '../../../../lib/formats/ipv4.ts';
import { getValue, type KeyValueFile } from '../../../../lib/formats/key_value.ts';

/**
 * Gives the first static address of an interface's file as `address/prefix`. PREFIX wins over NETMASK, and without either
 * ipcalc takes the address's class. IPADDR and IPADDR0 together are two addresses, given with a comma between them.
 * @returns undefined when there is none
 */
export function primaryAddress(file: KeyValueFile): string | undefined {
  const addresses = ['', '0'].flatMap((index) => addressAt(file, index) ?? []);
  if (addresses.length > 0) return addresses.join(', ');
  return addressAt(file, '1') ?? addressAt(file, '2');
}

/**
 * Gives all static addresses of an interface's file, in the scripts' order: IPADDR, IPADDR0, IPADDR1 and so on; from IPADDR2 on
 * the first that is missing ends the list (`expand_config` in network-functions).
 */
export function addressesOf(file: KeyValueFile): readonly string[] {
  const found: string[] = [];
  for (const index of ['', ...Array.from({ length: 256 }, (_, number) => String(number))]) {
    const address = addressAt(file, index);
    if (address !== undefined) found.push(address);
    else if (Number(index) >= 2) break;
  }
  return found;
}

function addressAt(file: KeyValueFile, index: string): string | undefined {
  const address = getValue(file, `IPADDR${index}`) ?? '';
  if (address === '') return undefined;
  return `${address}/${prefixAt(file, index, address)}`;
}

function prefixAt(file: KeyValueFile, index: string, address: string): string {
  const prefix = getValue(file, `PREFIX${index}`) ?? '';
  if (prefix !== '') return prefix;
  const netmask = getValue(file, `NETMASK${index}`) ?? '';
  if (netmask !== '') return String(prefixOfNetmask(netmask) ?? netmask);
  const number = parseIpv4(address);
  return number === undefined ? '?' : String(classPrefix(number));
}
