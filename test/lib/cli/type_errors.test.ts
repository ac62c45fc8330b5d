import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { typeErrors } from '../../../lib/cli/type_errors.ts';

describe('typeErrors', () => {
  let directory: string;
  let site: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'kvm-play-typed-'));
    site = join(directory, 'site.ts');
    writeFileSync(site, 'export default 1;\n');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** TypeScript 7 as a project has it: a program, and no interface for JavaScript. @param program what the program does */
  function install(program: string): void {
    const folder = join(directory, 'node_modules/typescript');
    mkdirSync(join(folder, 'bin'), { recursive: true });
    const exports = { './package.json': './package.json', '.': './version.cjs' };
    const description = { name: 'typescript', version: '7.0.2', type: 'module', exports, bin: { tsc: './bin/tsc' } };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(description));
    writeFileSync(join(folder, 'version.cjs'), "exports.version = '7.0.2';\n");
    writeFileSync(join(folder, 'bin/tsc'), program);
  }

  test('has nothing to say where the project has no TypeScript', async () => {
    expect(await typeErrors(site)).toEqual([]);
  });

  test('gives what TypeScript 7 prints of the files of the site', async () => {
    install(`import { readFileSync } from 'node:fs';
const { files } = JSON.parse(readFileSync(process.argv[process.argv.indexOf('--project') + 1], 'utf8'));
console.log(files[0] + "(7,3): error TS2322: Type 'boolean' is not assignable to type 'A'.\\n  It is no 'A'.");
console.log('${directory}/node_modules/x/index.ts(1,1): error TS1: of somebody else');
console.log(files[0] + "(9,1): error TS2591: Cannot find name 'node:fs'. Do you need to install type definitions for node?");
console.log("${directory}/other.ts(1,2): error TS2304: Cannot find name 'y'.");
process.exitCode = 2;
`);
    const place = relative(process.cwd(), directory);
    expect(await typeErrors(site)).toEqual([
      `${place}/site.ts:7: TS2322: Type 'boolean' is not assignable to type 'A'.\n  It is no 'A'.`,
      `${place}/other.ts:1: TS2304: Cannot find name 'y'.`,
    ]);
  });

  test('has nothing to say where TypeScript does not run', async () => {
    install("throw new TypeError('no interface');\n");
    expect(await typeErrors(site)).toEqual([]);
  });
});
