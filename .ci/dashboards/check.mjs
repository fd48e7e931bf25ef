// Writes the dashboards of a folder as TypeScript that compiles against Grafana's own types only if no key and no value
// is misspelt. The types have to be beside what is written: `make check-dashboards` sees to that.
//
//   node check.mjs dashboards > folder-with-node_modules/dashboards.ts
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const [folder] = process.argv.slice(2);
const types = (panel) => `./node_modules/@grafana/schema/dist/types/raw/composable/${panel}/panelcfg/x/types.gen`;
const lines = [
  "import { Dashboard, Panel } from '@grafana/schema';",
  // Everything may be left out, and an enumeration is written as its values.
  'type Loose<T> = T extends string ? `${T}` : T extends (infer U)[] ? Loose<U>[] :',
  '  T extends object ? { [K in keyof T]?: Loose<T[K]> } : T;',
];
const imported = new Set();
let count = 0;
for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
  const dashboard = JSON.parse(readFileSync(join(folder, file), 'utf8'));
  const declare = (type, value, where) => {
    count++;
    lines.push(`// ${file}: ${where}`, `export const value${count}: Loose<${type}> = ${JSON.stringify(value)};`);
  };
  const { panels, ...rest } = dashboard;
  // What only the data source knows is in no type.
  for (const variable of rest.templating.list) delete variable.definition;
  for (const annotation of rest.annotations.list) {
    for (const key of ['expr', 'step', 'titleFormat', 'textFormat', 'tagKeys', 'useValueForTime']) delete annotation[key];
  }
  declare('Dashboard', rest, 'without its panels');
  for (const panel of panels) {
    if (panel.type === 'row') continue;
    const { options, fieldConfig, ...outer } = panel;
    declare('Panel', outer, panel.title);
    const { custom, ...defaults } = fieldConfig.defaults;
    declare("NonNullable<Panel['fieldConfig']>", { ...fieldConfig, defaults }, `${panel.title}, fieldConfig`);
    const name = panel.type.replace('-', '');
    if (!imported.has(name)) {
      imported.add(name);
      lines.unshift(`import * as ${name} from '${types(name)}';`);
    }
    declare(`${name}.Options`, options, `${panel.title}, options`);
    if (custom) declare(`${name}.FieldConfig`, custom, `${panel.title}, custom`);
  }
}
console.log(lines.join('\n'));
