import * as v from 'valibot';

/** Runs a command inside a host and gives its standard output. */
export type Look = (argv: readonly string[]) => Promise<string>;

/** Packets that an interface has received and sent, from its own side. */
export interface Counters {
  readonly received: number;
  readonly sent: number;
}

/** A network interface of the host. */
export interface Interface {
  readonly name: string;
  readonly mac: string;
  readonly addresses: readonly string[];
  readonly packets: Counters;
}

/** A guest's network card, and the tap on the host that is the other end of its wire. */
export interface GuestCard {
  readonly mac: string;
  /** The address that the LAN's DHCP server gave it. */
  readonly lease: string | undefined;
  readonly tap: Interface;
  /** The same wire seen from the guest. */
  readonly packets: Counters;
}

/** A running guest. */
export interface Guest {
  readonly name: string;
  /** As `virsh domdisplay` says it, e.g. `vnc://localhost:0`; undefined when it has no graphical console. */
  readonly console: string | undefined;
  readonly cards: readonly GuestCard[];
}

/** A bridge with what is plugged into it. */
export interface Bridge extends Interface {
  /** Ports that are no guest's tap. */
  readonly uplinks: readonly Interface[];
  readonly guests: readonly Guest[];
}

/** What came out: the bridges of a host. */
export interface NetworkPicture {
  readonly bridges: readonly Bridge[];
}

const counters = v.object({ packets: v.number() });

const links = v.array(
  v.object({
    ifname: v.string(),
    address: v.optional(v.string(), ''),
    master: v.optional(v.string()),
    linkinfo: v.optional(v.object({ info_kind: v.optional(v.string()) })),
    addr_info: v.optional(
      v.array(v.object({ family: v.string(), local: v.optional(v.string()), prefixlen: v.number() })),
      [],
    ),
    stats64: v.optional(v.object({ rx: counters, tx: counters }), { rx: { packets: 0 }, tx: { packets: 0 } }),
  }),
);

type Link = v.InferOutput<typeof links>[number];

/**
 * Looks at the bridges of a host, and at the guests on them.
 * @param look runs a command inside the host
 * @param leaseOf says which address the LAN's DHCP server gave to a MAC
 */
export async function lookAtNetwork(look: Look, leaseOf: (mac: string) => string | undefined): Promise<NetworkPicture> {
  const found = v.parse(links, JSON.parse(await look(['ip', '-json', '-stats', '-details', 'address'])));
  const guests = await lookAtGuests(look, found, leaseOf);
  const taps = new Set(guests.flatMap(({ cards }) => cards.map(({ tap }) => tap.name)));
  const bridges = found.filter(({ linkinfo }) => linkinfo?.info_kind === 'bridge');
  return {
    bridges: bridges.map((bridge) => {
      const ports = new Set(found.filter(({ master }) => master === bridge.ifname).map(({ ifname }) => ifname));
      return {
        ...asInterface(bridge),
        uplinks: found.filter(({ ifname }) => ports.has(ifname) && !taps.has(ifname)).map(asInterface),
        guests: guests
          .map((guest) => ({ ...guest, cards: guest.cards.filter(({ tap }) => ports.has(tap.name)) }))
          .filter(({ cards }) => cards.length > 0),
      };
    }),
  };
}

async function lookAtGuests(
  look: Look,
  found: readonly Link[],
  leaseOf: (mac: string) => string | undefined,
): Promise<readonly Guest[]> {
  const names = lines(await look(['virsh', 'list', '--name']));
  return Promise.all(
    names.map(async (name) => ({
      name,
      console: lines(await look(['virsh', 'domdisplay', name]))[0],
      cards: await lookAtCards(look, name, found, leaseOf),
    })),
  );
}

async function lookAtCards(
  look: Look,
  guest: string,
  found: readonly Link[],
  leaseOf: (mac: string) => string | undefined,
): Promise<readonly GuestCard[]> {
  const rows = lines(await look(['virsh', 'domiflist', guest])).slice(2);
  const cards = rows.map(async (row) => {
    const [tapName = '', , , , mac = ''] = row.trim().split(/\s+/);
    const tap = found.find(({ ifname }) => ifname === tapName);
    if (tap === undefined) return [];
    const packets = guestCounters(await look(['virsh', 'domifstat', guest, tapName]));
    return [{ mac, lease: leaseOf(mac), tap: asInterface(tap), packets }];
  });
  return (await Promise.all(cards)).flat();
}

/** libvirt counts from the guest's side: what the tap sends is what the guest receives. */
function guestCounters(domifstat: string): Counters {
  const count = (what: string): number => Number(new RegExp(`${what}_packets (\\d+)`).exec(domifstat)?.[1] ?? 0);
  return { received: count('rx'), sent: count('tx') };
}

function asInterface({ ifname, address, addr_info, stats64 }: Link): Interface {
  return {
    name: ifname,
    mac: address,
    addresses: addr_info
      .filter(({ family }) => family === 'inet')
      .map(({ local, prefixlen }) => `${local}/${prefixlen}`),
    packets: { received: stats64.rx.packets, sent: stats64.tx.packets },
  };
}

function lines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}

/**
 * Finds the port on the host that a console is open on.
 * @param display as `virsh domdisplay` says it: VNC by display, `vnc://localhost:0` being port 5900, others by port
 */
export function consolePort(display: string): number | undefined {
  const [, kind, number] = /^(\w+):\/\/[^/]*:(\d+)$/.exec(display) ?? [];
  if (number === undefined) return undefined;
  return kind === 'vnc' ? 5900 + Number(number) : Number(number);
}

/** Draws the picture: each bridge with its uplink above, and the guests' wires below. Lines end without a blank. */
export function drawPicture({ bridges }: NetworkPicture): string {
  if (bridges.length === 0) return 'there is no bridge';
  return bridges.map(drawBridge).join('\n\n');
}

function drawBridge({ uplinks, guests, ...bridge }: Bridge): string {
  const above = uplinks.length === 0 ? ['(no uplink)'] : uplinks.map((uplink) => `uplink ${describe(uplink)}`);
  return [
    ...above,
    '  |',
    `bridge ${describe(bridge)}`,
    ...guests.flatMap(({ name, console: display, cards }) => [
      ...cards.flatMap(({ mac, lease, tap, packets }) => [
        '  |',
        `  +- tap ${tap.name}  ${describeCounters(tap.packets)}`,
        '       |   the wire: what one side sends, the other receives',
        `       +- guest ${name}  ${mac}  ${lease ?? 'no lease'}  ${describeCounters(packets)}`,
      ]),
      ...(display === undefined ? [] : [`            console: ${display}, on the host itself`]),
    ]),
  ].join('\n');
}

function describe({ name, mac, addresses, packets }: Interface): string {
  return [name, mac, ...addresses, describeCounters(packets)].join('  ');
}

function describeCounters({ received, sent }: Counters): string {
  return `received ${received}, sent ${sent} packets`;
}
