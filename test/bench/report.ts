/** What a tool came to in one situation: medians. */
export interface Row {
  readonly scenario: string;
  readonly hosts: number;
  /** Milliseconds there and back. */
  readonly rtt: number;
  /** True over connections that an earlier run had left open. */
  readonly warm: boolean;
  readonly tool: string;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly kibibytes: number;
  /** Half of the times at which the talking changed sides. */
  readonly turns: number;
}

type Peaks = Readonly<Record<number, Readonly<Record<string, number>>>>;

/** Writes the table of a benchmark as Markdown, with the date and the machine. */
export function markdown(rows: readonly Row[], memory: Peaks, machine: string, remarks: readonly string[]): string {
  const tools = [...new Set(rows.map(({ tool }) => tool))];
  const [own = '', ...others] = tools;
  const situations = new Map<string, Row[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.scenario, row.hosts, row.rtt, row.warm]);
    situations.set(key, [...(situations.get(key) ?? []), row]);
  }
  const lines = [...situations.values()].map((group) => {
    const by = (tool: string): Row | undefined => group.find((row) => row.tool === tool);
    const [first] = group;
    const seconds = by(own)?.seconds ?? Number.NaN;
    return cells([
      first?.scenario ?? '',
      String(first?.hosts),
      `${first?.rtt} ms`,
      first?.warm ? 'warm' : 'fresh',
      ...tools.map((tool) => by(tool)?.seconds.toFixed(2) ?? ''),
      ...others.map((tool) => `${((by(tool)?.seconds ?? Number.NaN) / seconds).toFixed(1)}×`),
      ...tools.map((tool) => by(tool)?.cpuSeconds.toFixed(2) ?? ''),
      ...tools.map((tool) => (first?.hosts === 1 ? (by(tool)?.turns.toFixed(0) ?? '') : '')),
      ...tools.map((tool) => by(tool)?.kibibytes.toFixed(0) ?? ''),
    ]);
  });
  const heads = [
    ...['to do', 'hosts', 'round trip', 'connection'],
    ...tools.map((tool) => `${tool}, s`),
    ...others.map((tool) => `${tool} ÷ ${own}`),
    ...tools.map((tool) => `CPU ${tool}, s`),
    ...tools.map((tool) => `turns ${tool}`),
    ...tools.map((tool) => `KiB ${tool}`),
  ];
  const peaks = Object.entries(memory).map(([hosts, of]) =>
    cells([hosts, ...tools.map((tool) => of[tool]?.toFixed(0) ?? '')]),
  );
  return `${new Date().toISOString().slice(0, 10)}, ${machine}.

${cells(heads)}
${cells(heads.map(() => '---'))}
${lines.join('\n')}

Memory at its peak with all \`ssh\` processes, in MiB:

${cells(['hosts', ...tools])}
${cells(['---', ...tools.map(() => '---')])}
${peaks.join('\n')}

${slopes(rows, tools)}

${remarks.join('\n\n')}
`;
}

/** Round trips by slope: how much longer a run takes for each millisecond of the way. */
function slopes(rows: readonly Row[], tools: readonly string[]): string {
  const of = (tool: string, warm: boolean): string => {
    const at = (rtt: number): number =>
      rows.find(
        (row) =>
          row.tool === tool &&
          row.warm === warm &&
          row.rtt === rtt &&
          row.hosts === 1 &&
          row.scenario === 'nothing to do',
      )?.seconds ?? Number.NaN;
    return ((at(100) - at(0)) / 0.1).toFixed(1);
  };
  return `Round trips by slope, with nothing to do on one host:

${cells(['connection', ...tools])}
${cells(['---', ...tools.map(() => '---')])}
${cells(['fresh', ...tools.map((tool) => of(tool, false))])}
${cells(['warm', ...tools.map((tool) => of(tool, true))])}`;
}

function cells(values: readonly string[]): string {
  return `| ${values.join(' | ')} |`;
}

/** The middle one of some values. */
export function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}
