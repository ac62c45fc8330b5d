/** Compares kvm-play, Ansible and Ansible with Mitogen on the same throwaway host, in turns, in one run; see docs/speed.md. */
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { buildLab, installPackages, type Lab, missingPackages } from '../../lib/lab/index.ts';
import { DelayLink, type Traffic } from './link.ts';
import { manyTasks } from './many_tasks.ts';
import { peakMemory, timed } from './measure.ts';
import { markdown, median, type Row } from './report.ts';
import { startUp } from './start_up.ts';
import { type Ground, layGround, type Tool, tools } from './tools.ts';
import { parameterFile, parameters, units } from './wanted.ts';

/** Runs of which the median counts. */
const runs = Number(process.env.BENCH_RUNS ?? 3);
/** Round trips of the link, in milliseconds. */
const roundTrips = [0, 20, 100] as const;
/** Hosts that are run side by side. */
const crowds = [10, 50] as const;

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = join(root, 'docs/speed.md');
const crowdNetwork = '10.98.0';

/** What is to be done: how the host is brought into that state, and how many tasks then change. */
const scenarios = [
  { name: 'nothing to do', prepare: 'true', changed: 0 },
  { name: 'one change', prepare: 'sysctl -qw net.ipv4.tcp_fin_timeout=31', changed: 1 },
  {
    name: 'first run',
    prepare: `rm -f ${parameterFile}; systemctl -q disable --now ${namesOf(true)}; systemctl -q enable --now ${namesOf(false)}
for key in ${Object.keys(parameters).toReversed().join(' ')}; do sysctl -qw $key=$(($(sysctl -n $key) + 1)) || sysctl -qw $key=0; done; sysctl -qw net.ipv4.ip_forward=0`,
    changed: 20,
  },
] as const;

function namesOf(isOn: boolean): string {
  return units.flatMap((unit) => (unit.isOn === isOn ? [unit.name] : [])).join(' ');
}

class Bench {
  readonly #lab: Lab;
  readonly #link: DelayLink;
  readonly #directory: string;
  readonly rows: Row[] = [];
  #grounds = 0;

  constructor(lab: Lab, link: DelayLink, directory: string) {
    this.#lab = lab;
    this.#link = link;
    this.#directory = directory;
  }

  /** Tools take turns, so that a machine that slows down does so for all. */
  async compare(name: string, prepare: string, hosts: readonly string[], warm: boolean, rtt: number): Promise<void> {
    await this.#link.setRoundTrip(rtt);
    const grounds = new Map<Tool, Ground>();
    const seen = new Map<Tool, { seconds: number[]; cpu: number[]; traffic: Traffic[] }>();
    for (let run = 0; run < runs; run += 1) {
      const states = new Set<string>();
      for (const tool of tools) {
        await this.#lab.run(['sh', '-c', prepare]);
        const ground = (warm && grounds.get(tool)) || (await this.#newGround());
        if (warm && !grounds.has(tool)) {
          await this.#run(tool, ground, hosts);
          await this.#lab.run(['sh', '-c', prepare]);
        }
        grounds.set(tool, ground);
        await this.#link.reset();
        const cost = await this.#run(tool, ground, hosts);
        const traffic = await this.#link.read();
        const all = seen.get(tool) ?? { seconds: [], cpu: [], traffic: [] };
        seen.set(tool, all);
        all.seconds.push(cost.seconds);
        all.cpu.push(cost.cpuSeconds);
        all.traffic.push(traffic);
        states.add(await this.#state());
      }
      if (states.size !== 1)
        throw new Error(`the tools do not agree on the end state:\n${[...states].join('\n---\n')}`);
    }
    for (const [tool, { seconds, cpu, traffic }] of seen) {
      const row: Row = {
        scenario: name,
        hosts: hosts.length,
        rtt,
        warm,
        tool: tool.name,
        seconds: median(seconds),
        cpuSeconds: median(cpu),
        kibibytes: median(traffic.map(({ bytes }) => bytes / 1024)),
        turns: median(traffic.map((each) => each.roundTrips)),
      };
      this.rows.push(row);
      console.log(JSON.stringify(row));
    }
  }

  /** Memory is measured in runs of their own: looking at it costs time. */
  async memory(hosts: readonly string[]): Promise<Readonly<Record<string, number>>> {
    await this.#link.setRoundTrip(0);
    const peaks: Record<string, number> = {};
    for (const tool of tools) {
      const ground = await this.#newGround();
      const { argv, env } = tool.command(ground, hosts);
      peaks[tool.name] = await peakMemory(argv, env, ground.directory);
      await this.#forget(ground);
    }
    console.log(JSON.stringify({ hosts: hosts.length, peaks }));
    return peaks;
  }

  async #run(tool: Tool, ground: Ground, hosts: readonly string[]) {
    const { argv, env } = tool.command(ground, hosts);
    return timed(argv, env, ground.directory);
  }

  /** Another ssh_config and another directory for sockets: no connection of an earlier run is found from there. */
  async #newGround(): Promise<Ground> {
    this.#grounds += 1;
    const directory = join(this.#directory, `ground-${this.#grounds}`);
    await mkdir(directory);
    await layGround(directory);
    const sshConfig = join(directory, 'ssh_config');
    await copyFile(this.#link.sshConfig, sshConfig);
    return { directory, sshConfig };
  }

  /** Ends the connections that persist: those of 50 hosts would be in the way of what is measured next. */
  async #forget({ directory }: Ground): Promise<void> {
    const { stdout } = await execa('pgrep', ['-f', `ssh .*${directory}/`], { reject: false });
    for (const pid of stdout.split('\n').filter((line) => line !== '')) {
      await execa('kill', [pid], { reject: false });
    }
  }

  /** What the site is about, whoever wrote it. */
  async #state(): Promise<string> {
    const script = `sysctl ${Object.keys(parameters).join(' ')}; sed 's/ *= */=/' ${parameterFile} | grep -v '^#' | sort
systemctl is-active ${units.map(({ name }) => name).join(' ')}; systemctl is-enabled ${units.map(({ name }) => name).join(' ')}; true`;
    return (await this.#lab.run(['sh', '-c', script])).stdout;
  }
}

/** Gives the lab's host its units, many addresses, and an sshd that takes many at once. */
async function furnish(lab: Lab): Promise<void> {
  const unit =
    '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n';
  for (const { name } of units) await lab.putFile(`/etc/systemd/system/${name}.service`, unit);
  await lab.putFile('/etc/ssh/sshd_config.d/bench.conf', 'MaxStartups 200:30:400\n');
  const addresses = Array.from(
    { length: Math.max(...crowds) },
    (_, index) => `ip address add ${crowdHost(index)}/32 dev lo`,
  );
  await lab.run(['sh', '-c', `systemctl daemon-reload; systemctl reload ssh; ${addresses.join('; ')}`]);
  const config = await readFile(lab.sshConfig, 'utf8');
  const wider = config.replace(/^Host \S+ 192\.168\..*$/m, `$& ${crowdNetwork}.*`);
  if (wider === config)
    throw new Error(`the lab's ssh_config has no line to which ${crowdNetwork}.* could be added:\n${config}`);
  await writeFile(lab.sshConfig, wider);
}

function crowdHost(index: number): string {
  return `${crowdNetwork}.${index + 1}`;
}

await installPackages([...(await missingPackages()), 'python3', 'ansible', 'ansible-mitogen', 'procps'], (message) =>
  console.log(message),
);
await execa('npm', ['run', 'build'], { cwd: root });
const lab = await buildLab({ onProgress: (message) => console.log(message) });
const directory = await mkdtemp(join(tmpdir(), 'kvm-play-bench-'));
try {
  await furnish(lab);
  const link = await DelayLink.lay(lab, [`${crowdNetwork}.0/24`]);
  try {
    const bench = new Bench(lab, link, directory);
    const one = [lab.hostAddress];
    // The host is brought into the wanted state once, by the first run of the first tool.
    await bench.compare('first run', scenarios[2].prepare, one, true, 0);
    for (const rtt of roundTrips) {
      for (const warm of [false, true]) await bench.compare('nothing to do', 'true', one, warm, rtt);
      await bench.compare('one change', scenarios[1].prepare, one, true, rtt);
    }
    const memory: Record<number, Readonly<Record<string, number>>> = { 1: await bench.memory(one) };
    for (const crowd of crowds) {
      const hosts = Array.from({ length: crowd }, (_, index) => crowdHost(index));
      await bench.compare('nothing to do', 'true', hosts, false, 0);
      memory[crowd] = await bench.memory(hosts);
    }
    const machine = `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, Node ${process.versions.node}`;
    const remarks = [await startUp(join(root, 'dist/lib/cli/main.js'), 10 * runs), await manyTasks(lab, link, runs)];
    const text = markdown(bench.rows, memory, machine, remarks);
    console.log(text);
    const before = await readFile(page, 'utf8').catch(() => '');
    const [head = '', , tail = ''] = before.split(/<!-- (?:begin|end) of the table -->\n/);
    await writeFile(page, `${head}<!-- begin of the table -->\n${text}<!-- end of the table -->\n${tail}`);
  } finally {
    await link.close();
  }
} finally {
  await lab.destroy();
  await rm(directory, { recursive: true, force: true });
}
