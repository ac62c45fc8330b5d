/**
 * Runs the suite's site like the command does, and stops at each step of the protocol, before it is taken: the step's name goes
 * to descriptor 3, and nothing goes on until one byte has come from descriptor 4. Whoever started it may do anything meanwhile,
 * to this process and to the host. Descriptor 1 gets how it ended.
 */
import { readSync, writeSync } from 'node:fs';
import { exitCode } from '../../lib/cli/commands/exit_code.ts';
import { type PlayEvent, run } from '../../lib/index.ts';
import { faultSite, type SiteOptions } from './site.ts';

interface Order {
  readonly host: string;
  readonly sshConfig: string;
  readonly site: SiteOptions;
  readonly check: boolean;
  readonly expectNoChange: boolean;
}

const order: Order = JSON.parse(process.argv[2] ?? '');
const messages: string[] = [];

function onEvent(event: PlayEvent): void {
  if ('error' in event && event.error !== undefined) messages.push(event.error.message);
  if (event.type !== 'network-change') return;
  writeSync(3, `${event.phase === 'applying' ? `applying ${event.reason}` : event.phase}\n`);
  readSync(4, Buffer.alloc(1));
}

const { host, sshConfig, check, expectNoChange } = order;
const summary = await run(faultSite(order.site), { hosts: [host], sshConfig, check, onEvent });
writeSync(1, JSON.stringify({ exitCode: exitCode(summary, { expectNoChange }), messages }));
