import { play } from 'kvm-play';
import { service, sysctl } from 'kvm-play/modules';
import { parameterFile, parameters, units } from './wanted.ts';

export default play({
  name: 'Benchmark',
  tasks: [
    ...Object.entries(parameters).map(([key, value]) => sysctl({ values: { [key]: value }, file: parameterFile })),
    ...units.map(({ name, isOn }) => service({ name, state: isOn ? 'started' : 'stopped', enabled: isOn })),
  ],
});
