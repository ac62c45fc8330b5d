"""A link between two network namespaces that holds each packet back for a while and counts what goes over it.

Usage: link.py NAMESPACE_A ADDRESS_A NAMESPACE_B ADDRESS_B

Takes commands on standard input, and answers each with one line of JSON: `delay MILLISECONDS` (for each way), `reset`, `read`.
It ends, and its devices with it, when standard input does.
"""

import collections
import fcntl
import json
import os
import select
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
SYN = 0x02


def open_tun(name, namespace, address):
    """Makes a TUN device, and puts it into a namespace; its descriptor stays here."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    for argv in (
        ["ip", "link", "set", name, "netns", namespace],
        ["ip", "-n", namespace, "address", "add", address, "dev", name],
        ["ip", "-n", namespace, "link", "set", name, "up"],
    ):
        subprocess.run(argv, check=True)
    return device


def says_something(packet):
    """Tells whether a packet opens a TCP connection or carries data: acknowledgements alone make nobody wait."""
    if packet[0] >> 4 != 4 or packet[9] != 6:
        return False
    header = (packet[0] & 15) * 4
    data = struct.unpack("!H", packet[2:4])[0] - header - (packet[header + 12] >> 4) * 4
    return data > 0 or packet[header + 13] & SYN != 0


class Link:
    def __init__(self, ends):
        self.ends = ends
        self.queues = (collections.deque(), collections.deque())
        self.delay = 0.0
        self.reset()

    def reset(self):
        self.packets = [0, 0]
        self.bytes = [0, 0]
        self.turns = 0
        self.last = None

    def take(self, side):
        """Takes what has arrived at one end."""
        while True:
            try:
                packet = os.read(self.ends[side], 65536)
            except BlockingIOError:
                return
            self.packets[side] += 1
            self.bytes[side] += len(packet)
            if says_something(packet):
                if self.last is not None and self.last != side:
                    self.turns += 1
                self.last = side
            self.queues[side].append((time.monotonic() + self.delay, packet))

    def give(self):
        """Hands over what is due. Returns the seconds until something else is."""
        wait = None
        now = time.monotonic()
        for side, queue in enumerate(self.queues):
            while queue and queue[0][0] <= now:
                os.write(self.ends[1 - side], queue.popleft()[1])
            if queue:
                rest = queue[0][0] - now
                wait = rest if wait is None else min(wait, rest)
        return wait

    def obey(self, command, *arguments):
        if command == "delay":
            self.delay = float(arguments[0]) / 1000
        elif command == "reset":
            self.reset()
        return {"packets": sum(self.packets), "bytes": sum(self.bytes), "turns": self.turns}


def main(namespace_a, address_a, namespace_b, address_b):
    names = (f"kp{os.getpid()}a", f"kp{os.getpid()}b")
    ends = (open_tun(names[0], namespace_a, address_a), open_tun(names[1], namespace_b, address_b))
    link = Link(ends)
    print(json.dumps({"a": names[0], "b": names[1]}), flush=True)
    commands = b""
    while True:
        readable, _, _ = select.select([*ends, 0], [], [], link.give())
        for side in (0, 1):
            if ends[side] in readable:
                link.take(side)
        if 0 in readable:
            piece = os.read(0, 65536)
            if not piece:
                return
            commands += piece
            *lines, commands = commands.split(b"\n")
            for line in lines:
                print(json.dumps(link.obey(*line.decode().split())), flush=True)


main(*sys.argv[1:])
