import { z } from 'zod';
import type { Route } from '../routes.ts';

type Json = Record<string, unknown>;

/** The OpenAPI 3.1 document of every route that has a `doc`: made of the same schemas that check the requests. */
export function openApi(table: readonly Route[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of table) {
    if (!route.doc) continue;
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    (paths[path] ??= {})[route.method] = operation(route, path);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Troupe', version, description: 'Both mounts answer alike: /api/v1 in snake_case, /api in camelCase.' },
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' }, session: { type: 'apiKey', in: 'cookie', name: 'troupe_session' } },
      schemas: { Problem: { type: 'object', required: ['title', 'status', 'detail', 'code', 'success', 'error', 'message'], properties: { type: { type: 'string' }, title: { type: 'string' }, status: { type: 'integer' }, detail: { type: 'string' }, code: { type: 'string' }, field: { type: 'string' }, success: { const: false }, error: { type: 'string' }, message: { type: 'string' } } } },
    },
  };
}

function operation(route: Route, path: string): Json {
  const doc = route.doc!;
  const problem = { description: 'a problem (RFC 9457)', content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } };
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
  return {
    tags: [doc.tag],
    summary: doc.summary,
    operationId: `${route.method}${path.replace(/[^A-Za-z0-9]+(.)?/g, (_, c: string | undefined) => (c ?? '').toUpperCase())}`,
    ...(doc.canonical ? { description: `The same as ${doc.canonical}.`, 'x-canonical': doc.canonical } : {}),
    'x-scope': route.needs,
    security: route.needs === 'public' ? [] : [{ bearer: [] }, { session: [] }],
    parameters: [...inPath, ...inQuery(doc.query)],
    ...(doc.body ? { requestBody: { content: { 'application/json': { schema: schemaOf(doc.body) } } } } : {}),
    responses: {
      [String(doc.status ?? 200)]: { description: doc.answer },
      ...Object.fromEntries(Object.entries(doc.also ?? {}).map(([status, description]) => [status, { description }])),
      ...(route.needs === 'public' ? {} : { 401: problem, 403: problem }),
      ...(doc.body || doc.query || inPath.length > 0 ? { 422: problem } : {}),
      ...(inPath.length > 0 ? { 404: problem } : {}),
    },
  };
}

function inQuery(query: z.ZodObject | undefined): Json[] {
  if (!query) return [];
  const schema = schemaOf(query) as { properties?: Record<string, Json & { description?: string }>; required?: string[] };
  return Object.entries(schema.properties ?? {}).map(([name, s]) => ({ name, in: 'query', required: false, ...(s.description ? { description: s.description } : {}), schema: s }));
}

function schemaOf(schema: z.ZodType): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Json;
  return rest;
}
