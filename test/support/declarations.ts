import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What was parsed, by path: many tests ask for the same files. */
const parsed = new Map<string, readonly ts.Statement[]>();

/** The statements of one of the project's files. */
function statementsOf(path: string): readonly ts.Statement[] {
  const known = parsed.get(path);
  if (known !== undefined) return known;
  const text = readFileSync(join(root, path), 'utf8');
  const statements = [...ts.createSourceFile(path, text, ts.ScriptTarget.ES2022).statements];
  parsed.set(path, statements);
  return statements;
}

/** The names of properties. */
export function propertiesOf(members: readonly ts.TypeElement[]): readonly string[] {
  return members.flatMap(({ name }) => (name !== undefined && ts.isIdentifier(name) ? [name.text] : []));
}

/** The properties of an exported interface of one of the files, those of interfaces that it extends there included. */
export function interfaceOf(name: string, paths: readonly string[]): readonly string[] {
  const properties = declaredIn(name, paths.flatMap(statementsOf).filter(ts.isInterfaceDeclaration));
  if (properties.length === 0) throw new Error(`there is no interface ${name} in ${paths.join(', ')}`);
  return properties;
}

function declaredIn(name: string, interfaces: readonly ts.InterfaceDeclaration[]): readonly string[] {
  const found = interfaces.filter((each) => each.name.text === name);
  const bases = found.flatMap((each) => (each.heritageClauses ?? []).flatMap(({ types }) => [...types]));
  const inherited = bases.flatMap(({ expression }) =>
    ts.isIdentifier(expression) ? declaredIn(expression.text, interfaces) : [],
  );
  return [...inherited, ...propertiesOf(found.flatMap((each) => [...each.members]))];
}

/** The literals of an exported union of object types, by file; each is given as its members. */
export function unionOf(name: string, path: string): readonly (readonly ts.TypeElement[])[] {
  const alias = statementsOf(path)
    .filter(ts.isTypeAliasDeclaration)
    .find((each) => each.name.text === name);
  const types = alias !== undefined && ts.isUnionTypeNode(alias.type) ? [...alias.type.types] : [];
  return types.flatMap((type) => (ts.isTypeLiteralNode(type) ? [[...type.members]] : []));
}

/** The text of a property whose type is one literal. */
export function literalOf(members: readonly ts.TypeElement[], name: string): string | undefined {
  const property = members.filter(ts.isPropertySignature).find((member) => propertiesOf([member])[0] === name);
  const type = property?.type;
  return type !== undefined && ts.isLiteralTypeNode(type) && ts.isStringLiteral(type.literal)
    ? type.literal.text
    : undefined;
}
