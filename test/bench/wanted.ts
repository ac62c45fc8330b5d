/** Kernel parameters of the site that all tools apply, live and in {@link parameterFile}. Turning on forwarding resets others, so it comes first. */
export const parameters: Readonly<Record<string, number>> = {
  'net.ipv4.ip_forward': 1,
  'net.ipv4.conf.all.rp_filter': 2,
  'net.ipv4.conf.all.accept_redirects': 0,
  'net.ipv4.conf.all.send_redirects': 0,
  'net.ipv4.conf.all.log_martians': 1,
  'net.ipv4.conf.default.rp_filter': 2,
  'net.ipv4.conf.default.accept_redirects': 0,
  'net.ipv4.conf.default.send_redirects': 0,
  'net.ipv4.tcp_keepalive_time': 600,
  'net.ipv4.tcp_fin_timeout': 30,
};

/** The file that keeps the parameters for the next boot. */
export const parameterFile = '/etc/sysctl.d/90-bench.conf';

/** Units of the site: whether each is to run and to start at boot. */
export const units: readonly { readonly name: string; readonly isOn: boolean }[] = Array.from(
  { length: 10 },
  (_, index) => ({ name: `bench-${index}`, isOn: index % 2 === 0 }),
);
