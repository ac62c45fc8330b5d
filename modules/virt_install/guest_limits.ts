import type { Domain } from '../../lib/formats/libvirt_xml.ts';
import { formatMemory, type GuestHardware } from './guest.ts';

/**
 * Says why a guest cannot get the processors or the memory that are wanted: other parts of its definition say how many there are,
 * and libvirt refuses what contradicts them, or passes over it without a word.
 */
export function limitsOf(domain: Domain, wanted: GuestHardware): readonly string[] {
  return [...processorLimits(domain, wanted), ...memoryLimits(domain, wanted)];
}

function processorLimits(domain: Domain, { vcpus }: GuestHardware): readonly string[] {
  const { topology, cells, hasProcessorList, name } = domain;
  const { maximum, current } = domain.vcpus;
  if (typeof vcpus !== 'number' || (vcpus === maximum && vcpus === current)) return [];
  const wish = `wanted are ${vcpus} processors`;
  if (hasProcessorList)
    return [`${wish}, and its definition lists each of the ${maximum}: change them with 'virsh edit ${name}'`];
  if (vcpus === maximum) return [];
  if (topology !== undefined && topology !== vcpus) {
    return [
      `${wish}, and its <topology> has ${topology}: change both with 'virsh edit ${name}', or name what is there`,
    ];
  }
  if (cells !== undefined) {
    return [
      `${wish}, and its ${maximum} are in NUMA cells: change both with 'virsh edit ${name}', or name what is there`,
    ];
  }
  return [];
}

function memoryLimits(domain: Domain, { memory }: GuestHardware): readonly string[] {
  const { name, cells, hasMemoryModules, memoryLimit, hugePage } = domain;
  const bytes = Number.parseInt(memory ?? '', 10) * 2 ** 20;
  if (memory === undefined || bytes === domain.memory) return [];
  const wish = `wanted are ${memory}`;
  const remedy = `change it with 'virsh edit ${name}', or name the ${formatMemory(domain.memory)} that are there`;
  if (cells !== undefined) return [`${wish}, and its memory is that of its NUMA cells: ${remedy}`];
  if (hasMemoryModules) return [`${wish}, and part of its memory is in modules: ${remedy}`];
  if (memoryLimit !== undefined && bytes > memoryLimit) {
    return [`${wish}, and its <maxMemory> is ${formatMemory(memoryLimit)}: ${remedy}`];
  }
  if (hugePage !== undefined && hugePage > 0 && bytes % hugePage !== 0) {
    return [`${wish}, and its memory is made of pages of ${formatMemory(hugePage)}: name a multiple of that`];
  }
  return [];
}
