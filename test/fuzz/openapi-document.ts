/** The parts of an OpenAPI document that the fuzz reads; the document itself is what the server says of itself. */

export type Schema = Readonly<Record<string, unknown>>;

export interface Operation {
  method: string;
  path: string;
  parameters: { name: string; place: 'path' | 'query' | 'header'; isRequired: boolean; schema: Schema }[];
  body: Schema | undefined;
  /** By status, or `default`: media type and schema. */
  answers: ReadonlyMap<string, { type: string; schema: Schema }>;
}

export interface FuzzDocument {
  operations: Operation[];
  schemas: Readonly<Record<string, Schema>>;
}

export function readDocument(document: unknown): FuzzDocument {
  const schemas = record(field(field(document, 'components'), 'schemas'));
  const operations = Object.entries(record(field(document, 'paths'))).flatMap(([path, methods]) =>
    Object.entries(record(methods)).map(([method, operation]): Operation => {
      const parameters = field(operation, 'parameters');
      return {
        method: method.toUpperCase(),
        path,
        parameters: (Array.isArray(parameters) ? parameters : []).map((each) => ({
          name: String(field(each, 'name')),
          place: place(field(each, 'in')),
          isRequired: field(each, 'required') === true,
          schema: record(field(each, 'schema')),
        })),
        body: contentOf(field(operation, 'requestBody'))?.schema,
        answers: new Map(
          Object.entries(record(field(operation, 'responses'))).flatMap(([status, answer]) => {
            const content = contentOf(answer);
            return content ? [[status, content] as const] : [];
          }),
        ),
      };
    }),
  );
  return {
    operations,
    schemas: Object.fromEntries(Object.entries(schemas).map(([name, each]) => [name, record(each)])),
  };
}

function place(value: unknown): 'path' | 'query' | 'header' {
  if (value === 'path' || value === 'query' || value === 'header') return value;
  throw new Error(`A parameter stands in ${String(value)}, which the fuzz does not know`);
}

function contentOf(value: unknown): { type: string; schema: Schema } | undefined {
  const [entry] = Object.entries(record(field(value, 'content')));
  return entry && { type: entry[0], schema: record(field(entry[1], 'schema')) };
}

export function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

export function field(value: unknown, name: string): unknown {
  return record(value)[name];
}
