import type { UnitLine, UnitSection } from '../../../lib/formats/unit_file.ts';

/** Puts a blank line between sections that have none. */
export function spaced(sections: readonly UnitSection[]): readonly UnitSection[] {
  return sections.map((section, index) => {
    const isLast = index === sections.length - 1;
    if (section.name === undefined) return section;
    const lines = trimmed(section.lines);
    return { ...section, lines: isLast ? lines : [...lines, { raw: '' }] };
  });
}

/** Removes blank lines from the end of the last section. */
export function endTrimmed(sections: readonly UnitSection[]): readonly UnitSection[] {
  return sections.map((section, index) =>
    index === sections.length - 1 ? { ...section, lines: trimmed(section.lines) } : section,
  );
}

/** Removes blank lines from the end of a section. */
export function trimmed(lines: readonly UnitLine[]): readonly UnitLine[] {
  return lines.slice(0, lines.findLastIndex(({ raw }) => raw.trim() !== '') + 1);
}
