/** The OpenAPI document as a page that needs no script: it is written here, and styled by one file beside it. */

interface Operation {
  method: string;
  path: string;
  tag: string;
  summary: string;
  description: string;
  parameters: { name: string; place: string; isRequired: boolean; schema: unknown }[];
  body: unknown;
  answers: { status: string; type: string; schema: unknown }[];
}

type Schemas = Readonly<Record<string, unknown>>;

export function docsPage(document: unknown): string {
  const info = field(document, 'info');
  const schemas = record(field(field(document, 'components'), 'schemas'));
  const operations = operationsOf(document);
  const tags = [...new Set(operations.map(({ tag }) => tag))];
  const links = tags.map((tag) => `<a href="#${escaped(tag)}">${escaped(tag)}</a>`).join(' ');
  const sections = tags.map((tag) => {
    const own = operations.filter((operation) => operation.tag === tag);
    return `<section id="${escaped(tag)}"><h2>${escaped(tag)}</h2>${own.map((each) => operationHtml(each, schemas)).join('')}</section>`;
  });
  const types = Object.keys(schemas)
    .sort()
    .map(
      (name) => `<div id="type-${escaped(name)}"><h3>${escaped(name)}</h3><pre>${typeText(schemas[name])}</pre></div>`,
    );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(text(field(info, 'title')))} API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/docs.css">
</head>
<body>
<header>
<h1>${escaped(text(field(info, 'title')))} API <small>${escaped(text(field(info, 'version')))}</small></h1>
${paragraphs(text(field(info, 'description')))}
<p>For programs: <a href="/openapi.json">openapi.json</a></p>
<nav>${links} <a href="#types">types</a></nav>
</header>
<main>
${sections.join('\n')}
<section id="types"><h2>types</h2>${types.join('\n')}</section>
</main>
</body>
</html>
`;
}

function operationHtml(operation: Operation, schemas: Schemas): string {
  const { method, path, summary, description, parameters, body, answers } = operation;
  const rows = parameters.map(
    ({ name, place, isRequired, schema }) =>
      `<tr><td><code>${escaped(name)}</code></td><td>${escaped(place)}${isRequired ? ', required' : ''}</td>` +
      `<td><code>${typeText(schema)}</code></td></tr>`,
  );
  const parts = [
    paragraphs(description),
    rows.length === 0 ? '' : `<table><tbody>${rows.join('')}</tbody></table>`,
    body === undefined ? '' : `<h4>Body</h4><pre>${openedText(body, schemas)}</pre>`,
    ...answers.map(
      ({ status, type, schema }) =>
        `<h4>${escaped(status === 'default' ? 'Otherwise' : status)} <small>${escaped(type)}</small></h4>` +
        `<pre>${openedText(schema, schemas)}</pre>`,
    ),
  ];
  return (
    `<details><summary><b class="${escaped(method)}">${escaped(method.toUpperCase())}</b> <code>${escaped(path)}</code> ` +
    `${escaped(summary)}</summary>${parts.join('')}</details>`
  );
}

function operationsOf(document: unknown): Operation[] {
  return Object.entries(record(field(document, 'paths'))).flatMap(([path, methods]) =>
    Object.entries(record(methods)).map(([method, operation]) => ({
      method,
      path,
      tag: text(list(field(operation, 'tags'))[0]) || 'other',
      summary: text(field(operation, 'summary')),
      description: text(field(operation, 'description')),
      parameters: list(field(operation, 'parameters')).map((each) => ({
        name: text(field(each, 'name')),
        place: text(field(each, 'in')),
        isRequired: field(each, 'required') === true,
        schema: field(each, 'schema'),
      })),
      body: contentOf(field(operation, 'requestBody'))?.schema,
      answers: Object.entries(record(field(operation, 'responses'))).map(([status, answer]) => ({
        status,
        type: contentOf(answer)?.type ?? '',
        schema: contentOf(answer)?.schema,
      })),
    })),
  );
}

function contentOf(value: unknown): { type: string; schema: unknown } | undefined {
  const [entry] = Object.entries(record(field(value, 'content')));
  return entry && { type: entry[0], schema: field(entry[1], 'schema') };
}

const wordsForBounds = ['minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems', 'format', 'default'];

/** A JSON schema in the short notation of TypeScript, as HTML; a named one is a link. */
function typeText(schema: unknown, indent = ''): string {
  const reference = text(field(schema, '$ref')).split('/').at(-1);
  if (reference) return `<a href="#type-${escaped(reference)}">${escaped(reference)}</a>`;
  const choices = field(schema, 'anyOf') ?? field(schema, 'oneOf');
  if (Array.isArray(choices)) return choices.map((each) => typeText(each, indent)).join(' | ');
  const values = field(schema, 'enum');
  if (Array.isArray(values)) return values.map((each) => escaped(JSON.stringify(each))).join(' | ');
  if (field(schema, 'const') !== undefined) return escaped(JSON.stringify(field(schema, 'const')));
  const type = field(schema, 'type');
  if (type === 'array') return arrayText(field(schema, 'items'), indent);
  if (type === 'object') return objectText(schema, indent);
  const bounds = wordsForBounds.flatMap((name) => {
    const value = field(schema, name);
    // The bounds of safe integers say nothing to a reader.
    return value === undefined || Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER
      ? []
      : [`${name} ${escaped(JSON.stringify(value))}`];
  });
  const name = escaped([type].flat().map(String).join(' | '));
  return `${type === undefined ? 'any' : name}${bounds.length === 0 ? '' : ` <i>${bounds.join(', ')}</i>`}`;
}

/** A named type with what is in it, so that nobody has to look it up; problems are everywhere the same. */
function openedText(schema: unknown, schemas: Schemas): string {
  const name = text(field(schema, '$ref')).split('/').at(-1);
  return name && name !== 'Problem' ? `${typeText(schema)} ${typeText(schemas[name])}` : typeText(schema);
}

function arrayText(items: unknown, indent: string): string {
  const text = typeText(items, indent);
  const isChoice = ['anyOf', 'oneOf', 'enum'].some((name) => field(items, name) !== undefined);
  return isChoice ? `(${text})[]` : `${text}[]`;
}

function objectText(schema: unknown, indent: string): string {
  const inner = `${indent}  `;
  const required = list(field(schema, 'required'));
  const lines = Object.entries(record(field(schema, 'properties'))).map(
    ([name, each]) => `${inner}${escaped(name)}${required.includes(name) ? '' : '?'}: ${typeText(each, inner)}`,
  );
  const others = field(schema, 'additionalProperties');
  if (typeof others === 'object') lines.push(`${inner}[name]: ${typeText(others, inner)}`);
  return lines.length === 0 ? '{}' : `{\n${lines.join('\n')}\n${indent}}`;
}

function paragraphs(value: string): string {
  return value
    .split('\n\n')
    .filter((each) => each !== '')
    .map((each) => `<p>${escaped(each).replace(/`([^`]+)`/g, '<code>$1</code>')}</p>`)
    .join('');
}

function escaped(value: string): string {
  return value.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

function record(value: unknown): Schemas {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

function field(value: unknown, name: string): unknown {
  return record(value)[name];
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export const docsStyle = `:root { color-scheme: light dark; --line: #8884; --soft: #8881; --link: light-dark(#0a58ca, #8ab4f8); }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; font: 16px/1.5 system-ui, sans-serif; }
h1 small, h4 small { font-weight: normal; opacity: 0.7; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
h4 { margin: 1rem 0 0.25rem; }
nav a { margin-right: 0.75rem; }
a { color: var(--link); }
details { border: 1px solid var(--line); border-radius: 6px; margin: 0.5rem 0; padding: 0.25rem 0.75rem; }
summary { cursor: pointer; }
summary b { display: inline-block; min-width: 3.5rem; }
b.post, b.put { color: light-dark(#9a3412, #fdba74); }
b.get { color: light-dark(#166534, #86efac); }
pre, code { font: 13px/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; background: var(--soft); padding: 0.5rem; border-radius: 4px; }
table { border-collapse: collapse; width: 100%; }
td { border-top: 1px solid var(--line); padding: 0.25rem 0.5rem; vertical-align: top; }
[id] { scroll-margin-top: 1rem; }
:target > h3 { background: light-dark(#fef08a, #854d0e); }
`;
