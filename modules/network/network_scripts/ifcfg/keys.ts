import { type KeyValueEntry, type KeyValueFile, lookUp } from '../../../../lib/formats/key_value.ts';

/** Tells whether a value is one of the scripts' words for yes (`is_true` in network-functions). */
export function isOn(value: string | undefined): boolean {
  return /^(?:t|true|y|yes|on|1)$/i.test(value ?? '');
}

/** Tells whether a value is one of the scripts' words for no (`is_false`). */
export function isOff(value: string | undefined): boolean {
  return /^(?:f|false|n|no|off|0)$/i.test(value ?? '');
}

const staticKey = /^(?:IPADDR|PREFIX|NETMASK|BROADCAST|NETWORK|ARPCHECK|ARPUPDATE|GATEWAY)\d*$/;
const otherAddressKey = new RegExp(
  `^(?:${[
    'GATEWAYDEV|DEFROUTE|METRIC|SCOPE|SRCADDR|WINDOW|EXTRA_ROUTE_OPTS|NOZEROCONF|ZONE',
    'DNS\\d+|DOMAIN|SEARCH|PEERDNS|PEERROUTES|PEERNTP|RES_OPTIONS',
    'PERSISTENT_DHCLIENT|DHCLIENTARGS|DHCP_HOSTNAME|DHCP_FQDN|DHCP_SEND_HOSTNAME|DHCP_CLIENT_ID',
    'IPV4_FAILURE_FATAL|IPV4_ROUTE_METRIC|IPV6ADDR|IPV6ADDR_SECONDARIES|IPV6_(?!AUTOCONF$)\\w+|DHCPV6C|DHCPV6C_OPTIONS',
  ].join('|')})$`,
);

/** Tells whether a key gives a static IPv4 address, which a DHCP client makes meaningless. */
export function isStaticKey(key: string): boolean {
  return staticKey.test(key);
}

/**
 * Tells whether a key says how a host is addressed and reached, and so belongs to the bridge rather than to its port.
 * BOOTPROTO, IPV6INIT and IPV6_AUTOCONF are not among them: every file has its own.
 */
export function isAddressKey(key: string): boolean {
  return isStaticKey(key) || otherAddressKey.test(key);
}

/** Tells whether a BOOTPROTO starts a DHCP client; every other one is static to the scripts. */
export function isDhcp(bootproto: string | undefined): boolean {
  return bootproto === 'dhcp' || bootproto === 'bootp';
}

/** Keys that the init script looks for with `eval $(grep -F "KEY=" file)`, to order the interfaces before any file is sourced. */
const orderingKeys = ['DEVICE', 'TYPE', 'SLAVE', 'NM_CONTROLLED'] as const;
type OrderingKey = (typeof orderingKeys)[number];

/** Tells whether that search would find a text anywhere in a file. */
export function isSeenByOrdering(text: string): boolean {
  return orderingKeys.some((key) => text.includes(`${key}=`));
}

/** A comment that holds one of those keys: all that the search finds behind it is lost. */
export interface OrderingComment {
  readonly key: OrderingKey;
  readonly line: number;
  /** True when a line behind it sets the key, and is not seen. */
  readonly hides: boolean;
}

/** Finds the comments, whole lines or behind a value, that get in the way of the init script's search. */
export function orderingComments(file: KeyValueFile): readonly OrderingComment[] {
  return orderingKeys.flatMap((key) => {
    const matches = file.entries.filter((entry) => entry.raw.includes(`${key}=`));
    const index = matches.findIndex(hasComment);
    const comment = matches[index];
    if (comment === undefined) return [];
    const hides = matches.slice(index + 1).some((entry) => entry.key === key);
    return hides || comment.kind === 'comment' ? [{ key, line: comment.line, hides }] : [];
  });
}

function hasComment(entry: KeyValueEntry): boolean {
  return entry.kind === 'comment' || (entry.span !== undefined && entry.raw.slice(entry.span[1]).includes('#'));
}

/** Tells whether the init script recognises a bridge: TYPE must be exactly `Bridge`, and no comment may hide it. */
export function isOrderedAsBridge(file: KeyValueFile): boolean {
  return (
    lookUp(file, 'TYPE')?.value === 'Bridge' &&
    !orderingComments(file).some((comment) => comment.key === 'TYPE' && comment.hides)
  );
}
