import type { Ending, Fault } from './fault.ts';
import {
  both,
  clientOfItsOwn,
  clientOfManager,
  farawayGone,
  farawayThere,
  killed,
  linkDown,
  linkDownUntilRolledBack,
  oldConnectionsHang,
  once,
  powerCut,
  sharedConnectionEnds,
  sharedConnectionHangs,
  slowDisk,
  unwrapped,
  withProbe,
} from './injections.ts';

/** The steps of the protocol before the way back is armed: nothing was written yet. */
const before = ['looking', 'arming'] as const;
/** The steps while it is armed. */
const armed = [
  ...['armed', 'applying bridge', 'applying forwarding', 'applying manager', 'applying network'],
  ...['reached', 'proving', 'confirming'],
] as const;

/** A change whose proof fails, so that the controller has the host go back. */
const failing = {
  site: withProbe,
  prepare: farawayThere,
  repair: farawayGone,
} as const;

/** The controller killed before each step, which is after the one before; and in the midst of the two that take their time. */
export const controllerKilled: readonly Fault[] = [
  ...before.map((step) => atStep('controller killed', step, killed, ['not begun'])),
  ...armed.map((step) => atStep('controller killed', step, killed, ['rolled back'])),
  atStep('controller killed', 'confirmed', killed, ['confirmed']),
  {
    ...failing,
    what: 'controller killed',
    where: 'before `rolling-back`, of a change whose proof has failed',
    at: { 'applying network': farawayGone, 'rolling-back': killed },
    ends: ['rolled back'],
  },
  {
    ...failing,
    what: 'controller killed',
    where: 'before `rolled-back`, of a change whose proof has failed',
    at: { 'applying network': farawayGone, 'rolled-back': killed },
    ends: ['rolled back'],
  },
  {
    what: 'controller killed',
    where: 'while the snapshot is taken',
    prepare: slowDisk('new.*'),
    at: { arming: once('new.*', killed) },
    repair: unwrapped,
    ends: ['rolled back'],
  },
  {
    what: 'controller killed',
    where: 'while the network restarts',
    at: { 'applying network': once('current/cut', killed) },
    ends: ['rolled back'],
  },
  {
    what: 'controller killed',
    where: 'while the host confirms',
    prepare: slowDisk('current/confirmed'),
    at: { confirming: once('current/confirmed', killed) },
    repair: unwrapped,
    ends: ['confirmed'],
  },
];

/** The link down for a while. What was sent into it is delivered later, or never. */
export const linkDownFor5: readonly Fault[] = downFor(5);
export const linkDownFor20: readonly Fault[] = downFor(20);

export const linkDownForLong: readonly Fault[] = [
  atStep('link down for 90 s', 'applying network', linkDown(90), ['rolled back']),
  atStep('link down until the host has gone back', 'applying network', linkDownUntilRolledBack, ['rolled back']),
  atStep('link down until the host has gone back', 'proving', linkDownUntilRolledBack, ['rolled back']),
  {
    ...failing,
    what: 'link down for 20 s',
    where: 'before `rolling-back`; NetworkManager has no `dhclient`, and asks for its lease by itself',
    prepare: both(farawayThere, clientOfManager),
    at: { 'applying network': farawayGone, 'rolling-back': linkDown(20) },
    repair: both(farawayGone, clientOfItsOwn),
    ends: ['rolled back'],
  },
  ...['reached', 'proving', 'confirming'].map(
    (step): Fault => ({
      ...atStep('the old connections hang, new ones work', step, oldConnectionsHang, ['confirmed', 'rolled back']),
      repair: async (host) => host.inside('iptables -F INPUT'),
    }),
  ),
  ...['reached', 'proving'].map(
    (step): Fault => ({
      // That it hangs shows itself after some seconds: there has to be time for that.
      ...atStep('the shared connection of ssh hangs', step, sharedConnectionHangs, ['confirmed']),
      where: `before \`${step}\`; 40 s to be confirmed`,
      site: { confirmWithin: 40 },
      repair: sharedConnectionEnds,
    }),
  ),
];

/** What a reboot changes by itself: parameters that somebody had set, and that no file holds. */
export const lostByReboot: RegExp = /^[-+] sysctl \/proc\/sys\/net\/ipv6\/conf\/ens33\//;

/** The whole host killed, and booted again. */
export const powerCuts: readonly Fault[] = powerCutFaults().map((fault) => ({ differs: lostByReboot, ...fault }));

function powerCutFaults(): readonly Fault[] {
  return [
    {
      what: 'power cut',
      where: 'while the snapshot is taken',
      prepare: slowDisk('new.*'),
      at: { arming: once('new.*', powerCut) },
      repair: unwrapped,
      ends: ['unreachable'],
    },
    ...armed.map((step) => atStep('power cut', step, powerCut, ['rolled back'])),
    {
      what: 'power cut',
      where: 'while the network restarts',
      at: { 'applying network': once('current/cut', powerCut) },
      ends: ['rolled back'],
    },
    {
      what: 'power cut, and the controller killed',
      where: 'before `reached`',
      at: { reached: both(powerCut, killed) },
      ends: ['rolled back'],
    },
    {
      what: 'power cut',
      where: 'while the host confirms',
      prepare: slowDisk('current/confirmed'),
      at: { confirming: once('current/confirmed', powerCut) },
      repair: unwrapped,
      ends: ['confirmed'],
    },
    atStep('power cut', 'confirmed', powerCut, ['confirmed', 'unreachable']),
    {
      ...failing,
      what: 'power cut',
      where: 'while the host goes back',
      at: { 'applying network': both(farawayGone, once('current/rolling-back', powerCut)) },
      ends: ['rolled back'],
    },
    {
      what: 'power cut, and the host stays off until the controller has given up',
      where: 'before `reached`',
      at: { reached: (host) => host.lab.powerOff() },
      afterwards: (host) => host.lab.powerOn(),
      ends: ['unverified'],
    },
  ];
}

function atStep(what: string, step: string, inject: Fault['prepare'], ends: readonly Ending[]): Fault {
  return { what, where: `before \`${step}\``, ...(inject && { at: { [step]: inject } }), ends };
}

function downFor(seconds: number): readonly Fault[] {
  const what = `link down for ${seconds} s`;
  return [
    ...before.map((step) => atStep(what, step, linkDown(seconds), ['confirmed', 'unreachable', 'rolled back'])),
    ...armed.map((step) => atStep(what, step, linkDown(seconds), ['confirmed', 'rolled back'])),
    atStep(what, 'confirmed', linkDown(seconds), ['confirmed']),
    {
      ...failing,
      what,
      where: 'before `rolling-back`, of a change whose proof has failed',
      at: { 'applying network': farawayGone, 'rolling-back': linkDown(seconds) },
      ends: ['rolled back'],
    },
  ];
}
