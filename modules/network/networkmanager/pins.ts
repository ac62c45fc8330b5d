import { type UnitFile, unitValue } from '../../../lib/formats/unit_file.ts';
import { type IpSection, methodOf } from './settings.ts';

/** A key that the bridge's profile gets besides those of its port. */
export interface Pin {
  readonly section: IpSection;
  readonly key: string;
  readonly value: string;
}

/** Every key that a bridge may get besides those of its port. */
export const possiblePins: readonly Omit<Pin, 'value'>[] = [
  { section: 'ipv4', key: 'dhcp-client-id' },
  { section: 'ipv4', key: 'route-metric' },
  { section: 'ipv6', key: 'dhcp-iaid' },
  { section: 'ipv6', key: 'route-metric' },
];

/**
 * Says which keys keep a DHCP server from taking the bridge for somebody else, and other links from taking its default route.
 * @param sent what the port's clients call themselves now
 */
export function pinsOf(
  file: UnitFile,
  mac: string | undefined,
  sent: { readonly clientId: string | undefined; readonly iaid: string | undefined },
  metrics: Readonly<Partial<Record<IpSection, string>>>,
): readonly Pin[] {
  const said = unitValue(file, 'ipv4', 'dhcp-client-id');
  // A word is worked out anew for each link; other values are sent as they are.
  const isWord = said === undefined || /^(?:mac|perm-mac|duid|ipv6-duid|stable|none)$/.test(said);
  const isMac = sent.clientId !== undefined && sent.clientId === `01:${mac}`;
  const isKept = isMac && (said === undefined || said === 'mac');
  const isAsking = methodOf(file, 'ipv4') === 'auto' && sent.clientId !== undefined;
  const iaid = sent.iaid === undefined ? undefined : iaidNumber(sent.iaid);
  return [
    ...(isAsking && isWord && !isKept
      ? [{ section: 'ipv4' as const, key: 'dhcp-client-id', value: sent.clientId ?? '' }]
      : []),
    ...(iaid !== undefined && unitValue(file, 'ipv6', 'dhcp-iaid') === undefined
      ? [{ section: 'ipv6' as const, key: 'dhcp-iaid', value: iaid }]
      : []),
    ...(['ipv4', 'ipv6'] as const).flatMap((section): readonly Pin[] => {
      const value = metrics[section];
      const isSaid = unitValue(file, section, 'route-metric') !== undefined;
      return value === undefined || isSaid ? [] : [{ section, key: 'route-metric', value }];
    }),
  ];
}

/** `0a:0b:0c:0d` as the number that a profile takes. */
function iaidNumber(text: string): string | undefined {
  const hex = text.replaceAll(':', '');
  return /^[0-9a-f]{8}$/i.test(hex) ? String(Number.parseInt(hex, 16)) : undefined;
}
